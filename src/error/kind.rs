//! Kinds of failures, and how much of a task a failure affects.

use serde::Serialize;

/// The kind of a failure, to branch on. [`Error`](super::Error) itself is for people.
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
    /// The caller passed an invalid value.
    InvalidArgument,
    /// imapd.conf lacks an option or holds a bad value.
    Config,
    /// The operating system refused a file or directory.
    Io,
    /// A file of the spool or a database has invalid content.
    Corrupt,
    /// A format, type or layout that is not read (yet).
    Unsupported,
    /// Another process holds a lock, and the caller asked not to wait for it.
    Locked,
    /// The user or mailbox is not on the master (any more).
    NotFound,
    /// The mailbox has another name, uniqueid or partition than a moment ago.
    Moved,
    /// The mailbox or user kept changing while it was replicated.
    Changed,
    /// No connection to the replica could be made.
    Connect,
    /// The connection could not be encrypted, or the replica's certificate is not trusted.
    Tls,
    /// The replica refused the credentials, or no mechanism is common to both.
    Auth,
    /// The replica did not answer in time.
    Timeout,
    /// The connection ended in the middle.
    Closed,
    /// The replica sent BYE: it is shutting down.
    Bye,
    /// The replica sent something that is not the protocol.
    Protocol,
    /// `NO IMAP_INVALID_USER`.
    ReplicaNoUser,
    /// `NO IMAP_MAILBOX_NONEXISTENT`.
    ReplicaNoMailbox,
    /// `NO IMAP_MAILBOX_LOCKED`.
    ReplicaLocked,
    /// `NO IMAP_MAILBOX_MOVED`: the mailbox exists with another name or uniqueid.
    ReplicaMoved,
    /// `NO IMAP_MAILBOX_NOTSUPPORTED`.
    ReplicaNotSupported,
    /// `NO IMAP_SYNC_CHECKSUM`: after the update the replica's content differs from ours.
    ReplicaChecksum,
    /// `NO IMAP_SYNC_CHANGED`: the replica has changed since we last read its state.
    ReplicaChanged,
    /// `NO IMAP_SYNC_BADSIEVE`: the script does not compile there.
    ReplicaBadSieve,
    /// `NO IMAP_PROTOCOL_ERROR`.
    ReplicaProtocol,
    /// `NO IMAP_PROTOCOL_BAD_PARAMETERS`.
    ReplicaBadParameters,
    /// Any other NO.
    ReplicaDenied,
    /// Master and replica have diverged: a full comparison with copyback is needed.
    NeedsFullSync,
    /// The caller asked to stop.
    Cancelled,
    /// A bug in this library: something impossible happened. A panic that is caught for C is such a
    /// bug too, but has a result code of its own there.
    Internal,
    /// The master's own replication server (or the host that writes in its place) cannot be
    /// started, failed, or refused a repair's command. The replica is not the cause.
    OwnServer,
    /// The program that supplies the mail store returned something invalid.
    Host,
}

impl Kind {
    /// Whether the connection to the replica cannot be used any more, or was never made.
    pub fn is_connection(self) -> bool {
        matches!(self, Kind::Connect | Kind::Tls | Kind::Auth) || self.is_lost()
    }

    /// Whether a working connection was lost, whatever the replica or the network did.
    pub fn is_lost(self) -> bool {
        matches!(self, Kind::Timeout | Kind::Closed | Kind::Bye | Kind::Protocol)
    }

    /// Whether the user must be left for later: another process is at work, here or on the replica.
    pub fn is_locked(self) -> bool {
        matches!(self, Kind::Locked | Kind::ReplicaLocked)
    }

    /// Whether the cause is a change that happened meanwhile, here or on the replica: another
    /// attempt may succeed.
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

    /// Whether it ends all work on this connection, not only the present part: the connection is
    /// lost, or the caller asked to stop.
    pub fn ends_all(self) -> bool {
        self.is_connection() || self == Kind::Cancelled
    }
}

/// How much of a task a failure affects.
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
    /// Perhaps all of it: a retry with a larger part, such as the whole user, may help.
    #[default]
    Unit,
    /// One mailbox, which is left out because connections were lost over it: a retry with a larger
    /// part does not help.
    LeftOut,
    /// Nothing was done: another worker of this client holds what is needed.
    PutOff,
    /// Damaged messages of one mailbox. The rest of it is on the replica, as far as possible.
    Damage,
}
