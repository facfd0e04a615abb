//! Result codes: one table for C's numbers and names, for what may succeed later, and for the
//! kinds of errors that they stand for.
//!
//! cbindgen expands no macros: `build.rs` reads the rows of [`results!`] and gives it an
//! enumeration of the same numbers.

use std::ffi::{CStr, c_int};

use crate::error::Kind;

/// What a row of the table says of time.
const fn retryable() -> bool {
    true
}

/// The other thing that a row may say.
const fn lasting() -> bool {
    false
}

/// Makes the codes of a table. A row is a name, its number, whether the same call may succeed later
/// by itself (`retryable`, `lasting`), the kind of error that is reported so, if there is one, and
/// the kind that a host means by it, if a host may answer so.
macro_rules! results {
    (
        $(#[$about:meta])*
        enum $type:ident;
        $($(#[$doc:meta])*
        $code:ident = $number:literal, $lasts:ident, [$($kind:ident)?], [$($host:ident)?];)*
    ) => {
        $(#[$about])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type {
            $($(#[$doc])* $code = $number,)*
        }

        impl $type {
            const ALL: &[$type] = &[$($type::$code),*];

            /// The name with its prefix.
            fn full_name(self) -> &'static str {
                match self {
                    $($type::$code => concat!(stringify!($code), "\0"),)*
                }
            }

            pub(super) fn is_retryable(self) -> bool {
                match self {
                    $($type::$code => $lasts(),)*
                }
            }

            /// What it means as the answer of a host; `None` if a host cannot answer so.
            pub(super) fn host_kind(self) -> Option<Kind> {
                match self {
                    $($($type::$code => Some(Kind::$host),)?)*
                    _ => None,
                }
            }
        }

        /// Every kind has its number: a new one does not compile until it has.
        impl From<Kind> for $type {
            fn from(kind: Kind) -> Self {
                match kind {
                    $($(Kind::$kind => $type::$code,)?)*
                }
            }
        }
    };
}

results! {
    /// How a call ended: for branching. Numbers never change their meaning; new ones may come, so
    /// treat an unknown one as a failure. Families: 1xx the call was wrong; 2xx this server's
    /// configuration or mail store; 3xx reaching the replica; 4xx the protocol; 5xx how replication
    /// of a user or mailbox ended; 9xx a bug of the library.
    enum cyrsync_result;

    /// It is done.
    CYRSYNC_RESULT_OK = 0, lasting, [], [];
    /// A required pointer is NULL.
    CYRSYNC_RESULT_NULL_POINTER = 101, lasting, [], [InvalidArgument];
    /// An argument has a value that is not allowed.
    CYRSYNC_RESULT_INVALID_ARGUMENT = 102, lasting, [InvalidArgument], [InvalidArgument];
    /// The client is in use: by another thread, or by the call whose callback made this one.
    CYRSYNC_RESULT_BUSY = 103, retryable, [], [InvalidArgument];
    /// imapd.conf lacks an option or holds a bad value.
    CYRSYNC_RESULT_CONFIG = 201, lasting, [Config], [Config];
    /// The operating system refused a file or directory.
    CYRSYNC_RESULT_IO = 202, lasting, [Io], [Io];
    /// A file or database of the mail store does not hold what it must.
    CYRSYNC_RESULT_CORRUPT = 203, lasting, [Corrupt], [Corrupt];
    /// A format, type or layout that this library does not read.
    CYRSYNC_RESULT_UNSUPPORTED = 204, lasting, [Unsupported], [Unsupported];
    /// The user or mailbox is not on this server.
    CYRSYNC_RESULT_NOT_FOUND = 205, lasting, [NotFound], [NotFound];
    /// This server's own sync_server (or the host), through which a repair writes, cannot be
    /// started, failed or refused. The replica has no part in it.
    CYRSYNC_RESULT_OWN_SERVER = 206, lasting, [OwnServer], [OwnServer];
    /// The host, the program that supplies the mail store, gave something that cannot be.
    CYRSYNC_RESULT_HOST = 207, lasting, [Host], [];
    /// No connection to the replica could be made.
    CYRSYNC_RESULT_CONNECT = 301, retryable, [Connect], [];
    /// The replica refused the credentials, or no mechanism is common to both.
    CYRSYNC_RESULT_AUTH = 302, lasting, [Auth], [];
    /// The replica did not answer in time.
    CYRSYNC_RESULT_TIMEOUT = 303, retryable, [Timeout], [];
    /// The connection ended in the middle.
    CYRSYNC_RESULT_CLOSED = 304, retryable, [Closed], [];
    /// The replica is shutting down.
    CYRSYNC_RESULT_BYE = 305, retryable, [Bye], [];
    /// The connection could not be encrypted, or the replica's certificate is not to be trusted.
    CYRSYNC_RESULT_TLS = 306, lasting, [Tls], [];
    /// The replica sent something that is not the protocol.
    CYRSYNC_RESULT_PROTOCOL = 401, lasting, [Protocol], [];
    /// The replica answered: protocol error.
    CYRSYNC_RESULT_REPLICA_PROTOCOL = 402, lasting, [ReplicaProtocol], [];
    /// The replica answered: bad parameters.
    CYRSYNC_RESULT_REPLICA_BAD_PARAMETERS = 403, lasting, [ReplicaBadParameters], [];
    /// The replica answered: no such kind of mailbox here.
    CYRSYNC_RESULT_REPLICA_NOT_SUPPORTED = 404, lasting, [ReplicaNotSupported], [];
    /// The replica answered: the Sieve script does not compile.
    CYRSYNC_RESULT_REPLICA_BAD_SIEVE = 405, lasting, [ReplicaBadSieve], [];
    /// The replica refused for another reason, which the error object says.
    CYRSYNC_RESULT_REPLICA_DENIED = 406, lasting, [ReplicaDenied], [];
    /// Another process holds a lock that was asked for without waiting.
    CYRSYNC_RESULT_LOCKED = 501, retryable, [Locked], [Locked];
    /// The mailbox got another name, uniqueid or partition meanwhile.
    CYRSYNC_RESULT_MOVED = 502, retryable, [Moved], [Moved];
    /// The user or mailbox kept changing while it was replicated.
    CYRSYNC_RESULT_CHANGED = 503, retryable, [Changed], [Changed];
    /// Both sides have diverged, and bringing them together is not allowed.
    CYRSYNC_RESULT_NEEDS_FULL_SYNC = 504, lasting, [NeedsFullSync], [NeedsFullSync];
    /// cyrsync_client_cancel() was called.
    CYRSYNC_RESULT_CANCELLED = 505, lasting, [Cancelled], [Cancelled];
    /// The replica answered: no such user.
    CYRSYNC_RESULT_REPLICA_NO_USER = 511, lasting, [ReplicaNoUser], [];
    /// The replica answered: no such mailbox.
    CYRSYNC_RESULT_REPLICA_NO_MAILBOX = 512, lasting, [ReplicaNoMailbox], [];
    /// The replica answered: another process has it locked.
    CYRSYNC_RESULT_REPLICA_LOCKED = 513, retryable, [ReplicaLocked], [];
    /// The replica answered: it is there with another name or uniqueid.
    CYRSYNC_RESULT_REPLICA_MOVED = 514, retryable, [ReplicaMoved], [];
    /// The replica ended with other contents than this server.
    CYRSYNC_RESULT_REPLICA_CHECKSUM = 515, lasting, [ReplicaChecksum], [];
    /// The replica changed since it was last looked at.
    CYRSYNC_RESULT_REPLICA_CHANGED = 516, retryable, [ReplicaChanged], [];
    /// A bug: the library caught its own panic. The client can only be freed now.
    CYRSYNC_RESULT_PANIC = 900, lasting, [], [];
    /// A bug in the library: something happened that cannot be. The client can be used further.
    CYRSYNC_RESULT_INTERNAL = 901, lasting, [Internal], [];
}

impl cyrsync_result {
    /// From a number that C passes, which may be any.
    pub(super) fn from_number(number: c_int) -> Option<Self> {
        Self::ALL.iter().copied().find(|result| *result as c_int == number)
    }

    /// The name without its prefix.
    pub(super) fn name(self) -> &'static CStr {
        let name = self.full_name();
        let name = name.strip_prefix("CYRSYNC_RESULT_").unwrap_or(name);
        CStr::from_bytes_with_nul(name.as_bytes()).unwrap_or(c"UNKNOWN")
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
        assert_eq!(cyrsync_result::CYRSYNC_RESULT_LOCKED.name(), c"LOCKED");
    }

    #[test]
    fn what_may_pass_by_itself_is_retryable_and_a_bug_is_not() {
        use cyrsync_result::*;
        assert!(CYRSYNC_RESULT_TIMEOUT.is_retryable() && CYRSYNC_RESULT_BUSY.is_retryable());
        for lasts in [CYRSYNC_RESULT_OK, CYRSYNC_RESULT_PANIC, CYRSYNC_RESULT_INTERNAL] {
            assert!(!lasts.is_retryable(), "{lasts:?}");
        }
        // A panic is never reported as a fault of our own, nor the other way round.
        assert_eq!(cyrsync_result::from(Kind::Internal), CYRSYNC_RESULT_INTERNAL);
        assert_eq!(CYRSYNC_RESULT_PANIC.host_kind(), None);
    }
}
