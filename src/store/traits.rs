//! What a store must do: [`Store`] and [`Mailbox`].

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

/// A held lock; dropping it releases it.
pub trait Lock: Send {}

impl Lock for LockGuard {}

/// Which CRCs of a mailbox are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crcs {
    /// As cyrus.index stores them.
    Stored,
    /// Computed from all records and annotations.
    Recomputed,
}

/// Which records of a mailbox are visited. The modseq is no bound: it is 0 in records that an old
/// Cyrus wrote, which would be below every bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// Every record.
    All,
    /// Those with a higher UID.
    After(Uid),
}

impl Records {
    /// Whether a record with this UID is among them.
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
    /// The entries.
    pub entries: Vec<MailboxEntry>,
    /// Why others could not be read. They must fail the user, but no other mailbox.
    pub unreadable: Vec<Error>,
}

/// What tells whether a mailbox has changed.
#[derive(Debug, Clone)]
pub struct Glance {
    /// Its state.
    pub state: MailboxState,
    /// Its own annotations, ordered as [`Annotation`] is.
    pub annotations: Vec<Annotation>,
}

/// What a user has beside mailboxes and quotas. A part that cannot be read keeps no other back.
#[derive(Debug)]
pub struct Metadata {
    /// See [`Store::subscriptions`].
    pub subscriptions: Result<Vec<MboxName>>,
    /// See [`Store::sieve_scripts`]; `None` if the user has a mailbox for them.
    pub scripts: Result<Option<Vec<SieveScript>>>,
    /// See [`Store::seen`].
    pub seen: Result<Vec<Seen>>,
    /// The file of subscriptions, if the user has none; `None` too if the store cannot tell.
    pub no_subscriptions: Option<PathBuf>,
    /// The directory of scripts, if the user has neither that nor a mailbox for them; `None` too if
    /// the store cannot tell.
    pub no_scripts: Option<PathBuf>,
}

impl Metadata {
    /// Asks a store for one part after the other, see [`Store::metadata`].
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
            no_scripts: None,
        }
    }
}

/// The master's data. All methods may be called from several threads at once.
pub trait Store: Send + Sync {
    /// The entry of a mailbox by name, tombstones, intermediates and reserved ones included
    /// (`mboxlist_lookup_allow_all`); `None` if there is none.
    fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>>;

    /// The entry of a mailbox by uniqueid, with its name history (`mboxlist_lookup_by_uniqueid`).
    fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>>;

    /// All mailboxes of a user, INBOX first, deleted ones (`DELETED.user.fred...`) and
    /// intermediates included, tombstones left out
    /// (`mboxlist_usermboxtree` with `MBOXTREE_DELETED`).
    ///
    /// An error if the INBOX's entry cannot be read.
    fn user_tree(&self, user: &UserId) -> Result<UserTree>;

    /// Every mailbox whose name begins with `prefix`, in the database's order, tombstones
    /// included, intermediates left out (`mboxlist_allmbox` with `MBOXTREE_TOMBSTONES`). No lock
    /// is held while `visit` runs. What cannot be read is passed over and told at the end, as an
    /// error.
    fn each_mailbox(
        &self,
        prefix: &[u8],
        visit: &mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>,
    ) -> Result<()>;

    /// About how many bytes the list of mailboxes has; 0 if nobody can tell. What a replica may
    /// answer is measured by it.
    fn list_bytes(&self) -> u64 {
        0
    }

    /// Excludes other replication of the same user (`None`: of shared mailboxes) to the same
    /// server (`sync_lock` in `imap/sync_support.c`).
    fn sync_lock(&self, server: &str, user: Option<&UserId>, wait: Wait) -> Result<Box<dyn Lock>>;

    /// Why a user whose [lock](Store::sync_lock) is held is to be skipped since that was taken, if
    /// one is: asked during long waits for the replica.
    fn skipped_since(&self) -> Option<Error> {
        None
    }

    /// Opens a mailbox under shared locks: namespace, mailbox, index, in Cyrus's order
    /// (`mailbox_open_irl`). [`Kind::NotFound`](crate::Kind::NotFound) if it is not there any
    /// more, or is not finished yet (reserved).
    fn open<'s>(&'s self, name: &MboxName) -> Result<Box<dyn Mailbox + 's>>;

    /// Reads what tells whether these mailboxes have changed, without taking their locks: each as
    /// it was at some moment since the call began. `None` of those that must be opened to know.
    fn glance(&self, entries: &[&MailboxEntry]) -> Vec<Option<Glance>> {
        entries.iter().map(|_| None).collect()
    }

    /// What a user has beside mailboxes. Scripts only if there is no `sieve_mailbox`.
    fn metadata(&self, user: &UserId, sieve_mailbox: Option<&MboxName>) -> Metadata {
        Metadata::by_parts(self, user, sieve_mailbox)
    }

    /// Subscriptions of a user in the database's order (`mboxlist_sublist`).
    fn subscriptions(&self, user: &UserId) -> Result<Vec<MboxName>>;

    /// Seen state of a user, in the database's order; empty if the user has none.
    fn seen(&self, user: &UserId) -> Result<Vec<Seen>>;

    /// Limits of a quota root; `None` if it is not one (any more).
    fn quota(&self, root: &Text) -> Result<Option<Quota>>;

    /// Sieve scripts of a user without their content, ordered by name.
    fn sieve_scripts(&self, user: &UserId) -> Result<Vec<SieveScript>>;

    /// Content of one of them.
    fn sieve_content(&self, user: &UserId, name: &Text) -> Result<Vec<u8>>;

    /// Annotations of a mailbox from its entry alone, or of the server (`None`),
    /// ordered as [`Annotation`] is.
    fn annotations(&self, mailbox: Option<&MboxName>) -> Result<Vec<Annotation>>;

    /// The highest modseq that the owner of a mailbox has anywhere; 0 if each mailbox has its own
    /// (`mboxname_readmodseq`).
    fn used_modseq(&self, name: &MboxName) -> Result<Modseq>;

    /// Modseq of the reverse ACLs of the user or domain that owns `name`; 0 if unused
    /// (`mboxname_readraclmodseq`).
    fn raclmodseq(&self, name: &MboxName) -> Result<Modseq>;
}

/// The message files of a mailbox.
pub trait MailboxFiles {
    /// Opens the file of a message, on whichever partition it lies. Its content is not checked.
    fn message(&self, record: &Record) -> Result<MessageFile>;

    /// Has the file of a message read ahead, if that can be: it is opened soon, and was hardly in
    /// memory.
    fn read_ahead(&self, _record: &Record) {}

    /// Returns what errors call a message: its UID, its mailbox and where its file is.
    fn message_name(&self, record: &Record) -> Subject;
}

/// An open mailbox. The mailbox lock is held as long as it lives, so that message files are not
/// unlinked; the index lock until [`Mailbox::unlock_index`].
pub trait Mailbox: MailboxFiles {
    /// Header, index header and entry, as they were when the index was locked.
    fn state(&self) -> &MailboxState;

    /// The mailbox's own annotations, ordered as [`Annotation`] is.
    fn annotations(&self) -> Result<Vec<Annotation>>;

    /// Visits `records`, expunged and unlinked ones included, by ascending UID, reading in chunks.
    /// Needs the index lock.
    ///
    /// Fails with [`Kind::Corrupt`](crate::Kind::Corrupt) at a record without a UID: what it stands
    /// for would be missing on the replica.
    fn scan(
        &mut self,
        records: Records,
        visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
    ) -> Result<()>;

    /// Visits the annotations that are stored for these messages, whose UIDs ascend; the virtual
    /// ones that replication makes of record fields are not among them. They come in any order, as
    /// stored. Needs the index lock.
    fn visit_annotations(
        &self,
        uids: &[Uid],
        visit: &mut dyn FnMut(Uid, Annotation) -> Result<()>,
    ) -> Result<()>;

    /// The sync CRCs as the owner of the data computes them from all records and annotations;
    /// `None` if it leaves that to [`Mailbox::scan_all`]. Needs the index lock.
    fn computed_crcs(&mut self) -> Result<Option<SyncCrcs>> {
        Ok(None)
    }

    /// Opens message files once the mailbox is closed; `None` if it must be open for that. Nothing
    /// keeps them from vanishing then, and another mailbox may have taken the place of this one:
    /// what is opened must be checked.
    fn files(&self) -> Option<Box<dyn MailboxFiles>> {
        None
    }

    /// Why the parts of this mailbox may not belong together, if they may not: then it can be
    /// replicated as it is, but must not be repaired.
    fn inconsistency(&self) -> Option<String> {
        None
    }

    /// Releases the index lock: others may write again, message files stay.
    fn unlock_index(&mut self);

    /// Visits every record like [`Mailbox::scan`], and checks that there are as many as the header
    /// counts. Returns the sync CRCs (`mailbox_synccrcs`), which are computed in the same pass if
    /// [`Crcs::Recomputed`] is asked for. Needs the index lock.
    ///
    /// Fails with [`Kind::Corrupt`](crate::Kind::Corrupt) if there are fewer or more records.
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

    /// The sync CRCs. [`Crcs::Recomputed`] reads all records: where these are wanted too, ask
    /// [`Mailbox::scan_all`] for both.
    fn crcs(&mut self, which: Crcs) -> Result<SyncCrcs> {
        match which {
            Crcs::Stored => Ok(self.state().crcs),
            Crcs::Recomputed => match self.computed_crcs()? {
                Some(crcs) => Ok(crcs),
                None => self.scan_all(which, &mut |_| Ok(())),
            },
        }
    }

    /// The annotations of these messages, whose UIDs ascend, as [`Mailbox::visit_annotations`]
    /// finds them. Needs the index lock.
    fn message_annotations(&self, uids: &[Uid]) -> Result<MessageAnnotations> {
        let mut found = MessageAnnotations::default();
        self.visit_annotations(uids, &mut |uid, annotation| {
            found.add(uid, annotation);
            Ok(())
        })?;
        Ok(found.in_order())
    }
}
