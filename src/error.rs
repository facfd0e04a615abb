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
    /// A bug in this library: something happened that cannot be. A panic that is caught for C is
    /// one too, but has a result code of its own there.
    Internal,
    /// The master's own replication server (or the host that writes in its place) cannot be started,
    /// failed, or refused what a repair wanted of it. The replica has no part in it.
    OwnServer,
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

    /// An I/O error on a path. Only what is true of every file is hinted at here; what helps with this
    /// one is for the caller to say, with [`Error::or_hint`]. `NotFound` stays distinguishable through
    /// [`Error::io_kind`].
    pub fn io(
        op: impl Into<Cow<'static, str>>,
        path: &std::path::Path,
        source: std::io::Error,
    ) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::PermissionDenied => {
                "run as the user that Cyrus runs as, and give the file and the directories above it \
                 the owner and mode that Cyrus needs"
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "make room on this file system"
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                "the file system is mounted read-only: the system's log may say why"
            }
            _ if is_bad_disk(&source) => {
                "the disk cannot be read there: see the system's log, and copy what can be read \
                 before anything is written to it"
            }
            _ => "",
        };
        Error::new(Kind::Io, op, path.display().to_string(), reason(&source))
            .hint(hint)
            .caused_by(source)
    }

    /// Adds what the operator can do about it, unless something better is known.
    #[must_use]
    pub fn or_hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        match self.0.hint.is_empty() {
            true => self.hint(hint),
            false => self,
        }
    }

    /// The same once more, for another who failed for the same reason, without its cause.
    #[must_use]
    pub fn again(&self) -> Error {
        let Inner { kind, op, subject, detail, hint, .. } = &*self.0;
        Error::new(*kind, op.clone(), subject.clone(), detail.clone()).hint(hint.clone())
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

/// Whether the hardware failed: then nothing may be advised that writes.
fn is_bad_disk(error: &io::Error) -> bool {
    /// EIO of Linux.
    const INPUT_OUTPUT: i32 = 5;
    error.raw_os_error() == Some(INPUT_OUTPUT)
}

/// Why the operating system refused, in words for people: without its number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_hint_of_the_operation_stands_behind_one_of_the_cause() {
        let path = Path::new("/conf/mailboxes.db");
        let of = |kind: io::ErrorKind| Error::io("open database", path, io::Error::from(kind));
        assert_eq!(of(io::ErrorKind::NotFound).hint_text(), "", "only the operation knows");
        let told = of(io::ErrorKind::NotFound).or_hint("check configdirectory");
        assert_eq!(told.hint_text(), "check configdirectory");
        let told = of(io::ErrorKind::StorageFull).or_hint("check configdirectory");
        assert_eq!(told.hint_text(), "make room on this file system");
        let failing = Error::io("read cyrus.index", path, io::Error::from_raw_os_error(5));
        let told = failing.or_hint("run reconstruct");
        assert!(!told.to_string().contains("reconstruct"), "{told}");
    }

    #[test]
    fn no_number_of_the_system_reaches_a_person() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(reason(&error), "No such file or directory");
        let error = Error::io("start", Path::new("/x"), error);
        assert_eq!(error.to_string(), "start /x: No such file or directory");
        assert_eq!(error.io_kind(), Some(io::ErrorKind::NotFound));
    }
}
