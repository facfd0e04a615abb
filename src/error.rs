//! The one error type of the public API: what was done, to what, where it went
//! wrong, why, and what to do next.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// Shorthand for results with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is: for branching. [`Error`] itself is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The caller passed something that cannot be.
    InvalidArgument,
    /// imapd.conf lacks an option or holds a bad value.
    Config,
    /// The operating system refused a file or directory.
    Io,
    /// A file of the spool or a database does not hold what it must.
    Corrupt,
    /// A format, type or layout that is not read (yet).
    Unsupported,
    /// Somebody else holds the lock that was asked for without waiting.
    Locked,
    /// The user or mailbox is not on the master (any more).
    NotFound,
    /// The mailbox has another name, uniqueid or partition than a moment ago.
    Moved,
    /// The mailbox or user kept changing while it was replicated.
    Changed,
    /// No connection to the replica could be made.
    Connect,
    /// The connection could not be encrypted, or the replica's certificate is not to be trusted.
    Tls,
    /// The replica refused the credentials, or no mechanism is common to both.
    Auth,
    /// The replica did not answer in time.
    Timeout,
    /// The connection ended in the middle.
    Closed,
    /// The replica said BYE: it is shutting down.
    Bye,
    /// The replica sent something that is not the protocol.
    Protocol,
    /// `NO IMAP_INVALID_USER`.
    ReplicaNoUser,
    /// `NO IMAP_MAILBOX_NONEXISTENT`.
    ReplicaNoMailbox,
    /// `NO IMAP_MAILBOX_LOCKED`.
    ReplicaLocked,
    /// `NO IMAP_MAILBOX_MOVED`: exists with another name or uniqueid.
    ReplicaMoved,
    /// `NO IMAP_MAILBOX_NOTSUPPORTED`.
    ReplicaNotSupported,
    /// `NO IMAP_SYNC_CHECKSUM`: the replica ended with other contents than ours.
    ReplicaChecksum,
    /// `NO IMAP_SYNC_CHANGED`: the replica changed since we last looked.
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
    /// A bug: the library caught its own panic.
    Internal,
}

#[derive(Debug)]
struct Inner {
    kind: Kind,
    op: Cow<'static, str>,
    subject: String,
    detail: String,
    hint: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    passing: bool,
}

/// An error: operation, subject, detail, cause and hint.
///
/// `Display` gives all of them on one line:
/// `open mailboxes.db /conf/mailboxes.db: bad magic at offset 0x0; hint: ...`.
#[derive(Debug)]
pub struct Error(Box<Inner>);

impl Error {
    /// A new error: `op` is a verb phrase ("read cyrus.index"), `subject` what it was
    /// done to (a path, mailbox, user or server), `detail` what went wrong.
    pub fn new(
        kind: Kind,
        op: impl Into<Cow<'static, str>>,
        subject: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Error(Box::new(Inner {
            kind,
            op: op.into(),
            subject: subject.into(),
            detail: detail.into(),
            hint: Cow::Borrowed(""),
            source: None,
            passing: false,
        }))
    }

    /// An I/O error on a path, with a hint to what commonly helps. `NotFound` stays distinguishable through [`Error::io_kind`].
    pub fn io(
        op: impl Into<Cow<'static, str>>,
        path: &std::path::Path,
        source: std::io::Error,
    ) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::PermissionDenied => {
                "give the file, and the directories above it, the owner and mode that Cyrus needs"
            }
            io::ErrorKind::StorageFull | io::ErrorKind::Interrupted => "",
            _ => {
                "see what is at this path; restore the file from a backup or, for a mailbox's, run \
                  reconstruct"
            }
        };
        Error::new(Kind::Io, op, path.display().to_string(), source.to_string())
            .hint(hint)
            .caused_by(source)
    }

    /// Adds what the operator can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = hint.into();
        self
    }

    /// Adds the underlying error.
    #[must_use]
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Marks a failure to log in or to encrypt that may pass by itself, which others do not.
    #[must_use]
    pub(crate) fn passing(mut self) -> Self {
        self.0.passing = true;
        self
    }

    /// Whether trying again cannot help before somebody changes something: the password or the
    /// certificate is refused, the configuration is wrong, or this is no failure of the connection
    /// at all.
    pub fn is_final(&self) -> bool {
        match self.0.kind {
            Kind::Auth | Kind::Tls => !self.0.passing,
            _ => !self.is_connection(),
        }
    }

    /// Whether a connection that was there is lost, by whatever the replica or the network did.
    pub fn is_lost(&self) -> bool {
        matches!(self.0.kind, Kind::Timeout | Kind::Closed | Kind::Bye | Kind::Protocol)
    }

    /// The same error for another who failed for the same reason, without the cause.
    #[must_use]
    pub fn again(&self) -> Error {
        Error::new(self.kind(), self.op().to_owned(), self.subject(), self.detail())
            .hint(self.hint_text().to_owned())
    }

    /// For branching.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What was being done.
    pub fn op(&self) -> &str {
        &self.0.op
    }

    /// What it was done to.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// What went wrong.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What to do next; empty if there is nothing to say.
    pub fn hint_text(&self) -> &str {
        &self.0.hint
    }

    /// The operating system's error kind, if that is the cause.
    pub fn io_kind(&self) -> Option<std::io::ErrorKind> {
        let source = self.0.source.as_deref()?;
        Some(source.downcast_ref::<std::io::Error>()?.kind())
    }

    /// Whether the connection to the replica cannot be used any more.
    pub fn is_connection(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Connect
                | Kind::Tls
                | Kind::Auth
                | Kind::Timeout
                | Kind::Closed
                | Kind::Bye
                | Kind::Protocol
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { op, subject, detail, hint, .. } = &*self.0;
        write!(f, "{op}")?;
        if !subject.is_empty() {
            write!(f, " {subject}")?;
        }
        write!(f, ": {detail}")?;
        if !hint.is_empty() {
            write!(f, "; hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

/// What a pure parser says of bytes it cannot accept: where and why.
/// It does not know the file; whoever does wraps it with [`Malformed::in_file`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at offset {offset:#x}")]
pub struct Malformed {
    /// Offset in the parsed bytes.
    pub offset: u64,
    /// What is wrong there.
    pub what: Cow<'static, str>,
}

impl Malformed {
    /// A complaint about the byte at `offset`.
    pub fn new(offset: impl TryInto<u64>, what: impl Into<Cow<'static, str>>) -> Self {
        Malformed { offset: offset.try_into().unwrap_or(u64::MAX), what: what.into() }
    }

    /// The same complaint with the file it is about and what repairs such a file.
    pub fn in_file(self, op: &'static str, path: &std::path::Path, hint: &'static str) -> Error {
        Error::new(Kind::Corrupt, op, path.display().to_string(), self.to_string())
            .hint(hint)
            .caused_by(self)
    }
}
