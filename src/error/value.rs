//! The error itself.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::kind::{Kind, Scope};
use super::subject::{Peer, Subject};

/// Shorthand for results with this crate's [`Error`].
///
/// ```
/// fn name() -> cyrsync::Result<String> {
///     Ok(cyrsync::Config::from_text(b"configdirectory: /conf\n", "it")?.directory().display().to_string())
/// }
/// assert_eq!(name()?, "/conf");
/// # Ok::<(), cyrsync::Error>(())
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What caused an error.
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

/// A further property of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The peer answered NO.
    Refusal,
    /// A failure to log in or to encrypt that may be temporary.
    Passing,
    /// The connection ended without a reason from the peer.
    Unexplained,
    /// An event has reported all of it. Unlike the others, this mark can be combined with any of
    /// them.
    Reported,
}

/// An error: operation, subject, detail, cause and hint.
///
/// `Display` writes all of them on one line:
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

    /// Adds advice for the operator, unless there is better advice already.
    #[must_use]
    pub fn or_hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        if self.0.hint.is_empty() { self.hint(hint) } else { self }
    }

    /// Adds advice for the operator.
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
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Adds the other end of the operation.
    #[must_use]
    pub fn with_peer(mut self, peer: Peer) -> Self {
        self.0.peer = Some(peer);
        self
    }

    /// Adds every failure of a task, each with a subject of its own. If events have reported all of
    /// them, this error counts as reported too.
    #[must_use]
    pub fn with_parts(mut self, parts: Vec<Error>) -> Self {
        self.0.is_reported = parts.iter().all(|part| part.0.is_reported);
        self.0.parts = parts;
        self
    }

    /// Sets how much of a task the failure affects.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.0.scope = scope;
        self
    }

    /// Adds a further property.
    #[must_use]
    pub(crate) fn marked(mut self, mark: Mark) -> Self {
        match mark {
            Mark::Reported => self.0.is_reported = true,
            mark => self.0.mark = Some(mark),
        }
        self
    }

    /// Returns the same failure with another operation, subject and detail. Kind, peer, hint, parts
    /// and marks stay, and the old error becomes the cause.
    #[must_use]
    pub fn retold(
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

    /// Returns the failure as one of the replication of `subject`; unchanged if it is that already.
    #[must_use]
    pub fn over(self, subject: impl Into<Subject>) -> Self {
        const REPLICATE: &str = "replicate";
        let subject = subject.into();
        if self.0.op == REPLICATE && self.0.subject == subject {
            return self;
        }
        let Inner { op, subject: of, detail, .. } = &*self.0;
        let detail = format!("{op} {of}: {detail}");
        self.retold(REPLICATE, subject, detail)
    }

    /// Whether a retry is useless until a person changes something: the password or the certificate
    /// is refused, the configuration is wrong, or this is not a failure of the connection at all.
    pub fn is_final(&self) -> bool {
        match self.0.kind {
            Kind::Auth | Kind::Tls => self.0.mark != Some(Mark::Passing),
            kind => !kind.is_connection(),
        }
    }

    /// Whether the connection to the replica cannot be used any more.
    pub fn is_connection(&self) -> bool {
        self.0.kind.is_connection()
    }

    /// Whether it is the peer's NO to a command, which the session survives.
    pub fn is_refusal(&self) -> bool {
        self.0.mark == Some(Mark::Refusal)
    }

    /// Whether the connection ended and the peer gave no reason.
    pub(crate) fn is_unexplained(&self) -> bool {
        self.0.mark == Some(Mark::Unexplained)
    }

    /// Returns the kind, to branch on.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Returns the operation.
    pub fn op(&self) -> &str {
        &self.0.op
    }

    /// Returns the other end of the operation, if that matters.
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

    /// Returns the advice for the operator; empty if there is none.
    pub fn hint_text(&self) -> &str {
        &self.0.hint
    }

    /// Returns how much of a task the failure affects.
    pub fn scope(&self) -> Scope {
        self.0.scope
    }

    /// Returns every failure of a task, each with a subject of its own. Empty if this error is the
    /// only failure.
    pub fn parts(&self) -> &[Error] {
        &self.0.parts
    }

    /// Returns all failures: the parts, or this error if it has none.
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

/// An error as a log should write it: in full, or, if an event has reported it already, only what
/// failed.
#[derive(Debug, Clone, Copy)]
pub struct Mention<'e>(pub &'e Error);

impl Mention<'_> {
    /// Whether an event has reported all of the error, so that the log has it already.
    pub fn is_brief(self) -> bool {
        self.0.0.is_reported
    }
}

impl fmt::Display for Mention<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mention(error) = self;
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
