//! Result codes.

use std::ffi::{CStr, c_int};

use crate::error::Kind;

/// How a call ended: for branching. Numbers never change their meaning; new ones may come, so
/// do not rely on having seen them all. Families: 1xx the call was wrong; 2xx this server's
/// configuration or mail store; 3xx reaching the replica; 4xx the protocol; 5xx how replication
/// of a user or mailbox ended; 9xx a bug of the library.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_result {
    /// It is done.
    CYRSYNC_RESULT_OK = 0,
    /// A pointer is NULL that must not be.
    CYRSYNC_RESULT_NULL_POINTER = 101,
    /// An argument is something that cannot be.
    CYRSYNC_RESULT_INVALID_ARGUMENT = 102,
    /// The client is in use: by another thread, or by the call whose callback made this one.
    CYRSYNC_RESULT_BUSY = 103,
    /// imapd.conf lacks an option or holds a bad value.
    CYRSYNC_RESULT_CONFIG = 201,
    /// The operating system refused a file or directory.
    CYRSYNC_RESULT_IO = 202,
    /// A file or database of the mail store does not hold what it must.
    CYRSYNC_RESULT_CORRUPT = 203,
    /// A format, type or layout that this library does not read.
    CYRSYNC_RESULT_UNSUPPORTED = 204,
    /// The user or mailbox is not on this server.
    CYRSYNC_RESULT_NOT_FOUND = 205,
    /// This server's own sync_server (or the host), through which a repair writes, cannot be
    /// started, failed or refused. The replica has no part in it.
    CYRSYNC_RESULT_OWN_SERVER = 206,
    /// The host, the program that supplies the mail store, gave something that cannot be.
    CYRSYNC_RESULT_HOST = 207,
    /// No connection to the replica could be made.
    CYRSYNC_RESULT_CONNECT = 301,
    /// The replica refused the credentials, or no mechanism is common to both.
    CYRSYNC_RESULT_AUTH = 302,
    /// The replica did not answer in time.
    CYRSYNC_RESULT_TIMEOUT = 303,
    /// The connection ended in the middle.
    CYRSYNC_RESULT_CLOSED = 304,
    /// The replica is shutting down.
    CYRSYNC_RESULT_BYE = 305,
    /// The connection could not be encrypted, or the replica's certificate is not to be trusted.
    CYRSYNC_RESULT_TLS = 306,
    /// The replica sent something that is not the protocol.
    CYRSYNC_RESULT_PROTOCOL = 401,
    /// The replica answered: protocol error.
    CYRSYNC_RESULT_REPLICA_PROTOCOL = 402,
    /// The replica answered: bad parameters.
    CYRSYNC_RESULT_REPLICA_BAD_PARAMETERS = 403,
    /// The replica answered: no such kind of mailbox here.
    CYRSYNC_RESULT_REPLICA_NOT_SUPPORTED = 404,
    /// The replica answered: the Sieve script does not compile.
    CYRSYNC_RESULT_REPLICA_BAD_SIEVE = 405,
    /// The replica refused for another reason, which the error object tells.
    CYRSYNC_RESULT_REPLICA_DENIED = 406,
    /// Somebody else holds a lock that was asked for without waiting.
    CYRSYNC_RESULT_LOCKED = 501,
    /// The mailbox got another name, uniqueid or partition meanwhile.
    CYRSYNC_RESULT_MOVED = 502,
    /// The user or mailbox kept changing while it was replicated.
    CYRSYNC_RESULT_CHANGED = 503,
    /// Both sides have diverged, and bringing them together is not allowed.
    CYRSYNC_RESULT_NEEDS_FULL_SYNC = 504,
    /// cyrsync_client_cancel() was called.
    CYRSYNC_RESULT_CANCELLED = 505,
    /// The replica answered: no such user.
    CYRSYNC_RESULT_REPLICA_NO_USER = 511,
    /// The replica answered: no such mailbox.
    CYRSYNC_RESULT_REPLICA_NO_MAILBOX = 512,
    /// The replica answered: somebody else has it locked.
    CYRSYNC_RESULT_REPLICA_LOCKED = 513,
    /// The replica answered: it is there with another name or uniqueid.
    CYRSYNC_RESULT_REPLICA_MOVED = 514,
    /// The replica ended with other contents than this server.
    CYRSYNC_RESULT_REPLICA_CHECKSUM = 515,
    /// The replica changed since it was last looked at.
    CYRSYNC_RESULT_REPLICA_CHANGED = 516,
    /// A bug: the library caught its own panic. The client can only be freed now.
    CYRSYNC_RESULT_PANIC = 900,
    /// A bug in the library: something happened that cannot be. The client can be used further.
    CYRSYNC_RESULT_INTERNAL = 901,
}

use cyrsync_result::*;

impl cyrsync_result {
    const ALL: &[cyrsync_result] = &[
        CYRSYNC_RESULT_OK,
        CYRSYNC_RESULT_NULL_POINTER,
        CYRSYNC_RESULT_INVALID_ARGUMENT,
        CYRSYNC_RESULT_BUSY,
        CYRSYNC_RESULT_CONFIG,
        CYRSYNC_RESULT_IO,
        CYRSYNC_RESULT_CORRUPT,
        CYRSYNC_RESULT_UNSUPPORTED,
        CYRSYNC_RESULT_NOT_FOUND,
        CYRSYNC_RESULT_OWN_SERVER,
        CYRSYNC_RESULT_HOST,
        CYRSYNC_RESULT_CONNECT,
        CYRSYNC_RESULT_AUTH,
        CYRSYNC_RESULT_TIMEOUT,
        CYRSYNC_RESULT_CLOSED,
        CYRSYNC_RESULT_BYE,
        CYRSYNC_RESULT_TLS,
        CYRSYNC_RESULT_PROTOCOL,
        CYRSYNC_RESULT_REPLICA_PROTOCOL,
        CYRSYNC_RESULT_REPLICA_BAD_PARAMETERS,
        CYRSYNC_RESULT_REPLICA_NOT_SUPPORTED,
        CYRSYNC_RESULT_REPLICA_BAD_SIEVE,
        CYRSYNC_RESULT_REPLICA_DENIED,
        CYRSYNC_RESULT_LOCKED,
        CYRSYNC_RESULT_MOVED,
        CYRSYNC_RESULT_CHANGED,
        CYRSYNC_RESULT_NEEDS_FULL_SYNC,
        CYRSYNC_RESULT_CANCELLED,
        CYRSYNC_RESULT_REPLICA_NO_USER,
        CYRSYNC_RESULT_REPLICA_NO_MAILBOX,
        CYRSYNC_RESULT_REPLICA_LOCKED,
        CYRSYNC_RESULT_REPLICA_MOVED,
        CYRSYNC_RESULT_REPLICA_CHECKSUM,
        CYRSYNC_RESULT_REPLICA_CHANGED,
        CYRSYNC_RESULT_PANIC,
        CYRSYNC_RESULT_INTERNAL,
    ];

    /// From a number that C passes, which may be any.
    pub(super) fn from_number(number: c_int) -> Option<Self> {
        Self::ALL.iter().copied().find(|result| *result as c_int == number)
    }

    /// What it means as the answer of a host; `None` if a host cannot answer so.
    pub(super) fn host_kind(self) -> Option<Kind> {
        Some(match self {
            CYRSYNC_RESULT_NULL_POINTER | CYRSYNC_RESULT_INVALID_ARGUMENT | CYRSYNC_RESULT_BUSY => {
                Kind::InvalidArgument
            }
            CYRSYNC_RESULT_CONFIG => Kind::Config,
            CYRSYNC_RESULT_IO => Kind::Io,
            CYRSYNC_RESULT_CORRUPT => Kind::Corrupt,
            CYRSYNC_RESULT_UNSUPPORTED => Kind::Unsupported,
            CYRSYNC_RESULT_NOT_FOUND => Kind::NotFound,
            CYRSYNC_RESULT_LOCKED => Kind::Locked,
            CYRSYNC_RESULT_MOVED => Kind::Moved,
            CYRSYNC_RESULT_CHANGED => Kind::Changed,
            CYRSYNC_RESULT_OWN_SERVER => Kind::OwnServer,
            CYRSYNC_RESULT_NEEDS_FULL_SYNC => Kind::NeedsFullSync,
            CYRSYNC_RESULT_CANCELLED => Kind::Cancelled,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static CStr {
        match self {
            CYRSYNC_RESULT_OK => c"OK",
            CYRSYNC_RESULT_NULL_POINTER => c"NULL_POINTER",
            CYRSYNC_RESULT_INVALID_ARGUMENT => c"INVALID_ARGUMENT",
            CYRSYNC_RESULT_BUSY => c"BUSY",
            CYRSYNC_RESULT_CONFIG => c"CONFIG",
            CYRSYNC_RESULT_IO => c"IO",
            CYRSYNC_RESULT_CORRUPT => c"CORRUPT",
            CYRSYNC_RESULT_UNSUPPORTED => c"UNSUPPORTED",
            CYRSYNC_RESULT_NOT_FOUND => c"NOT_FOUND",
            CYRSYNC_RESULT_OWN_SERVER => c"OWN_SERVER",
            CYRSYNC_RESULT_HOST => c"HOST",
            CYRSYNC_RESULT_CONNECT => c"CONNECT",
            CYRSYNC_RESULT_AUTH => c"AUTH",
            CYRSYNC_RESULT_TIMEOUT => c"TIMEOUT",
            CYRSYNC_RESULT_CLOSED => c"CLOSED",
            CYRSYNC_RESULT_BYE => c"BYE",
            CYRSYNC_RESULT_TLS => c"TLS",
            CYRSYNC_RESULT_PROTOCOL => c"PROTOCOL",
            CYRSYNC_RESULT_REPLICA_PROTOCOL => c"REPLICA_PROTOCOL",
            CYRSYNC_RESULT_REPLICA_BAD_PARAMETERS => c"REPLICA_BAD_PARAMETERS",
            CYRSYNC_RESULT_REPLICA_NOT_SUPPORTED => c"REPLICA_NOT_SUPPORTED",
            CYRSYNC_RESULT_REPLICA_BAD_SIEVE => c"REPLICA_BAD_SIEVE",
            CYRSYNC_RESULT_REPLICA_DENIED => c"REPLICA_DENIED",
            CYRSYNC_RESULT_LOCKED => c"LOCKED",
            CYRSYNC_RESULT_MOVED => c"MOVED",
            CYRSYNC_RESULT_CHANGED => c"CHANGED",
            CYRSYNC_RESULT_NEEDS_FULL_SYNC => c"NEEDS_FULL_SYNC",
            CYRSYNC_RESULT_CANCELLED => c"CANCELLED",
            CYRSYNC_RESULT_REPLICA_NO_USER => c"REPLICA_NO_USER",
            CYRSYNC_RESULT_REPLICA_NO_MAILBOX => c"REPLICA_NO_MAILBOX",
            CYRSYNC_RESULT_REPLICA_LOCKED => c"REPLICA_LOCKED",
            CYRSYNC_RESULT_REPLICA_MOVED => c"REPLICA_MOVED",
            CYRSYNC_RESULT_REPLICA_CHECKSUM => c"REPLICA_CHECKSUM",
            CYRSYNC_RESULT_REPLICA_CHANGED => c"REPLICA_CHANGED",
            CYRSYNC_RESULT_PANIC => c"PANIC",
            CYRSYNC_RESULT_INTERNAL => c"INTERNAL",
        }
    }

    pub(super) fn is_retryable(self) -> bool {
        match self {
            CYRSYNC_RESULT_BUSY
            | CYRSYNC_RESULT_CONNECT
            | CYRSYNC_RESULT_TIMEOUT
            | CYRSYNC_RESULT_CLOSED
            | CYRSYNC_RESULT_BYE
            | CYRSYNC_RESULT_LOCKED
            | CYRSYNC_RESULT_MOVED
            | CYRSYNC_RESULT_CHANGED
            | CYRSYNC_RESULT_REPLICA_LOCKED
            | CYRSYNC_RESULT_REPLICA_MOVED
            | CYRSYNC_RESULT_REPLICA_CHANGED => true,
            CYRSYNC_RESULT_OK
            | CYRSYNC_RESULT_NULL_POINTER
            | CYRSYNC_RESULT_INVALID_ARGUMENT
            | CYRSYNC_RESULT_CONFIG
            | CYRSYNC_RESULT_IO
            | CYRSYNC_RESULT_CORRUPT
            | CYRSYNC_RESULT_UNSUPPORTED
            | CYRSYNC_RESULT_NOT_FOUND
            | CYRSYNC_RESULT_OWN_SERVER
            | CYRSYNC_RESULT_HOST
            | CYRSYNC_RESULT_AUTH
            | CYRSYNC_RESULT_TLS
            | CYRSYNC_RESULT_PROTOCOL
            | CYRSYNC_RESULT_REPLICA_PROTOCOL
            | CYRSYNC_RESULT_REPLICA_BAD_PARAMETERS
            | CYRSYNC_RESULT_REPLICA_NOT_SUPPORTED
            | CYRSYNC_RESULT_REPLICA_BAD_SIEVE
            | CYRSYNC_RESULT_REPLICA_DENIED
            | CYRSYNC_RESULT_NEEDS_FULL_SYNC
            | CYRSYNC_RESULT_CANCELLED
            | CYRSYNC_RESULT_REPLICA_NO_USER
            | CYRSYNC_RESULT_REPLICA_NO_MAILBOX
            | CYRSYNC_RESULT_REPLICA_CHECKSUM
            | CYRSYNC_RESULT_PANIC
            | CYRSYNC_RESULT_INTERNAL => false,
        }
    }
}

/// Every kind has its number: a new one does not compile until it has.
impl From<Kind> for cyrsync_result {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::InvalidArgument => CYRSYNC_RESULT_INVALID_ARGUMENT,
            Kind::Config => CYRSYNC_RESULT_CONFIG,
            Kind::Io => CYRSYNC_RESULT_IO,
            Kind::Corrupt => CYRSYNC_RESULT_CORRUPT,
            Kind::Unsupported => CYRSYNC_RESULT_UNSUPPORTED,
            Kind::Locked => CYRSYNC_RESULT_LOCKED,
            Kind::NotFound => CYRSYNC_RESULT_NOT_FOUND,
            Kind::Moved => CYRSYNC_RESULT_MOVED,
            Kind::Changed => CYRSYNC_RESULT_CHANGED,
            Kind::Connect => CYRSYNC_RESULT_CONNECT,
            Kind::Tls => CYRSYNC_RESULT_TLS,
            Kind::Auth => CYRSYNC_RESULT_AUTH,
            Kind::Timeout => CYRSYNC_RESULT_TIMEOUT,
            Kind::Closed => CYRSYNC_RESULT_CLOSED,
            Kind::Bye => CYRSYNC_RESULT_BYE,
            Kind::Protocol => CYRSYNC_RESULT_PROTOCOL,
            Kind::ReplicaNoUser => CYRSYNC_RESULT_REPLICA_NO_USER,
            Kind::ReplicaNoMailbox => CYRSYNC_RESULT_REPLICA_NO_MAILBOX,
            Kind::ReplicaLocked => CYRSYNC_RESULT_REPLICA_LOCKED,
            Kind::ReplicaMoved => CYRSYNC_RESULT_REPLICA_MOVED,
            Kind::ReplicaNotSupported => CYRSYNC_RESULT_REPLICA_NOT_SUPPORTED,
            Kind::ReplicaChecksum => CYRSYNC_RESULT_REPLICA_CHECKSUM,
            Kind::ReplicaChanged => CYRSYNC_RESULT_REPLICA_CHANGED,
            Kind::ReplicaBadSieve => CYRSYNC_RESULT_REPLICA_BAD_SIEVE,
            Kind::ReplicaProtocol => CYRSYNC_RESULT_REPLICA_PROTOCOL,
            Kind::ReplicaBadParameters => CYRSYNC_RESULT_REPLICA_BAD_PARAMETERS,
            Kind::ReplicaDenied => CYRSYNC_RESULT_REPLICA_DENIED,
            Kind::NeedsFullSync => CYRSYNC_RESULT_NEEDS_FULL_SYNC,
            Kind::Cancelled => CYRSYNC_RESULT_CANCELLED,
            Kind::Internal => CYRSYNC_RESULT_INTERNAL,
            Kind::OwnServer => CYRSYNC_RESULT_OWN_SERVER,
            Kind::Host => CYRSYNC_RESULT_HOST,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_in_their_families() {
        let mut numbers = HashSet::new();
        let mut names = HashSet::new();
        for result in cyrsync_result::ALL {
            assert!(numbers.insert(*result as c_int) && names.insert(result.name()));
            assert_eq!(cyrsync_result::from_number(*result as c_int), Some(*result));
        }
        assert_eq!(cyrsync_result::from_number(1), None);
    }
}
