//! The traits that a store implements: [`Store`] and [`Mailbox`].

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::message::MessageFile;
use crate::error::{Error, Result, Subject};
use crate::sys::lock::{LockGuard, Wait};
use crate::types::{
    Annotation, MailboxEntry, MailboxState, MboxName, Modseq, Quota, Record, Seen, SieveScript,
    Text, Uid, UniqueId, UserId,
};

/// A held lock. Dropping the value releases the lock.
pub trait Lock: Send {}

impl Lock for LockGuard {}

/// Selects which records of a mailbox to visit. Records cannot be selected by modseq, because
/// records written by an old Cyrus have modseq 0 and would never be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// Every record.
    All,
    /// Records with a UID higher than this one.
    After(Uid),
}

impl Records {
    /// Returns whether a record with this UID is selected.
    pub fn contain(self, uid: Uid) -> bool {
        match self {
            Records::All => true,
            Records::After(last) => uid > last,
        }
    }
}

/// The mailboxes of a user, with errors for the unreadable ones.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct UserTree {
    /// The readable entries.
    pub entries: Vec<MailboxEntry>,
    /// The errors of the unreadable entries. Because of them, the replication of the user must
    /// fail. Mailboxes of other users are not affected.
    pub unreadable: Vec<Error>,
}

/// The state of a mailbox as read without locks, to find out whether the mailbox has changed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnlockedState {
    /// The mailbox's state.
    pub state: MailboxState,
    /// The mailbox's own annotations, in the order of [`Annotation`]'s `Ord`.
    pub annotations: Vec<Annotation>,
}

impl UnlockedState {
    /// Makes a state.
    pub fn new(state: MailboxState, annotations: Vec<Annotation>) -> UnlockedState {
        UnlockedState { state, annotations }
    }
}

/// A user's data besides mailboxes and quotas. Each part is read separately and can fail
/// separately.
#[derive(Debug)]
#[non_exhaustive]
pub struct Metadata {
    /// The subscribed mailboxes, see [`Store::subscriptions`].
    pub subscriptions: Result<Vec<MboxName>>,
    /// The Sieve scripts, see [`Store::sieve_scripts`]. `None` if they are in a mailbox of the
    /// user.
    pub scripts: Result<Option<Vec<SieveScript>>>,
    /// The seen state, see [`Store::seen`].
    pub seen: Result<Vec<Seen>>,
    /// Path of the user's subscriptions file, if that file does not exist. `None` if the file
    /// exists or the store does not know.
    pub no_subscriptions: Option<PathBuf>,
    /// State of the directory with the user's scripts. Relevant only if no mailbox holds the
    /// scripts.
    pub script_directory: ScriptDirectory,
}

/// State of the directory with a user's Sieve scripts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptDirectory {
    /// Not known: the scripts are in a mailbox, or the store cannot tell.
    #[default]
    Unknown,
    /// The directory exists. If it is empty, the user has deleted all scripts.
    There,
    /// The directory at this path would hold the scripts, but it does not exist.
    Missing(PathBuf),
}

impl Metadata {
    /// Makes the value from its parts. Both other fields are unknown; set them if they are known.
    pub fn new(
        subscriptions: Result<Vec<MboxName>>,
        scripts: Result<Option<Vec<SieveScript>>>,
        seen: Result<Vec<Seen>>,
    ) -> Metadata {
        let script_directory = ScriptDirectory::Unknown;
        Metadata { subscriptions, scripts, seen, no_subscriptions: None, script_directory }
    }

    /// Reads each part from `store` separately; see [`Store::metadata`].
    pub fn by_parts<S: Store + ?Sized>(
        store: &S,
        user: &UserId,
        sieve_mailbox: Option<&MboxName>,
    ) -> Metadata {
        let scripts = || {
            if let Some(name) = sieve_mailbox
                && store.lookup(name)?.is_some_and(|entry| !entry.mbtype.is_deleted())
            {
                return Ok(None);
            }
            store.sieve_scripts(user).map(Some)
        };
        Metadata::new(store.subscriptions(user), scripts(), store.seen(user))
    }
}

/// Access to the master's data.
///
/// # Threads
/// A client calls the store of a [host](crate::ClientBuilder::host) only from the thread that uses
/// the client, and one method at a time. A [`Catalog`](crate::Catalog) calls it from the thread that
/// uses the catalog. If several clients share a store, several threads call it.
///
/// # Errors
/// All methods may fail with [`Kind::Io`](crate::Kind::Io) (the data cannot be read now),
/// [`Kind::Corrupt`](crate::Kind::Corrupt) (the data is damaged),
/// [`Kind::Unsupported`](crate::Kind::Unsupported), [`Kind::Config`](crate::Kind::Config),
/// [`Kind::InvalidArgument`](crate::Kind::InvalidArgument) and
/// [`Kind::Cancelled`](crate::Kind::Cancelled). [`Store::open`] and the methods of an open mailbox
/// may also fail with [`Kind::NotFound`](crate::Kind::NotFound),
/// [`Kind::Moved`](crate::Kind::Moved) and [`Kind::Changed`](crate::Kind::Changed), and the methods
/// that take locks with [`Kind::Locked`](crate::Kind::Locked). A store must not return the other
/// kinds: most of them mean a failure of the replica or of the connection to it.
#[allow(clippy::missing_errors_doc)] // The errors are those above, for all methods.
pub trait Store: Send + Sync {
    /// Looks up the entry of a mailbox by name. Also returns tombstones, intermediates and reserved
    /// entries (`mboxlist_lookup_allow_all`). Returns `None` if there is no entry.
    fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>>;

    /// Looks up the entry of a mailbox by uniqueid. The entry includes the former names of the
    /// mailbox (`mboxlist_lookup_by_uniqueid`).
    fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>>;

    /// Lists all mailboxes of a user, the INBOX first. Includes deleted mailboxes
    /// (`DELETED.user.fred...`) and intermediates, but no tombstones (`mboxlist_usermboxtree` with
    /// `MBOXTREE_DELETED`).
    ///
    /// Fails if the entry of the INBOX cannot be read.
    fn user_tree(&self, user: &UserId) -> Result<UserTree>;

    /// Visits every mailbox whose name begins with `prefix`, in the database's order. Tombstones
    /// are included, intermediates are not (`mboxlist_allmbox` with `MBOXTREE_TOMBSTONES`). No lock
    /// is held while `visit` runs. Unreadable entries are skipped; after the last mailbox the
    /// method then returns an error.
    fn each_mailbox(
        &self,
        prefix: &[u8],
        visit: &mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>,
    ) -> Result<()>;

    /// Returns the approximate size in bytes of the list of mailboxes, or 0 if unknown. The client
    /// accepts longer replies from a replica if this list is long.
    fn list_bytes(&self) -> u64 {
        0
    }

    /// Takes the lock that prevents other clients from replicating the same user to the same server
    /// (`sync_lock` in `imap/sync_support.c`). If `user` is `None`, the lock is for the shared
    /// mailboxes.
    fn sync_lock(&self, server: &str, user: Option<&UserId>, wait: Wait) -> Result<Box<dyn Lock>>;

    /// Returns an error if a user whose [lock](Store::sync_lock) is held is now marked to be
    /// skipped. The engine calls this method during long waits for the replica.
    fn skipped_since(&self) -> Option<Error> {
        None
    }

    /// Opens a mailbox. Takes shared locks in Cyrus's order: namespace, mailbox, index
    /// (`mailbox_open_irl`). Fails with [`Kind::NotFound`](crate::Kind::NotFound) if the mailbox
    /// does not exist or is still being created.
    fn open<'s>(&'s self, name: &MboxName) -> Result<Box<dyn Mailbox + 's>>;

    /// Reads the states of mailboxes without taking their locks, to find out which have changed.
    /// Each returned state is one that the mailbox had at some moment after the call began. The
    /// result has one element for each entry; `None` means that the mailbox must be opened to read
    /// its state.
    fn read_unlocked(&self, entries: &[&MailboxEntry]) -> Vec<Option<UnlockedState>> {
        entries.iter().map(|_| None).collect()
    }

    /// Reads a user's data besides mailboxes. Reads the Sieve scripts only if the mailbox
    /// `sieve_mailbox` does not exist.
    fn metadata(&self, user: &UserId, sieve_mailbox: Option<&MboxName>) -> Metadata {
        Metadata::by_parts(self, user, sieve_mailbox)
    }

    /// Returns the subscriptions of a user, in the database's order (`mboxlist_sublist`).
    fn subscriptions(&self, user: &UserId) -> Result<Vec<MboxName>>;

    /// Returns the seen state of a user, in the database's order. The list is empty if the user has
    /// none.
    fn seen(&self, user: &UserId) -> Result<Vec<Seen>>;

    /// Returns the limits of a quota root, or `None` if there is no quota root of this name.
    fn quota(&self, root: &Text) -> Result<Option<Quota>>;

    /// Lists the Sieve scripts of a user without their content, ordered by name.
    fn sieve_scripts(&self, user: &UserId) -> Result<Vec<SieveScript>>;

    /// Returns the content of the script that [`Store::sieve_scripts`] lists as `name`.
    fn sieve_content(&self, user: &UserId, name: &Text) -> Result<Vec<u8>>;

    /// Returns the annotations of a mailbox without opening it, or those of the server if `mailbox`
    /// is `None`. They are in the order of [`Annotation`]'s `Ord`.
    fn annotations(&self, mailbox: Option<&MboxName>) -> Result<Vec<Annotation>>;

    /// Returns the highest modseq among all mailboxes of the owner of `name`. Returns 0 if each
    /// mailbox has its own count of modseqs (`mboxname_readmodseq`).
    fn used_modseq(&self, name: &MboxName) -> Result<Modseq>;

    /// Returns the modseq of the reverse ACLs of the user whose INBOX is `name`. Returns 0 for
    /// other mailboxes, and if reverse ACLs are not used (`mboxname_readraclmodseq`).
    fn raclmodseq(&self, name: &MboxName) -> Result<Modseq>;
}

/// Access to the message files of a mailbox.
///
/// # Errors
/// See [`Store`].
#[allow(clippy::missing_errors_doc)] // The errors are those above, for all methods.
pub trait MailboxFiles {
    /// Opens the file of a message on the partition where it is. Does not check the content.
    fn message(&self, record: &Record) -> Result<MessageFile>;

    /// Asks the operating system to read the file of a message into memory, because the file will
    /// be opened soon. Does nothing if the store cannot do this.
    fn read_ahead(&self, _record: &Record) {}

    /// Returns the name of a message for error messages: its UID, its mailbox and the path of its
    /// file.
    fn message_name(&self, record: &Record) -> Subject;
}

/// An open mailbox. The mailbox lock is held until this value is dropped, so that no message file
/// is removed. The index lock is held until [`Mailbox::unlock_index`] is called.
///
/// # Errors
/// See [`Store`].
#[allow(clippy::missing_errors_doc)] // The errors are those above, for all methods.
pub trait Mailbox: MailboxFiles {
    /// Returns the mailbox's state (from entry, cyrus.header and cyrus.index) as it was when the
    /// index was locked.
    fn state(&self) -> &MailboxState;

    /// Returns the mailbox's own annotations, in the order of [`Annotation`]'s `Ord`.
    fn annotations(&self) -> Result<Vec<Annotation>>;

    /// Visits the selected records in ascending order of UIDs, including records of expunged
    /// messages. Reads several records at a time. The index lock must be held.
    ///
    /// Fails with [`Kind::Corrupt`](crate::Kind::Corrupt) if a record has no UID, because its
    /// message would be missing on the replica.
    fn scan(
        &mut self,
        records: Records,
        visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
    ) -> Result<()>;

    /// Visits the stored annotations of messages, in any order. `uids` must be in ascending order.
    /// Does not include the virtual annotations, which replication creates from record fields. The
    /// index lock must be held.
    fn visit_annotations(
        &self,
        uids: &[Uid],
        visit: &mut dyn FnMut(Uid, Annotation) -> Result<()>,
    ) -> Result<()>;

    /// Returns a handle that can open message files after the mailbox is closed. Returns `None` if
    /// the store cannot do this. No lock protects the files then: they may be removed, and another
    /// mailbox may get the same name. So the caller must check the content that it reads.
    fn files(&self) -> Option<Box<dyn MailboxFiles>> {
        None
    }

    /// Returns the reason why files of this mailbox may not belong together, or `None` if they do.
    /// A mailbox with such a reason can be replicated, but must not be repaired.
    fn inconsistency(&self) -> Option<String> {
        None
    }

    /// Releases the index lock. Other processes may write to the mailbox again, but cannot remove
    /// message files.
    fn unlock_index(&mut self);
}
