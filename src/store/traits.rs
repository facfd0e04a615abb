//! The traits that a store implements: [`Store`] and [`Mailbox`].

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::annotations::MessageAnnotations;
use super::count::RecordCount;
use super::crcs::CrcPass;
use super::message::MessageFile;
use crate::error::{Error, Result, Subject};
use crate::sys::lock::{LockGuard, Wait};
use crate::types::{
    Annotation, MailboxEntry, MailboxState, MboxName, Modseq, Quota, Record, Seen, SieveScript,
    SyncCrcs, Text, Uid, UniqueId, UserId,
};

/// A held lock. Dropping it releases it.
pub trait Lock: Send {}

impl Lock for LockGuard {}

/// Selects which CRCs of a mailbox to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crcs {
    /// The CRCs stored in cyrus.index.
    Stored,
    /// CRCs computed from all records and annotations.
    Recomputed,
}

/// Selects which records of a mailbox to visit. There is no selection by modseq, because records
/// written by an old Cyrus have modseq 0 and would never be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// Every record.
    All,
    /// Records with a higher UID than this.
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

/// The mailboxes of a user, as far as they can be read.
#[derive(Debug, Default)]
pub struct UserTree {
    /// The readable entries.
    pub entries: Vec<MailboxEntry>,
    /// The errors of the unreadable entries. The user must fail because of them, but no other
    /// mailbox.
    pub unreadable: Vec<Error>,
}

/// The state of a mailbox that shows whether it has changed.
#[derive(Debug, Clone)]
pub struct Glance {
    /// The mailbox's state.
    pub state: MailboxState,
    /// The mailbox's own annotations, ordered like [`Annotation`].
    pub annotations: Vec<Annotation>,
}

/// A user's data besides mailboxes and quotas. An error in one part does not affect the others.
#[derive(Debug)]
pub struct Metadata {
    /// See [`Store::subscriptions`].
    pub subscriptions: Result<Vec<MboxName>>,
    /// See [`Store::sieve_scripts`]. `None` if the user has a mailbox for scripts.
    pub scripts: Result<Option<Vec<SieveScript>>>,
    /// See [`Store::seen`].
    pub seen: Result<Vec<Seen>>,
    /// Path of the subscriptions file if it does not exist. Also `None` if the store does not know.
    pub no_subscriptions: Option<PathBuf>,
    /// The directory of the user's scripts, if there is no mailbox for them.
    pub script_directory: ScriptDirectory,
}

/// What is known about the directory of a user's scripts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptDirectory {
    /// Nothing: the scripts are in a mailbox, or the store does not know.
    #[default]
    Unknown,
    /// It exists. If it is empty, the user has deleted all scripts.
    There,
    /// The scripts would be in this directory, but it does not exist.
    Missing(PathBuf),
}

impl Metadata {
    /// Reads each part from a store separately, see [`Store::metadata`].
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
        Metadata {
            subscriptions: store.subscriptions(user),
            scripts: scripts(),
            seen: store.seen(user),
            no_subscriptions: None,
            script_directory: ScriptDirectory::Unknown,
        }
    }
}

/// The master's data. All methods may be called from several threads at the same time.
pub trait Store: Send + Sync {
    /// Looks up the entry of a mailbox by name. Tombstones, intermediates and reserved entries are
    /// returned too (`mboxlist_lookup_allow_all`). Returns `None` if there is no entry.
    fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>>;

    /// Looks up the entry of a mailbox by uniqueid, with its name history
    /// (`mboxlist_lookup_by_uniqueid`).
    fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>>;

    /// Lists all mailboxes of a user, the INBOX first. Deleted mailboxes (`DELETED.user.fred...`)
    /// and intermediates are included, tombstones are not (`mboxlist_usermboxtree` with
    /// `MBOXTREE_DELETED`).
    ///
    /// Fails if the INBOX's entry cannot be read.
    fn user_tree(&self, user: &UserId) -> Result<UserTree>;

    /// Visits every mailbox whose name begins with `prefix`, in the database's order. Tombstones
    /// are included, intermediates are not (`mboxlist_allmbox` with `MBOXTREE_TOMBSTONES`). No lock
    /// is held while `visit` runs. Unreadable entries are skipped; the method then returns an error
    /// at the end.
    fn each_mailbox(
        &self,
        prefix: &[u8],
        visit: &mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>,
    ) -> Result<()>;

    /// Returns the approximate size of the list of mailboxes in bytes, or 0 if unknown. The limit
    /// on the size of a replica's reply depends on it.
    fn list_bytes(&self) -> u64 {
        0
    }

    /// Excludes other replication of the same user (or of shared mailboxes, if `user` is `None`) to
    /// the same server (`sync_lock` in `imap/sync_support.c`).
    fn sync_lock(&self, server: &str, user: Option<&UserId>, wait: Wait) -> Result<Box<dyn Lock>>;

    /// Returns an error if a user whose [lock](Store::sync_lock) is held has been marked to be
    /// skipped since the lock was taken. The engine calls this during long waits for the replica.
    fn skipped_since(&self) -> Option<Error> {
        None
    }

    /// Opens a mailbox under shared locks, in Cyrus's order: namespace, mailbox, index
    /// (`mailbox_open_irl`). Fails with [`Kind::NotFound`](crate::Kind::NotFound) if the mailbox
    /// does not exist any more, or is reserved and not yet finished.
    fn open<'s>(&'s self, name: &MboxName) -> Result<Box<dyn Mailbox + 's>>;

    /// Reads the states of mailboxes without taking their locks, to see whether they have changed.
    /// Each state is one that the mailbox had at some moment after the call began. An element is
    /// `None` if that mailbox must be opened to know its state.
    fn glance(&self, entries: &[&MailboxEntry]) -> Vec<Option<Glance>> {
        entries.iter().map(|_| None).collect()
    }

    /// Reads a user's data besides mailboxes. Scripts are read only if `sieve_mailbox` does not
    /// exist.
    fn metadata(&self, user: &UserId, sieve_mailbox: Option<&MboxName>) -> Metadata {
        Metadata::by_parts(self, user, sieve_mailbox)
    }

    /// Returns the subscriptions of a user, in the database's order (`mboxlist_sublist`).
    fn subscriptions(&self, user: &UserId) -> Result<Vec<MboxName>>;

    /// Returns the seen state of a user, in the database's order. It is empty if the user has none.
    fn seen(&self, user: &UserId) -> Result<Vec<Seen>>;

    /// Returns the limits of a quota root, or `None` if it is not a quota root (any more).
    fn quota(&self, root: &Text) -> Result<Option<Quota>>;

    /// Lists the sieve scripts of a user without their content, ordered by name.
    fn sieve_scripts(&self, user: &UserId) -> Result<Vec<SieveScript>>;

    /// Returns the content of one of these scripts.
    fn sieve_content(&self, user: &UserId, name: &Text) -> Result<Vec<u8>>;

    /// Returns the annotations of a mailbox without opening it, or those of the server if `mailbox`
    /// is `None`. They are ordered like [`Annotation`].
    fn annotations(&self, mailbox: Option<&MboxName>) -> Result<Vec<Annotation>>;

    /// Returns the highest modseq among all mailboxes of the owner of `name`. Returns 0 if each
    /// mailbox counts its own (`mboxname_readmodseq`).
    fn used_modseq(&self, name: &MboxName) -> Result<Modseq>;

    /// Returns the modseq of the reverse ACLs of the user or domain that owns `name`. Returns 0 if
    /// unused (`mboxname_readraclmodseq`).
    fn raclmodseq(&self, name: &MboxName) -> Result<Modseq>;
}

/// Access to the message files of a mailbox.
pub trait MailboxFiles {
    /// Opens the file of a message, on whichever partition it is. Does not check the content.
    fn message(&self, record: &Record) -> Result<MessageFile>;

    /// Asks the system to read the file of a message into memory, because it will be opened soon.
    /// Does nothing if the store cannot do this.
    fn read_ahead(&self, _record: &Record) {}

    /// Returns the name of a message for errors: its UID, its mailbox and the path of its file.
    fn message_name(&self, record: &Record) -> Subject;
}

/// An open mailbox. It holds the mailbox lock until it is dropped, so that message files are not
/// unlinked. It holds the index lock until [`Mailbox::unlock_index`].
pub trait Mailbox: MailboxFiles {
    /// Returns the header, index header and entry, as they were when the index was locked.
    fn state(&self) -> &MailboxState;

    /// Returns the mailbox's own annotations, ordered like [`Annotation`].
    fn annotations(&self) -> Result<Vec<Annotation>>;

    /// Visits `records` in ascending order of UIDs, including expunged and unlinked ones. Reads in
    /// chunks. Needs the index lock.
    ///
    /// Fails with [`Kind::Corrupt`](crate::Kind::Corrupt) at a record without a UID, because its
    /// message would be missing on the replica.
    fn scan(
        &mut self,
        records: Records,
        visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
    ) -> Result<()>;

    /// Visits the stored annotations of messages, in any order. `uids` must be in ascending order.
    /// The virtual annotations that replication makes of record fields are not included. Needs the
    /// index lock.
    fn visit_annotations(
        &self,
        uids: &[Uid],
        visit: &mut dyn FnMut(Uid, Annotation) -> Result<()>,
    ) -> Result<()>;

    /// Returns the sync CRCs if the store itself computes them from all records and annotations.
    /// Returns `None` to let [`Mailbox::scan_all`] compute them. Needs the index lock.
    fn computed_crcs(&mut self) -> Result<Option<SyncCrcs>> {
        Ok(None)
    }

    /// Returns a handle that can open message files after the mailbox is closed. Returns `None` if
    /// the store cannot do this. No lock protects the files then: they may vanish, and another
    /// mailbox may have taken the place of this one. So the caller must check what it reads.
    fn files(&self) -> Option<Box<dyn MailboxFiles>> {
        None
    }

    /// Returns why parts of this mailbox may not belong together, or `None` if they do. If there is
    /// a reason, the mailbox can be replicated, but must not be repaired.
    fn inconsistency(&self) -> Option<String> {
        None
    }

    /// Releases the index lock. Others may write again, but message files are still protected.
    fn unlock_index(&mut self);

    /// Visits every record like [`Mailbox::scan`], and checks that their number is that in the
    /// header. Returns the sync CRCs (`mailbox_synccrcs`), computed in the same pass for
    /// [`Crcs::Recomputed`]. Needs the index lock.
    ///
    /// Fails with [`Kind::Corrupt`](crate::Kind::Corrupt) if the number of records differs.
    fn scan_all(
        &mut self,
        crcs: Crcs,
        visit: &mut dyn FnMut(&Record) -> Result<()>,
    ) -> Result<SyncCrcs> {
        let mut known = match crcs {
            Crcs::Stored => Some(self.state().crcs),
            Crcs::Recomputed => self.computed_crcs()?,
        };
        let mut pass = known.is_none().then(|| CrcPass::new(self.state()));
        let mut count = RecordCount::default();
        self.scan(Records::All, &mut |record| {
            count.add(record);
            if let Some(pass) = &mut pass {
                pass.record(record);
            }
            visit(record)?;
            Ok(ControlFlow::Continue(()))
        })?;
        count.check(self.state())?;
        if let Some(mut pass) = pass {
            self.visit_annotations(&pass.take_living(), &mut |uid, annotation| {
                pass.annotation(uid, &annotation);
                Ok(())
            })?;
            known = Some(pass.finish());
        }
        Ok(known.unwrap_or(SyncCrcs::UNKNOWN))
    }

    /// Returns the sync CRCs. [`Crcs::Recomputed`] reads all records. If you also need the records,
    /// call [`Mailbox::scan_all`] instead.
    fn crcs(&mut self, which: Crcs) -> Result<SyncCrcs> {
        match which {
            Crcs::Stored => Ok(self.state().crcs),
            Crcs::Recomputed => match self.computed_crcs()? {
                Some(crcs) => Ok(crcs),
                None => self.scan_all(which, &mut |_| Ok(())),
            },
        }
    }

    /// Returns the annotations of messages that [`Mailbox::visit_annotations`] finds. `uids` must
    /// be in ascending order. Needs the index lock.
    fn message_annotations(&self, uids: &[Uid]) -> Result<MessageAnnotations> {
        let mut found = MessageAnnotations::default();
        self.visit_annotations(uids, &mut |uid, annotation| {
            found.add(uid, annotation);
            Ok(())
        })?;
        Ok(found.in_order())
    }
}
