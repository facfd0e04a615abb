//! The subjects of operations, and the peers with which operations communicate.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::types::{MboxName, Text, Uid, UserId, serialize_path};

/// The object of an operation. [`fmt::Display`] formats it as in error messages. An empty
/// [`Subject::Text`] means that there is no subject.
///
/// ```
/// use cyrsync::{Error, Kind, MboxName};
///
/// let name = MboxName::from("user.fred");
/// let error = Error::new(Kind::Corrupt, "read", &name, "it is damaged");
/// assert_eq!(error.subject().mailbox(), Some(&name));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subject {
    /// A user of the mail store.
    User {
        /// The userid.
        user: UserId,
    },
    /// A mailbox.
    Mailbox {
        /// The mailbox's internal name.
        mailbox: MboxName,
    },
    /// Several mailboxes that are replicated together.
    Mailboxes {
        /// The mailboxes' internal names.
        mailboxes: Vec<MboxName>,
    },
    /// A message.
    Message {
        /// The mailbox with the message.
        mailbox: MboxName,
        /// The message's UID.
        uid: Uid,
        /// The message file; `None` if unknown.
        #[serde(serialize_with = "serialize_path")]
        path: Option<PathBuf>,
    },
    /// Something else that is replicated: an entry of the sync log, a quota root.
    Item {
        /// The name in the sync log or in the command.
        item: Text,
    },
    /// A file or directory.
    Path {
        /// The path of the file or directory.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
    },
    /// A server.
    Host {
        /// The server's name or address.
        host: String,
    },
    /// Any other subject, as text.
    Text {
        /// The text.
        text: String,
    },
}

impl Subject {
    /// Creates the subject for a message of a mailbox. `path` is the message file, if it is known.
    pub fn message(mailbox: impl Into<MboxName>, uid: Uid, path: Option<PathBuf>) -> Subject {
        Subject::Message { mailbox: mailbox.into(), uid, path }
    }

    /// Creates the subject for an entry of the sync log, or for a quota root.
    pub fn item(item: impl Into<Text>) -> Subject {
        Subject::Item { item: item.into() }
    }

    /// Creates the subject for a server, by its name or address.
    pub fn host(host: impl Into<String>) -> Subject {
        Subject::Host { host: host.into() }
    }

    /// Returns whether there is no subject (an empty text).
    pub fn is_empty(&self) -> bool {
        matches!(self, Subject::Text { text } if text.is_empty())
    }

    /// Returns the user, if the subject is a user.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Subject::User { user } => Some(user),
            _ => None,
        }
    }

    /// Returns the mailbox of the subject. The subject must be a mailbox, a list of only one
    /// mailbox, or a message.
    pub fn mailbox(&self) -> Option<&MboxName> {
        match self {
            Subject::Mailbox { mailbox } | Subject::Message { mailbox, .. } => Some(mailbox),
            Subject::Mailboxes { mailboxes } => match mailboxes.as_slice() {
                [only] => Some(only),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the UID, if the subject is a message.
    pub fn uid(&self) -> Option<Uid> {
        match self {
            Subject::Message { uid, .. } => Some(*uid),
            _ => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::User { user } => write!(f, "user {user}"),
            Subject::Mailbox { mailbox } => write!(f, "{mailbox}"),
            Subject::Mailboxes { mailboxes } => match mailboxes.as_slice() {
                [] => f.write_str("mailboxes"),
                [only] => write!(f, "mailbox {only}"),
                [first, rest @ ..] => write!(f, "mailboxes {first} and {} more", rest.len()),
            },
            Subject::Message { mailbox, uid, path: None } => write!(f, "UID {uid} of {mailbox}"),
            Subject::Message { mailbox, uid, path: Some(path) } => {
                write!(f, "UID {uid} of {mailbox} ({})", path.display())
            }
            Subject::Item { item } => write!(f, "{item}"),
            Subject::Path { path } => write!(f, "{}", path.display()),
            Subject::Host { host } => f.write_str(host),
            Subject::Text { text } => f.write_str(text),
        }
    }
}

impl From<&str> for Subject {
    fn from(text: &str) -> Self {
        Subject::Text { text: text.to_owned() }
    }
}

impl From<String> for Subject {
    fn from(text: String) -> Self {
        Subject::Text { text }
    }
}

impl From<Cow<'_, str>> for Subject {
    fn from(text: Cow<'_, str>) -> Self {
        text.into_owned().into()
    }
}

impl From<&String> for Subject {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&Subject> for Subject {
    fn from(subject: &Subject) -> Self {
        subject.clone()
    }
}

impl From<UserId> for Subject {
    fn from(user: UserId) -> Self {
        Subject::User { user }
    }
}

impl From<&UserId> for Subject {
    fn from(user: &UserId) -> Self {
        user.clone().into()
    }
}

impl From<MboxName> for Subject {
    fn from(mailbox: MboxName) -> Self {
        Subject::Mailbox { mailbox }
    }
}

impl From<&MboxName> for Subject {
    fn from(mailbox: &MboxName) -> Self {
        mailbox.clone().into()
    }
}

impl From<&[MboxName]> for Subject {
    fn from(mailboxes: &[MboxName]) -> Self {
        Subject::Mailboxes { mailboxes: mailboxes.to_vec() }
    }
}

impl From<PathBuf> for Subject {
    fn from(path: PathBuf) -> Self {
        Subject::Path { path }
    }
}

impl From<&Path> for Subject {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl From<&PathBuf> for Subject {
    fn from(path: &PathBuf) -> Self {
        path.as_path().into()
    }
}

impl From<&Peer> for Subject {
    fn from(peer: &Peer) -> Self {
        peer.to_string().into()
    }
}

/// Compares the displayed text with a string, for tests and callers.
impl PartialEq<str> for Subject {
    fn eq(&self, words: &str) -> bool {
        let displayed = self.to_string();
        displayed == words
    }
}

impl PartialEq<&str> for Subject {
    fn eq(&self, words: &&str) -> bool {
        *self == **words
    }
}

impl PartialEq<String> for Subject {
    fn eq(&self, words: &String) -> bool {
        *self == **words
    }
}

/// The other side with which an operation communicates. [`fmt::Display`] formats it as in error
/// messages.
///
/// ```
/// use cyrsync::Peer;
/// # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
/// # let (_spool, config) = recorded_master();
/// # let settings = cyrsync::Settings::resolve(&config, None, &Default::default())?;
/// # let mut client = cyrsync::Client::builder(settings).build()?;
/// let error = client.sync_user(&"fred".into()).unwrap_err();
/// assert_eq!(error.peer(), Some(&Peer::replica("127.0.0.1")));
/// # Ok::<(), cyrsync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Peer {
    /// The replica.
    Replica {
        /// The replica's name in the configuration; empty if unknown.
        host: String,
    },
    /// The master's own replication server (`sync_server`), through which repairs write to the
    /// master.
    OwnServer {
        /// The path of the server program.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
    },
    /// The program that supplies the mail store, through which repairs write to the master.
    Host,
}

impl Peer {
    /// Creates the peer for the replica with this name.
    pub fn replica(host: impl Into<String>) -> Peer {
        Peer::Replica { host: host.into() }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Replica { .. } => f.write_str("the replica"),
            Peer::OwnServer { path } => write!(f, "{}", path.display()),
            Peer::Host => f.write_str("the host"),
        }
    }
}
