//! Defines the result codes in one table: number and name in C, whether a retry may succeed, and
//! the kind of error that a code stands for.
//!
//! cbindgen does not expand macros. So `build.rs` reads the rows of [`results!`] and makes a plain
//! enumeration of them for cbindgen.

use std::ffi::{CStr, c_int};

use crate::error::Kind;

/// In a row of the table: the same call may succeed later without a change.
const fn retryable() -> bool {
    true
}

/// In a row of the table: the same call fails again until something is changed.
const fn lasting() -> bool {
    false
}

/// Makes the enumeration from a table. The columns of a row are:
///
/// 1. the name of the code, and its number;
/// 2. `retryable` if the same call may succeed later without a change, else `lasting`;
/// 3. in brackets, the kind of error that the library reports with this code, if there is one;
/// 4. in brackets, the kind of error that this code means if a host returns it; empty if a host
///    must not return it.
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

            /// Returns the name with the prefix `CYRSYNC_RESULT_`, and with a zero byte at the end.
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

            /// Returns the kind of error that the library reports with this code, if there is one.
            #[cfg(test)]
            fn kind(self) -> Option<Kind> {
                match self {
                    $($($type::$code => Some(Kind::$kind),)?)*
                    _ => None,
                }
            }

            /// Returns the kind of error that the code means as the result of a host's function.
            /// Returns `None` if a host must not return this code.
            pub(super) fn host_kind(self) -> Option<Kind> {
                match self {
                    $($($type::$code => Some(Kind::$host),)?)*
                    _ => None,
                }
            }
        }

        /// Returns the code for a kind of error. The `match` has no default branch, so a new kind
        /// does not compile until the table has a row for it.
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
    /// The result of a call. Numbers never change their meaning. Later versions may add numbers:
    /// treat an unknown number as a failure. The first digit is the family: 1xx a wrong call; 2xx
    /// this server's configuration or mail store; 3xx the connection to the replica; 4xx the
    /// protocol; 5xx the replication of a user or mailbox; 9xx a bug in the library.
    enum cyrsync_result;

    /// Success.
    CYRSYNC_RESULT_OK = 0, lasting, [], [];
    /// A required pointer is NULL.
    CYRSYNC_RESULT_NULL_POINTER = 101, lasting, [], [InvalidArgument];
    /// An argument has a value that is not allowed.
    CYRSYNC_RESULT_INVALID_ARGUMENT = 102, lasting, [InvalidArgument], [InvalidArgument];
    /// Another call uses the client: a call in another thread, or the call whose callback runs now.
    CYRSYNC_RESULT_BUSY = 103, retryable, [], [InvalidArgument];
    /// imapd.conf lacks an option or holds a bad value.
    CYRSYNC_RESULT_CONFIG = 201, lasting, [Config], [Config];
    /// An operation on a file or directory failed.
    CYRSYNC_RESULT_IO = 202, lasting, [Io], [Io];
    /// A file or database of the mail store is damaged or inconsistent.
    CYRSYNC_RESULT_CORRUPT = 203, lasting, [Corrupt], [Corrupt];
    /// The configuration or the mail store uses a format, type or layout that the library cannot
    /// read.
    CYRSYNC_RESULT_UNSUPPORTED = 204, lasting, [Unsupported], [Unsupported];
    /// The user or mailbox is not on this server.
    CYRSYNC_RESULT_NOT_FOUND = 205, lasting, [NotFound], [NotFound];
    /// A repair had to write to this server, and failed. It writes through Cyrus's sync_server on
    /// this server, or through the host's apply function. That program or function could not be
    /// started, failed or refused. The replica is not the cause.
    CYRSYNC_RESULT_OWN_SERVER = 206, lasting, [OwnServer], [OwnServer];
    /// The host (the program that supplies the mail store: see cyrsync_host) gave impossible data.
    CYRSYNC_RESULT_HOST = 207, lasting, [Host], [];
    /// The client could not connect to the replica.
    CYRSYNC_RESULT_CONNECT = 301, retryable, [Connect], [];
    /// The replica refused the credentials, or both sides have no login mechanism in common.
    CYRSYNC_RESULT_AUTH = 302, lasting, [Auth], [];
    /// The replica did not answer in time.
    CYRSYNC_RESULT_TIMEOUT = 303, retryable, [Timeout], [];
    /// The replica closed the connection unexpectedly, or the connection broke.
    CYRSYNC_RESULT_CLOSED = 304, retryable, [Closed], [];
    /// The replica is shutting down.
    CYRSYNC_RESULT_BYE = 305, retryable, [Bye], [];
    /// The connection could not be encrypted, or the replica's certificate is not trusted.
    CYRSYNC_RESULT_TLS = 306, lasting, [Tls], [];
    /// The replica sent something that violates the protocol.
    CYRSYNC_RESULT_PROTOCOL = 401, retryable, [Protocol], [];
    /// The replica answered NO IMAP_PROTOCOL_ERROR: it did not understand a command.
    CYRSYNC_RESULT_REPLICA_PROTOCOL = 402, lasting, [ReplicaProtocol], [];
    /// The replica answered NO IMAP_PROTOCOL_BAD_PARAMETERS: it refused the arguments of a command.
    CYRSYNC_RESULT_REPLICA_BAD_PARAMETERS = 403, lasting, [ReplicaBadParameters], [];
    /// The replica answered NO IMAP_MAILBOX_NOTSUPPORTED: it does not support this kind of mailbox.
    CYRSYNC_RESULT_REPLICA_NOT_SUPPORTED = 404, lasting, [ReplicaNotSupported], [];
    /// The replica answered NO IMAP_SYNC_BADSIEVE: the Sieve script does not compile there.
    CYRSYNC_RESULT_REPLICA_BAD_SIEVE = 405, lasting, [ReplicaBadSieve], [];
    /// The replica answered NO for another reason. cyrsync_error_detail() returns the reason.
    CYRSYNC_RESULT_REPLICA_DENIED = 406, lasting, [ReplicaDenied], [];
    /// Another process holds a lock, and did not release it within the time limit.
    CYRSYNC_RESULT_LOCKED = 501, retryable, [Locked], [Locked];
    /// The mailbox got another name, uniqueid or partition during the call.
    CYRSYNC_RESULT_MOVED = 502, retryable, [Moved], [Moved];
    /// The user or mailbox kept changing while it was replicated.
    CYRSYNC_RESULT_CHANGED = 503, retryable, [Changed], [Changed];
    /// Master and replica were changed independently, and the repair that is needed is not allowed.
    CYRSYNC_RESULT_NEEDS_FULL_SYNC = 504, lasting, [NeedsFullSync], [NeedsFullSync];
    /// The call was cancelled, by cyrsync_client_cancel() or by the cancel callback.
    CYRSYNC_RESULT_CANCELLED = 505, lasting, [Cancelled], [Cancelled];
    /// The replica answered NO IMAP_INVALID_USER: there is no such user.
    CYRSYNC_RESULT_REPLICA_NO_USER = 511, lasting, [ReplicaNoUser], [];
    /// The replica answered NO IMAP_MAILBOX_NONEXISTENT: there is no such mailbox.
    CYRSYNC_RESULT_REPLICA_NO_MAILBOX = 512, lasting, [ReplicaNoMailbox], [];
    /// The replica answered NO IMAP_MAILBOX_LOCKED: another process there has locked the mailbox.
    CYRSYNC_RESULT_REPLICA_LOCKED = 513, retryable, [ReplicaLocked], [];
    /// The replica answered NO IMAP_MAILBOX_MOVED: the mailbox has another name or uniqueid there.
    CYRSYNC_RESULT_REPLICA_MOVED = 514, retryable, [ReplicaMoved], [];
    /// The replica answered NO IMAP_SYNC_CHECKSUM: after an update, its checksum of the mailbox
    /// differs from this server's checksum.
    CYRSYNC_RESULT_REPLICA_CHECKSUM = 515, lasting, [ReplicaChecksum], [];
    /// The replica answered NO IMAP_SYNC_CHANGED: the mailbox changed there since the client last
    /// read its state.
    CYRSYNC_RESULT_REPLICA_CHANGED = 516, retryable, [ReplicaChanged], [];
    /// A bug in the library: it caught its own panic. The client can only be freed.
    CYRSYNC_RESULT_PANIC = 900, lasting, [], [];
    /// A bug in the library: it detected an impossible state. The client can still be used.
    CYRSYNC_RESULT_INTERNAL = 901, lasting, [Internal], [];
}

impl cyrsync_result {
    /// Converts a number from C. Returns `None` if the number is not a result code.
    pub(super) fn from_number(number: c_int) -> Option<Self> {
        Self::ALL.iter().copied().find(|result| *result as c_int == number)
    }

    /// Returns the name without the prefix `CYRSYNC_RESULT_`.
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
    use crate::error::Error;

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
    fn temporary_errors_are_retryable_and_bugs_are_not() {
        use cyrsync_result::*;
        assert!(CYRSYNC_RESULT_TIMEOUT.is_retryable() && CYRSYNC_RESULT_BUSY.is_retryable());
        for lasts in [CYRSYNC_RESULT_OK, CYRSYNC_RESULT_PANIC, CYRSYNC_RESULT_INTERNAL] {
            assert!(!lasts.is_retryable(), "{lasts:?}");
        }
        // PANIC and INTERNAL are different: a caught panic is never INTERNAL, and `Kind::Internal`
        // is never PANIC.
        assert_eq!(cyrsync_result::from(Kind::Internal), CYRSYNC_RESULT_INTERNAL);
        assert_eq!(CYRSYNC_RESULT_PANIC.host_kind(), None);
    }

    #[test]
    fn an_error_is_retryable_if_its_code_is() {
        for (code, kind) in cyrsync_result::ALL.iter().filter_map(|code| Some((code, code.kind()?)))
        {
            let error = Error::new(kind, "talk to", "the replica", "it failed");
            assert_eq!(error.is_retryable(), code.is_retryable(), "{code:?}");
        }
    }
}
