//! The master's data as a host supplies it: a process of Cyrus through the C ABI.
//!
//! [`Host`] is what a host can do; [`HostStore`] makes a [`Store`] of it and believes nothing that
//! it can check: order, names, sizes, CRCs.

use std::collections::HashSet;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::{
    Crcs, Lock, MESSAGE_REPAIR, Mailbox, MailboxFiles, Records, SkipFiles, Store, UserTree, Wait,
    no_partition,
};
use crate::error::{Error, Kind, Result, reason};
use crate::format::index::{REPAIR, VERSIONS, not_read};
use crate::limits::{HOST_ITEM_BYTES, HOST_LIST_BYTES, USER_FLAGS};
use crate::names::Namespace;
use crate::sys::file::regular_len;
use crate::types::crc::{self, FlagCrcs};
use crate::types::{
    Annotation, CrcSum, InternalFlags, MailboxEntry, MailboxState, MboxName, MboxType, Modseq,
    Quota, Record, Seen, SieveScript, SyncCrcs, Text, Uid, UniqueId, UserId,
};

const HINT: &str = "this is a bug in the program that supplies the mail store";

/// An entry, or why the host cannot read it.
pub type Listed = Result<MailboxEntry>;
/// Takes the entries one by one.
pub type VisitEntry<'v> = dyn FnMut(Listed) -> Result<ControlFlow<()>> + 'v;
/// Takes the records one by one.
pub type VisitRecord<'v> = dyn FnMut(&Record) -> Result<ControlFlow<()>> + 'v;

/// What a host supplies; each is the method of [`Store`] of that name, but nothing is promised of
/// order or sense.
#[allow(missing_docs, reason = "as in Store")]
pub trait Host: Send + Sync {
    fn list_bytes(&self) -> u64;
    fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>>;
    fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>>;
    fn list_user(&self, user: &UserId, visit: &mut VisitEntry<'_>) -> Result<()>;
    fn list(&self, prefix: &[u8], visit: &mut VisitEntry<'_>) -> Result<()>;
    fn sync_lock(&self, server: &str, user: Option<&UserId>, wait: Wait) -> Result<Box<dyn Lock>>;
    fn open<'h>(&'h self, name: &MboxName, wait: Wait) -> Result<Box<dyn HostMailbox + 'h>>;
    fn annotations(&self, mailbox: Option<&MboxName>) -> Result<Vec<Annotation>>;
    fn subscriptions(&self, user: &UserId) -> Result<Vec<MboxName>>;
    fn seen(&self, user: &UserId) -> Result<Vec<Seen>>;
    fn quota(&self, root: &Text) -> Result<Option<Quota>>;
    fn sieve_scripts(&self, user: &UserId) -> Result<Vec<SieveScript>>;
    fn sieve_content(&self, user: &UserId, name: &Text) -> Result<Vec<u8>>;
    fn used_modseq(&self, name: &MboxName) -> Result<Modseq>;
    fn raclmodseq(&self, name: &MboxName) -> Result<Modseq>;
}

/// An open mailbox of a host. Dropping it closes it.
#[allow(missing_docs, reason = "as in Mailbox")]
pub trait HostMailbox {
    /// The state, and why its parts may not belong together.
    fn state(&self) -> Result<(MailboxState, Option<String>)>;
    fn scan(&self, records: Records, visit: &mut VisitRecord<'_>) -> Result<()>;
    /// `None` if the host leaves that to us.
    fn recompute_crcs(&self) -> Result<Option<SyncCrcs>>;
    fn annotations(&self) -> Result<Vec<Annotation>>;
    fn message_annotations(&self, uid: Uid) -> Result<Vec<Annotation>>;
    fn message(&self, record: &Record) -> Result<File>;
    /// Where its file is, if the host says so: for messages.
    fn message_path(&self, record: &Record) -> Option<PathBuf>;
    fn unlock_index(&self);
}

/// Writes to the master by a host.
#[allow(missing_docs, reason = "as in sync::Master")]
pub trait HostWriter: Send {
    /// Has the host do a command of the replication protocol, with all its literals and its end
    /// of line; gives all lines of the reply.
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>>;
    /// Notes for other channels that a mailbox was changed; false if the host leaves that to us.
    fn log_change(&mut self, name: &MboxName) -> Result<bool>;
}

/// A [`Store`] over a [`Host`].
pub struct HostStore<H> {
    host: H,
    namespace: Namespace,
    patience: Wait,
    /// Beginning of the paths of files that ask for users to be skipped.
    skip: SkipFiles,
}

impl<H: Host> HostStore<H> {
    /// A store that waits for mailboxes as `patience` says. `skip` is the beginning of the paths
    /// of files that ask for users to be skipped.
    pub fn new(host: H, namespace: Namespace, patience: Wait, skip: PathBuf) -> Self {
        HostStore { host, namespace, patience, skip: SkipFiles::new(skip) }
    }

    /// Why a mailbox could not be opened. One without a partition is not there for Cyrus; what is
    /// not there is passed over.
    fn gone(&self, name: &MboxName, error: Error) -> Error {
        if error.kind() != Kind::NotFound {
            return error;
        }
        match self.host.lookup(name) {
            Ok(Some(entry)) if !entry.mbtype.has(NO_MAILBOX) && entry.partition.is_empty() => {
                no_partition(&entry).caused_by(error)
            }
            _ => error,
        }
    }

    /// Makes of what the host lists for a user what [`Store::user_tree`] promises.
    fn sensible_tree(&self, entries: &mut Vec<MailboxEntry>, user: &UserId) -> Result<()> {
        let refuse = |detail| Err(senseless("list mailboxes of", user.to_string(), detail));
        let mut names = HashSet::new();
        // Some users have two names, with the default domain and without; they have one INBOX.
        let inbox = self.namespace.inbox(user);
        for entry in &*entries {
            let owner = self.namespace.owner(&entry.name);
            if owner.is_none_or(|owner| self.namespace.inbox(&owner) != inbox) {
                return refuse(format!("the host gave {}, which is not theirs", entry.name));
            }
            if !names.insert(&entry.name) {
                return refuse(format!("the host gave {} twice", entry.name));
            }
        }
        entries.retain(|entry| !entry.mbtype.is_deleted());
        entries.sort_by_key(|entry| !self.namespace.is_inbox(&entry.name));
        Ok(())
    }
}

fn senseless(op: &'static str, subject: String, detail: impl Into<String>) -> Error {
    Error::new(Kind::Corrupt, op, subject, detail).hint(HINT)
}

fn no_uid(name: &MboxName) -> Error {
    let detail = "a record has no UID";
    Error::new(Kind::Corrupt, "read records", name.to_string(), detail).hint(REPAIR)
}

/// Entries that are no mailbox of this server, or not yet.
const NO_MAILBOX: u32 = MboxType::DELETED
    | MboxType::INTERMEDIATE
    | MboxType::RESERVE
    | MboxType::REMOTE
    | MboxType::MOVING;

/// Refuses an entry whose name no mailbox can have, or that has no uniqueid to be found by.
fn possible(entry: MailboxEntry) -> Listed {
    let refuse = |detail| Err(senseless("list mailboxes", entry.name.to_string(), detail));
    if !entry.name.is_possible() {
        return refuse("no mailbox is so named");
    }
    if !entry.mbtype.has(NO_MAILBOX) && entry.uniqueid.is_empty() {
        return refuse("the host gave no uniqueid of it");
    }
    Ok(entry)
}

fn asked_for(
    found: Option<MailboxEntry>,
    wanted: &dyn std::fmt::Display,
    same: impl Fn(&MailboxEntry) -> bool,
) -> Result<Option<MailboxEntry>> {
    match found {
        Some(entry) if !same(&entry) => {
            let detail = format!("the host gave {} with uniqueid {}", entry.name, entry.uniqueid);
            Err(senseless("look up", wanted.to_string(), detail))
        }
        found => found.map(possible).transpose(),
    }
}

fn sorted(mut annotations: Vec<Annotation>) -> Vec<Annotation> {
    annotations.sort();
    annotations
}

/// The size of a list that a host emits: one that does not end is an error.
#[derive(Default)]
pub(crate) struct Emitted(usize);

impl Emitted {
    /// Counts an item of so many bytes.
    pub(crate) fn count(
        &mut self,
        bytes: usize,
        op: &'static str,
        subject: &dyn std::fmt::Display,
    ) -> Result<()> {
        self.0 = self.0.saturating_add(bytes).saturating_add(HOST_ITEM_BYTES);
        match self.0 <= HOST_LIST_BYTES {
            true => Ok(()),
            false => Err(senseless(op, subject.to_string(), "the host does not come to an end")),
        }
    }

    /// Counts an annotation.
    pub(crate) fn annotation(
        &mut self,
        annotation: &Annotation,
        op: &'static str,
        subject: &dyn std::fmt::Display,
    ) -> Result<()> {
        let Annotation { entry, userid, value, .. } = annotation;
        let bytes = [entry, userid, value].map(|text| text.as_bytes().len());
        self.count(bytes.into_iter().fold(0, usize::saturating_add), op, subject)
    }
}

impl<H: Host> Store for HostStore<H> {
    fn list_bytes(&self) -> u64 {
        self.host.list_bytes()
    }

    fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>> {
        asked_for(self.host.lookup(name)?, name, |entry| entry.name == *name)
    }

    fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>> {
        asked_for(self.host.lookup_by_id(id)?, id, |entry| entry.uniqueid == *id)
    }

    fn user_tree(&self, user: &UserId) -> Result<UserTree> {
        let mut tree = UserTree::default();
        let mut emitted = Emitted::default();
        self.host.list_user(user, &mut |entry| {
            let bytes = entry.as_ref().map_or(0, |entry| entry.name.as_bytes().len());
            emitted.count(bytes, "list mailboxes of", user)?;
            match entry.and_then(possible) {
                Ok(entry) => tree.entries.push(entry),
                Err(error) => tree.unreadable.push(error),
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.sensible_tree(&mut tree.entries, user)?;
        Ok(tree)
    }

    fn each_mailbox(
        &self,
        prefix: &[u8],
        visit: &mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut unreadable = None;
        self.host.list(prefix, &mut |entry| match entry.and_then(possible) {
            Ok(entry) if entry.name.as_bytes().starts_with(prefix) => visit(entry),
            Ok(entry) => {
                let detail = "it does not begin as was asked for";
                Err(senseless("list mailboxes", entry.name.to_string(), detail))
            }
            Err(error) => {
                unreadable.get_or_insert(error);
                Ok(ControlFlow::Continue(()))
            }
        })?;
        unreadable.map_or(Ok(()), Err)
    }

    fn sync_lock(&self, server: &str, user: Option<&UserId>, wait: Wait) -> Result<Box<dyn Lock>> {
        user.map_or(Ok(()), |user| self.skip.check(user))?;
        let lock = self.host.sync_lock(server, user, wait)?;
        Ok(self.skip.working(user, lock))
    }

    fn skipped_since(&self) -> Option<Error> {
        self.skip.since()
    }

    fn open<'s>(&'s self, name: &MboxName) -> Result<Box<dyn Mailbox + 's>> {
        let mailbox =
            self.host.open(name, self.patience).map_err(|error| self.gone(name, error))?;
        let (mut state, doubt) = mailbox.state()?;
        let refuse = |detail| Err(senseless("open mailbox", name.to_string(), detail));
        if state.name != *name {
            return refuse("it is another one that was opened");
        }
        if state.uniqueid.is_empty() {
            return refuse("it has no uniqueid");
        }
        if !VERSIONS.contains(&state.minor_version) {
            return Err(not_read(state.minor_version, "open mailbox", name.to_string()));
        }
        if state.flags.len() > USER_FLAGS {
            return refuse("it has more user flags than a mailbox can have");
        }
        // As Cyrus reads it. A repair that built on modseq 0 would build on any state.
        state.highestmodseq = state.highestmodseq.max(1);
        // Cyrus has room for all of them; what is behind the last one is no flag.
        while state.flags.last().is_some_and(Option::is_none) {
            state.flags.pop();
        }
        Ok(Box::new(Opened { mailbox, state, doubt, locked: true }))
    }

    fn subscriptions(&self, user: &UserId) -> Result<Vec<MboxName>> {
        self.host.subscriptions(user)
    }

    fn seen(&self, user: &UserId) -> Result<Vec<Seen>> {
        self.host.seen(user)
    }

    fn quota(&self, root: &Text) -> Result<Option<Quota>> {
        match self.host.quota(root)? {
            Some(quota) if quota.root != *root => {
                Err(senseless("read quota", root.to_string(), "it is another root's"))
            }
            quota => Ok(quota),
        }
    }

    fn sieve_scripts(&self, user: &UserId) -> Result<Vec<SieveScript>> {
        let mut scripts = self.host.sieve_scripts(user)?;
        scripts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(scripts)
    }

    fn sieve_content(&self, user: &UserId, name: &Text) -> Result<Vec<u8>> {
        self.host.sieve_content(user, name)
    }

    fn annotations(&self, mailbox: Option<&MboxName>) -> Result<Vec<Annotation>> {
        self.host.annotations(mailbox).map(sorted)
    }

    fn used_modseq(&self, name: &MboxName) -> Result<Modseq> {
        self.host.used_modseq(name)
    }

    fn raclmodseq(&self, name: &MboxName) -> Result<Modseq> {
        self.host.raclmodseq(name)
    }
}

struct Opened<'h> {
    mailbox: Box<dyn HostMailbox + 'h>,
    state: MailboxState,
    doubt: Option<String>,
    locked: bool,
}

impl Opened<'_> {
    fn need_lock(&self) -> Result<()> {
        if self.locked {
            return Ok(());
        }
        let detail = "the index lock is not held any more";
        Err(Error::new(Kind::InvalidArgument, "read records", self.state.name.to_string(), detail))
    }

    /// `mailbox_synccrcs` with `force`.
    fn recompute(&mut self) -> Result<SyncCrcs> {
        let version = self.state.minor_version;
        let flags = FlagCrcs::new(&self.state.flags);
        let mut sum = CrcSum::EMPTY;
        let mut uids = Vec::new();
        self.scan_all(&mut |record| {
            if !record.is_expunged() {
                sum.basic ^= crc::basic(record, &flags);
                sum.annot ^= crc::virtual_annots(record, version);
                uids.push(record.uid);
            }
            Ok(())
        })?;
        for uid in uids {
            for annotation in self.message_annotations(uid)? {
                if !crc::is_virtual(&annotation.entry, version) {
                    sum.annot ^= crc::annot(uid, &annotation);
                }
            }
        }
        Ok(sum.into())
    }
}

impl MailboxFiles for Opened<'_> {
    fn message(&self, record: &Record) -> Result<File> {
        const OP: &str = "open message";
        let broken = |kind, detail: String| {
            Error::new(kind, OP, self.message_name(record), detail).hint(MESSAGE_REPAIR)
        };
        if record.internal_flags.has(InternalFlags::UNLINKED) {
            return Err(broken(Kind::Corrupt, "expunged, and its file is removed".into()));
        }
        let file = self.mailbox.message(record)?;
        let len = regular_len(&file)
            .map_err(|error| broken(Kind::Io, reason(&error)).caused_by(error))?;
        match len == u64::from(record.size) {
            true => Ok(file),
            false => {
                let detail = format!("{len} bytes, but cyrus.index says {}", record.size);
                Err(broken(Kind::Corrupt, detail))
            }
        }
    }

    fn message_name(&self, record: &Record) -> String {
        let name = format!("UID {} of {}", record.uid, self.state.name);
        match self.mailbox.message_path(record) {
            Some(path) => format!("{name} ({})", path.display()),
            None => name,
        }
    }
}

impl Mailbox for Opened<'_> {
    fn state(&self) -> &MailboxState {
        &self.state
    }

    fn annotations(&self) -> Result<Vec<Annotation>> {
        self.mailbox.annotations().map(sorted)
    }

    fn crcs(&mut self, which: Crcs) -> Result<SyncCrcs> {
        if which == Crcs::Stored {
            return Ok(self.state.crcs);
        }
        self.need_lock()?;
        match self.mailbox.recompute_crcs()? {
            Some(crcs) => Ok(crcs),
            None => self.recompute(),
        }
    }

    fn scan(
        &mut self,
        records: Records,
        visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.need_lock()?;
        let name = &self.state.name;
        let mut last = 0;
        self.mailbox.scan(records, &mut |record| {
            if record.uid == 0 {
                return Err(no_uid(name));
            }
            if record.uid <= last {
                let detail = format!("UID {} comes after UID {last}", record.uid);
                return Err(senseless("read records", name.to_string(), detail));
            }
            last = record.uid;
            // Believes nothing: a host may give more than it was asked for.
            match records.contain(record.uid) {
                true => visit(record),
                false => Ok(ControlFlow::Continue(())),
            }
        })
    }

    fn message_annotations(&self, uid: Uid) -> Result<Vec<Annotation>> {
        self.need_lock()?;
        self.mailbox.message_annotations(uid).map(sorted)
    }

    fn doubt(&self) -> Option<String> {
        self.doubt.clone()
    }

    fn unlock_index(&mut self) {
        if std::mem::take(&mut self.locked) {
            self.mailbox.unlock_index();
        }
    }
}
