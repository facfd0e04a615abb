//! The error type.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::kind::{Kind, Scope};
use super::subject::{Peer, Subject};

/// A result with this crate's [`Error`].
///
/// ```
/// fn name() -> cyrsync::Result<String> {
///     Ok(cyrsync::Config::from_text(b"configdirectory: /conf\n", "it")?.directory().display().to_string())
/// }
/// assert_eq!(name()?, "/conf");
/// # Ok::<(), cyrsync::Error>(())
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause of an error.
type Source = Arc<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    op: Cow<'static, str>,
    peer: Option<Peer>,
    subject: Subject,
    detail: String,
    hint: Cow<'static, str>,
    source: Option<Source>,
    parts: Vec<Error>,
    scope: Scope,
    mark: Option<Mark>,
    is_reported: bool,
}

/// A further property of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The error is the peer's answer NO to a command.
    Refusal,
    /// The error is a failed login or encryption that may be temporary.
    Passing,
    /// The connection ended, and the peer gave no reason.
    Unexplained,
    /// Events have reported all failures in this error. Unlike the other marks, this one can be
    /// combined with another mark.
    Reported,
}

/// An error: operation, subject, detail, hint, cause and more.
///
/// `Display` writes operation, subject, detail and hint on one line:
/// `open mailboxes.db /conf/mailboxes.db: bad magic at offset 0x0; hint: ...`.
///
/// ```
/// use cyrsync::{Config, Kind};
///
/// let error = Config::load("/no/such/imapd.conf").unwrap_err();
/// assert_eq!(error.kind(), Kind::Config);
/// assert_eq!(error.subject(), "/no/such/imapd.conf");
/// assert!(error.to_string().contains("No such file or directory"), "{error}");
/// ```
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

impl Error {
    /// Makes an error: `op` is a verb phrase ("read cyrus.index"), `subject` the object of the
    /// operation (a path, mailbox, user or server), `detail` the problem.
    pub fn new(
        kind: Kind,
        op: impl Into<Cow<'static, str>>,
        subject: impl Into<Subject>,
        detail: impl Into<String>,
    ) -> Self {
        Error(Box::new(Inner {
            kind,
            op: op.into(),
            peer: None,
            subject: subject.into(),
            detail: detail.into(),
            hint: Cow::Borrowed(""),
            source: None,
            parts: Vec::new(),
            scope: Scope::Unit,
            mark: None,
            is_reported: false,
        }))
    }

    /// Adds advice for the administrator, unless the error already has some.
    #[must_use]
    pub(crate) fn or_hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        if self.0.hint.is_empty() { self.with_hint(hint) } else { self }
    }

    /// Sets the advice for the administrator. Replaces any earlier advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = hint.into();
        self
    }

    /// Sets the error that caused this one.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Sets the peer: the other side with which the operation communicated.
    #[must_use]
    pub(crate) fn with_peer(mut self, peer: Peer) -> Self {
        self.0.peer = Some(peer);
        self
    }

    /// Adds the single failures of a task, each with a subject of its own. If events have reported
    /// all of them, this error counts as reported too.
    #[must_use]
    pub(crate) fn with_parts(mut self, parts: Vec<Error>) -> Self {
        self.0.is_reported = parts.iter().all(|part| part.0.is_reported);
        self.0.parts = parts;
        self
    }

    /// Sets how much of a task the failure affects.
    #[must_use]
    pub(crate) fn with_scope(mut self, scope: Scope) -> Self {
        self.0.scope = scope;
        self
    }

    /// Adds a mark.
    #[must_use]
    pub(crate) fn marked(mut self, mark: Mark) -> Self {
        match mark {
            Mark::Reported => self.0.is_reported = true,
            mark => self.0.mark = Some(mark),
        }
        self
    }

    /// Returns the same failure with another operation, subject and detail. Kind, peer, hint,
    /// parts, scope and marks stay. The old error becomes the cause.
    #[must_use]
    pub(crate) fn reworded(
        self,
        op: impl Into<Cow<'static, str>>,
        subject: impl Into<Subject>,
        detail: impl Into<String>,
    ) -> Self {
        let mut inner = (*self.0).clone();
        (inner.op, inner.subject, inner.detail) = (op.into(), subject.into(), detail.into());
        inner.source = Some(Arc::new(self));
        Error(Box::new(inner))
    }

    /// Returns the failure as a failure to replicate `subject`, with the old operation in the
    /// detail. Returns it unchanged if it already is one.
    #[must_use]
    pub(crate) fn over(self, subject: impl Into<Subject>) -> Self {
        const REPLICATE: &str = "replicate";
        let subject = subject.into();
        if self.0.op == REPLICATE && self.0.subject == subject {
            return self;
        }
        let Inner { op, subject: of, detail, .. } = &*self.0;
        let detail = format!("{op} {of}: {detail}");
        self.reworded(REPLICATE, subject, detail)
    }

    /// Returns whether the same call may succeed later without a change by a person. Examples of
    /// errors for which it returns `true`: the connection was lost, another process holds a lock,
    /// the mailbox changed meanwhile, a login failed because the replica's password server is down.
    /// Examples of `false`: a refused password or certificate, a wrong configuration, a damaged
    /// file. `cyrsync_error_is_retryable()` in C returns the same.
    ///
    /// ```
    /// use cyrsync::{Error, Kind};
    ///
    /// assert!(Error::new(Kind::Locked, "lock", "user.fred", "is in use").is_retryable());
    /// assert!(!Error::new(Kind::Config, "read", "imapd.conf", "is empty").is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        match self.0.kind {
            Kind::Auth | Kind::Tls => self.0.mark == Some(Mark::Passing),
            Kind::Moved | Kind::Changed | Kind::ReplicaMoved | Kind::ReplicaChanged => true,
            kind => kind.is_connection() || kind.is_locked(),
        }
    }

    /// Returns whether there is no usable connection to the replica.
    pub fn is_connection(&self) -> bool {
        self.0.kind.is_connection()
    }

    /// Returns whether the error is the peer's answer NO to a command. The session is still usable
    /// then.
    pub fn is_refusal(&self) -> bool {
        self.0.mark == Some(Mark::Refusal)
    }

    /// Returns whether the connection ended and the peer gave no reason.
    pub(crate) fn is_unexplained(&self) -> bool {
        self.0.mark == Some(Mark::Unexplained)
    }

    /// Returns the kind of the failure, on which programs can branch.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Returns the operation.
    pub fn op(&self) -> &str {
        &self.0.op
    }

    /// Returns the peer: the other side with which the operation communicated. `None` if there is
    /// none.
    pub fn peer(&self) -> Option<&Peer> {
        self.0.peer.as_ref()
    }

    /// Returns the subject of the operation.
    pub fn subject(&self) -> &Subject {
        &self.0.subject
    }

    /// Returns what went wrong.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Returns the advice for the administrator; empty if there is none.
    pub fn hint(&self) -> &str {
        &self.0.hint
    }

    /// Returns how much of a task the failure affects.
    pub fn scope(&self) -> Scope {
        self.0.scope
    }

    /// Returns the single failures of a task, each with a subject of its own. Empty if this error
    /// is the only failure.
    pub fn parts(&self) -> &[Error] {
        &self.0.parts
    }

    /// Returns all failures: the parts or, if there are none, this error.
    pub fn failures(&self) -> &[Error] {
        if self.0.parts.is_empty() { std::slice::from_ref(self) } else { &self.0.parts }
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

/// Formats an error for the log. If an event has already reported the error, only its subject is
/// written, with a reference to the earlier line.
#[derive(Debug, Clone, Copy)]
pub struct BriefError<'e>(pub &'e Error);

impl BriefError<'_> {
    /// Returns whether events have reported all of the error, so that the log already has it.
    pub fn is_brief(self) -> bool {
        self.0.0.is_reported
    }
}

impl fmt::Display for BriefError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BriefError(error) = self;
        if !self.is_brief() {
            return error.fmt(f);
        }
        match error.failures() {
            [first, rest @ ..] if !rest.is_empty() => {
                write!(f, "{} and {} more failed, see above", first.subject(), rest.len())
            }
            failures => {
                let failed = failures.first().unwrap_or(error);
                write!(f, "{} failed, see above", failed.subject())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}
