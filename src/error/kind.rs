//! Kinds of failures, and how much of a task a failure affects.

use serde::Serialize;

/// The kind of a failure, on which programs can branch. The text of [`Error`](super::Error) is for
/// people.
///
/// ```
/// use cyrsync::Kind;
///
/// assert!(Kind::Bye.is_lost() && Kind::Bye.is_connection());
/// assert!(Kind::Locked.is_locked() && !Kind::Locked.is_connection());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The caller passed an invalid argument.
    InvalidArgument,
    /// imapd.conf lacks a required option or has an invalid value.
    Config,
    /// The operating system refused an operation on a file or directory.
    Io,
    /// A file of the spool or a database has invalid content.
    Corrupt,
    /// A format, type or layout that this library cannot read.
    Unsupported,
    /// Another process holds a lock, and the caller asked not to wait for it, or waited as long as
    /// the settings allow.
    Locked,
    /// The user or mailbox does not exist on the master.
    NotFound,
    /// The name, uniqueid or partition of the mailbox changed while the mailbox was used.
    Moved,
    /// The mailbox or user kept changing while it was replicated.
    Changed,
    /// No connection to the replica could be made.
    Connect,
    /// The connection could not be encrypted, or the replica's certificate is not trusted.
    Tls,
    /// The replica refused the credentials, or client and replica have no login mechanism in
    /// common.
    Auth,
    /// The replica did not answer in time.
    Timeout,
    /// The connection ended during an operation.
    Closed,
    /// The replica sent BYE: its server is shutting down.
    Bye,
    /// The replica sent data that violates the protocol.
    Protocol,
    /// The replica answered `NO IMAP_INVALID_USER`.
    ReplicaNoUser,
    /// The replica answered `NO IMAP_MAILBOX_NONEXISTENT`.
    ReplicaNoMailbox,
    /// The replica answered `NO IMAP_MAILBOX_LOCKED`.
    ReplicaLocked,
    /// The replica answered `NO IMAP_MAILBOX_MOVED`: the mailbox exists with another name or
    /// uniqueid.
    ReplicaMoved,
    /// The replica answered `NO IMAP_MAILBOX_NOTSUPPORTED`.
    ReplicaNotSupported,
    /// The replica answered `NO IMAP_SYNC_CHECKSUM`: after an update its content differs from the
    /// master's.
    ReplicaChecksum,
    /// The replica answered `NO IMAP_SYNC_CHANGED`: it has changed since the client last read its
    /// state.
    ReplicaChanged,
    /// The replica answered `NO IMAP_SYNC_BADSIEVE`: its Sieve compiler refuses the script.
    ReplicaBadSieve,
    /// The replica answered `NO IMAP_PROTOCOL_ERROR`.
    ReplicaProtocol,
    /// The replica answered `NO IMAP_PROTOCOL_BAD_PARAMETERS`.
    ReplicaBadParameters,
    /// The replica answered NO with another code, or with none.
    ReplicaDenied,
    /// Master and replica have diverged. All records must be compared, and messages copied back to
    /// the master where necessary.
    NeedsFullSync,
    /// The caller has cancelled the operation.
    Cancelled,
    /// A bug in this library: something impossible happened. In the C ABI, a panic is such a bug
    /// too, but has its own result code.
    Internal,
    /// A repair could not write to the master: the master's own replication server (or the host
    /// that writes in its place) cannot be started, failed, or refused a command. The replica is
    /// not the cause.
    OwnServer,
    /// The program that supplies the mail store returned something invalid.
    Host,
}

impl Kind {
    /// Returns whether there is no usable connection to the replica: it was lost, or could not be
    /// made.
    pub fn is_connection(self) -> bool {
        matches!(self, Kind::Connect | Kind::Tls | Kind::Auth) || self.is_lost()
    }

    /// Returns whether a working connection was lost, for any reason.
    pub fn is_lost(self) -> bool {
        matches!(self, Kind::Timeout | Kind::Closed | Kind::Bye | Kind::Protocol)
    }

    /// Returns whether to try again later, because another process holds the user's lock, on the
    /// master or on the replica.
    pub fn is_locked(self) -> bool {
        matches!(self, Kind::Locked | Kind::ReplicaLocked)
    }

    /// Returns whether the cause is a change on the master or the replica during the operation.
    /// Then another attempt may succeed.
    pub fn is_change(self) -> bool {
        matches!(
            self,
            Kind::Moved
                | Kind::Changed
                | Kind::ReplicaChanged
                | Kind::ReplicaMoved
                | Kind::ReplicaNoMailbox
        )
    }

    /// Returns whether the failure ends all tasks on this connection, not only the current one: the
    /// connection cannot be used, or the caller has cancelled the operation.
    pub fn ends_all(self) -> bool {
        self.is_connection() || self == Kind::Cancelled
    }
}

/// How much of a task a failure affects, and whether a retry helps.
///
/// ```
/// use cyrsync::{Error, Kind, Scope};
///
/// let error = Error::new(Kind::Corrupt, "read", "user.fred", "message 3 is damaged");
/// assert_eq!(error.scope(), Scope::Unit);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scope {
    /// Possibly the whole task. A retry with a larger part, such as the whole user, may help.
    #[default]
    Unit,
    /// One mailbox, which is left out because connections were lost while it was replicated. A
    /// retry with a larger part does not help.
    LeftOut,
    /// The whole task, which was not started: another thread of this client is replicating the same
    /// user.
    PutOff,
    /// Some damaged messages of one mailbox. All other data of the mailbox is on the replica, as
    /// far as possible.
    Damage,
}
