//! Brings the contents of mailboxes over: uploads run ahead, updates follow in order.
//!
//! A mailbox's files are all written before its update, and its update is not written before
//! the replica has confirmed them: a replica that misses a staged file when it applies an update
//! aborts (3.6.1, `sync_apply_mailbox`). Meanwhile the files of the next mailboxes are already
//! on their way, so a round trip is paid per user, not per mailbox.

use std::collections::{HashMap, VecDeque};

use super::ladder::check_identity;
use super::remote::RemoteFolder;
use super::snapshot::{Attempt, Snapshot, find_batch};
use super::user::inbox_gone;
use super::verify::Unchecked;
use super::{Failures, Syncer, commands};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::replica::{Ticket, Verb};
use crate::store::Mailbox;
use crate::types::{Guid, InternalFlags, MailboxEntry, MboxName, Record, Text, Uid, UniqueId};

/// Message files in one `APPLY MESSAGE`, at most.
const FILES_PER_COMMAND: usize = 256;
/// Bytes of message files after which an `APPLY MESSAGE` is ended.
const BYTES_PER_COMMAND: u64 = 4 << 20;
/// Records that may be held in memory for updates under way.
const RECORDS_AHEAD: usize = 20_000;
/// Mailboxes whose updates may be under way.
const MAILBOXES_AHEAD: usize = 128;
/// Staged files after which the replica is told to let go of them.
const STAGED_FILES: u64 = 8192;

/// A mailbox that must be sent.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub entry: MailboxEntry,
    pub remote: Option<RemoteFolder>,
}

/// An update on its way.
struct Pending {
    work: Work,
    body: Body,
    uploads: Vec<Ticket>,
    update: Option<Ticket>,
}

enum Body {
    Mailbox(Box<Snapshot>),
    Intermediate,
    /// The replica must be compared in full first.
    Behind,
    /// Its files could not all be read: nothing to apply, but what was uploaded counts for others.
    Failed(Error),
}

impl Pending {
    fn records(&self) -> usize {
        match &self.body {
            Body::Mailbox(snapshot) => snapshot.records.len(),
            _ => 0,
        }
    }
    /// What the replica has if it takes this.
    fn outcome(&self) -> Option<RemoteFolder> {
        match &self.body {
            Body::Mailbox(snapshot) => snapshot.outcome(),
            _ => None,
        }
    }
    /// What the replica does not check of this.
    fn unchecked(&self) -> Option<Unchecked> {
        match &self.body {
            Body::Mailbox(snapshot) => Unchecked::of(&self.work.entry, snapshot),
            _ => None,
        }
    }
    /// The last UID of a batch that is not the last.
    fn partial(&self) -> Option<Uid> {
        match &self.body {
            Body::Mailbox(snapshot) => snapshot.partial.map(|(partial, _)| partial.last_uid),
            _ => None,
        }
    }
}

/// A mailbox of which a batch was sent, up to this UID.
struct Unfinished {
    entry: MailboxEntry,
    last_uid: Uid,
}

/// Whether updates wait for the replies to their uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Uploads {
    /// They stay unwritten, as does all behind them: there is more to upload meanwhile.
    LeaveUnconfirmed,
    /// They wait: replies come in order, so this costs one round trip for the whole queue.
    Confirm,
}

/// What a look at one mailbox found.
#[derive(Debug)]
pub(super) enum Look {
    /// It is not there (any more).
    Gone,
    /// The replica has the same.
    Same {
        /// Its quota root.
        quotaroot: Option<Text>,
    },
    /// It must be sent.
    Differs {
        /// Its quota root.
        quotaroot: Option<Text>,
    },
}

impl Syncer<'_> {
    /// Looks whether a mailbox must be sent; if so and if `reserve`, notes the files it needs.
    pub(super) fn look(
        &mut self,
        entry: &MailboxEntry,
        remote: Option<&RemoteFolder>,
        reserve: bool,
    ) -> Result<Look> {
        let mut mailbox = match self.store.open(&entry.name) {
            Ok(mailbox) => mailbox,
            Err(error) if error.kind() == Kind::NotFound => return Ok(Look::Gone),
            Err(error) => return Err(error),
        };
        let quotaroot = mailbox.state().quotaroot.clone();
        let annotations = mailbox.annotations()?;
        let difference = self.difference(mailbox.as_mut(), &annotations, remote)?;
        let Some(difference) = difference else { return Ok(Look::Same { quotaroot }) };
        self.observer.differs(&entry.name, &difference.to_string());
        if reserve {
            self.want_files(mailbox.as_mut(), remote)?;
        }
        Ok(Look::Differs { quotaroot })
    }

    fn want_files(
        &mut self,
        mailbox: &mut dyn Mailbox,
        remote: Option<&RemoteFolder>,
    ) -> Result<()> {
        let partition = self.partition(&mailbox.state().partition);
        let mut new: Vec<(u32, Guid)> = Vec::new();
        let partial = find_batch(mailbox, self.settings.batch_size, remote, |record| {
            new.push((record.uid, record.guid));
        })?;
        let end = partial.map_or(u32::MAX, |p| p.last_uid);
        for (_, guid) in new.into_iter().take_while(|(uid, _)| *uid <= end) {
            self.staged.want(&partition, guid);
        }
        Ok(())
    }

    /// Asks the replica which of the wanted files it has in the mailboxes `among`.
    pub(super) fn reserve(&mut self, among: &[MboxName]) -> Result<()> {
        if among.is_empty() {
            return Ok(()); // nowhere to find them
        }
        let mut asked = Vec::new();
        for (partition, guids) in self.staged.ask() {
            let ticket = self
                .replica
                .submit(Verb::Apply, &mut |w| commands::reserve(w, &partition, among, &guids))?;
            asked.push((partition, guids, ticket));
        }
        for (partition, guids, ticket) in asked {
            let missing = commands::missing(&self.replica.wait(ticket)?)?;
            self.staged.answered(&partition, &guids, &missing);
        }
        Ok(())
    }

    /// Sends mailboxes, batch by batch. `reserved_among` are the replica's mailboxes in which
    /// it may find messages; `work` was already looked at and reserved for.
    pub(super) fn send_contents(
        &mut self,
        mut work: Vec<Work>,
        reserved_among: &[MboxName],
        failures: &mut Failures,
    ) -> Result<()> {
        loop {
            let unfinished = self.send_once(work, failures)?;
            if unfinished.is_empty() {
                return self.verify_sent(failures);
            }
            self.release_staged()?;
            work = self.look_again(unfinished, failures)?;
            if !reserved_among.is_empty() {
                for Work { entry, remote } in &work {
                    // A failure here will show again where it is kept.
                    let _ = self.look(entry, remote.as_ref(), true);
                }
                self.reserve(reserved_among)?;
            }
        }
    }

    /// Fetches the replica's state of mailboxes of which a batch was sent.
    /// One that has not got as far as was sent is a failure: going on might never end.
    fn look_again(
        &mut self,
        unfinished: Vec<Unfinished>,
        failures: &mut Failures,
    ) -> Result<Vec<Work>> {
        let names: Vec<MboxName> = unfinished.iter().map(|u| u.entry.name.clone()).collect();
        let remotes = self.get_mailboxes(&names)?;
        let mut remotes: HashMap<UniqueId, RemoteFolder> =
            remotes.into_iter().map(|r| (r.uniqueid.clone(), r)).collect();
        let mut work = Vec::with_capacity(unfinished.len());
        for Unfinished { entry, last_uid } in unfinished {
            let remote = remotes.remove(&entry.uniqueid);
            if remote.as_ref().is_some_and(|r| r.last_uid >= last_uid) {
                work.push(Work { entry, remote });
                continue;
            }
            let detail = format!("the messages up to UID {last_uid} are not there any more");
            let op = "go on with mailbox";
            let error = Error::new(Kind::ReplicaChanged, op, entry.name.to_string(), detail);
            failures.keep(self, &entry.name, error)?;
        }
        Ok(work)
    }

    /// Tells the replica to let go of staged files once there are many.
    pub(super) fn release_staged(&mut self) -> Result<()> {
        if self.staged.files() < STAGED_FILES {
            return Ok(());
        }
        self.restart()
    }

    /// One pass: each mailbox once. Returns those of which only a batch was sent.
    fn send_once(&mut self, work: Vec<Work>, failures: &mut Failures) -> Result<Vec<Unfinished>> {
        let mut queue: VecDeque<Pending> = VecDeque::new();
        let result = self.send_through(&mut queue, work, failures);
        if result.is_err() {
            // Nobody will hear whether these uploads arrived: no later update may build on them.
            self.staged.distrust();
            for pending in queue {
                let tickets = pending.uploads.into_iter().chain(pending.update);
                tickets.for_each(|ticket| self.replica.discard(ticket));
            }
        }
        result
    }

    fn send_through(
        &mut self,
        queue: &mut VecDeque<Pending>,
        work: Vec<Work>,
        failures: &mut Failures,
    ) -> Result<Vec<Unfinished>> {
        let mut unfinished = Vec::new();
        for item in work {
            self.cancel.check(&item.entry.name.to_string())?;
            match self.start(&item) {
                Ok(Some((body, uploads))) => {
                    queue.push_back(Pending { work: item, body, uploads, update: None });
                }
                Ok(None) if self.is_new_inbox(&item) => return Err(inbox_gone(&item.entry)),
                Ok(None) => {}
                Err(error) if self.is_new_inbox(&item) => return Err(error),
                Err(error) => failures.keep(self, &item.entry.name, error)?,
            }
            self.advance(queue, Uploads::LeaveUnconfirmed)?;
            while queue.len() >= MAILBOXES_AHEAD
                || queue.iter().map(Pending::records).sum::<usize>() > RECORDS_AHEAD
            {
                self.finish_first(queue, &mut unfinished, failures)?;
            }
        }
        while !queue.is_empty() {
            self.finish_first(queue, &mut unfinished, failures)?;
        }
        Ok(unfinished)
    }

    /// Reads a mailbox and writes its files to the replica.
    fn start(&mut self, work: &Work) -> Result<Option<(Body, Vec<Ticket>)>> {
        let Work { entry, remote } = work;
        if entry.mbtype.is_intermediate() {
            return Ok(Some((Body::Intermediate, Vec::new())));
        }
        let mut mailbox = match self.store.open(&entry.name) {
            Ok(mailbox) => mailbox,
            // Deleted meanwhile: its tombstone tells the next run.
            Err(error) if error.kind() == Kind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        check_identity(mailbox.as_ref(), entry)?;
        let state = mailbox.state();
        if self.has_forgotten(state, remote.as_ref()) || self.is_outdone(state, remote.as_ref()) {
            return Ok(Some((Body::Behind, Vec::new())));
        }
        let snapshot = self.snapshot(mailbox.as_mut(), remote.as_ref(), Attempt::First)?;
        let Some(snapshot) = snapshot else { return Ok(None) };
        mailbox.unlock_index();
        self.action_on(&entry.name, format!("{} {}", self.update_command(), entry.name));
        let (uploads, failed) = self.upload(mailbox.as_ref(), &snapshot)?;
        let body = failed.map_or_else(|| Body::Mailbox(Box::new(snapshot)), Body::Failed);
        Ok(Some((body, uploads)))
    }

    pub(super) fn update_command(&self) -> &'static str {
        if self.settings.local_only { "LOCAL_MAILBOX" } else { "MAILBOX" }
    }

    /// Writes the files that an update needs; the mailbox lock keeps them from vanishing.
    /// Gives back what to wait for, and the error of a file that cannot be sent.
    pub(super) fn upload(
        &mut self,
        mailbox: &dyn Mailbox,
        snapshot: &Snapshot,
    ) -> Result<(Vec<Ticket>, Option<Error>)> {
        let partition = &snapshot.partition;
        let mut tickets = Vec::new();
        let mut chunk: Vec<Record> = Vec::new();
        let mut bytes = 0;
        let expunged = |record: &&Record| record.internal_flags.has(InternalFlags::EXPUNGED);
        // Expunged ones last: one whose file is gone must not stand in for another of its GUID.
        let living = snapshot.new_messages().filter(|record| !expunged(record));
        let mut records = living.chain(snapshot.new_messages().filter(expunged)).peekable();
        while let Some(record) = records.next() {
            if self.staged.must_upload(partition, record.guid) {
                chunk.push(*record);
                bytes += u64::from(record.size);
                self.staged.uploaded(partition, record.guid);
            }
            let last = records.peek().is_none();
            let full = chunk.len() >= FILES_PER_COMMAND || bytes >= BYTES_PER_COMMAND;
            if full || (last && !chunk.is_empty()) {
                let (ticket, failed) = self.upload_chunk(mailbox, partition, &chunk)?;
                tickets.push(ticket);
                if failed.is_some() {
                    return Ok((tickets, failed));
                }
                chunk.clear();
                bytes = 0;
            }
        }
        Ok((tickets, None))
    }

    fn upload_chunk(
        &mut self,
        mailbox: &dyn Mailbox,
        partition: &Text,
        chunk: &[Record],
    ) -> Result<(Ticket, Option<Error>)> {
        let mut failed = None;
        let (staged, messages) = (&mut self.staged, &mut self.messages);
        let ticket = self.replica.submit(Verb::Apply, &mut |w| {
            commands::messages(w, chunk, &mut |w, record| {
                let error = match messages.open(mailbox, record) {
                    Ok(mut message) => {
                        let size = u64::from(record.size);
                        return w.file(partition.as_bytes(), record.guid, size, &mut message);
                    }
                    Err(error) => error,
                };
                staged.forget(partition, record.guid);
                // The replica takes an expunged record without its file.
                if !record.internal_flags.has(InternalFlags::EXPUNGED) {
                    failed.get_or_insert(error);
                }
                Ok(())
            })
        })?;
        Ok((ticket, failed))
    }

    /// Other mailboxes of a user must not be created before the INBOX is.
    fn is_new_inbox(&self, work: &Work) -> bool {
        work.remote.is_none() && self.names.is_inbox(&work.entry.name)
    }

    /// Writes the updates whose turn has come, in order.
    fn advance(&mut self, queue: &mut VecDeque<Pending>, uploads: Uploads) -> Result<()> {
        for pending in queue.iter_mut() {
            let barrier = self.is_new_inbox(&pending.work);
            if pending.update.is_none() {
                if !pending.uploads.is_empty() && uploads == Uploads::LeaveUnconfirmed {
                    return Ok(());
                }
                // Files that did not arrive are a matter of the replica (a full disk, say):
                // nothing later could be trusted to be there either. Files of a mailbox that
                // failed count as well, for those behind it rely on them.
                self.wait_all(pending.uploads.drain(..))?;
                pending.update = self.submit_update(&pending.work, &pending.body)?;
            }
            if barrier {
                return Ok(());
            }
        }
        Ok(())
    }

    fn submit_update(&mut self, work: &Work, body: &Body) -> Result<Option<Ticket>> {
        let command = self.update_command();
        let ticket = match body {
            Body::Mailbox(snapshot) => self
                .replica
                .submit(Verb::Apply, &mut |w| commands::mailbox(w, command, snapshot))?,
            Body::Intermediate => {
                self.replica.submit(Verb::Apply, &mut |w| commands::intermediate(w, &work.entry))?
            }
            Body::Behind | Body::Failed(_) => return Ok(None),
        };
        Ok(Some(ticket))
    }

    /// Confirms all uploads: an update out of turn may need files that were uploaded for the
    /// mailboxes behind it.
    fn confirm_all(&mut self, queue: &mut VecDeque<Pending>) -> Result<()> {
        for pending in queue.iter_mut() {
            self.wait_all(pending.uploads.drain(..))?;
        }
        Ok(())
    }

    /// Sees the first update of the queue through to its end.
    fn finish_first(
        &mut self,
        queue: &mut VecDeque<Pending>,
        unfinished: &mut Vec<Unfinished>,
        failures: &mut Failures,
    ) -> Result<()> {
        if queue.front().is_some_and(|p| p.update.is_none()) {
            self.advance(queue, Uploads::Confirm)?;
        }
        let Some(pending) = queue.pop_front() else { return Ok(()) };
        let partial = pending.partial();
        let outcome = self.cache.is_some().then(|| pending.outcome()).flatten();
        let unchecked = pending.unchecked();
        let Pending { work, body, uploads, update } = pending;
        let name = &work.entry.name;
        self.wait_all(uploads)?;
        let result = match (update, body) {
            (_, Body::Failed(error)) => Err(error),
            (_, Body::Behind) => {
                self.confirm_all(queue)?;
                self.repair(&work)
            }
            (Some(ticket), _) => self.replica.wait(ticket).map(drop),
            (None, _) => Ok(()),
        };
        let result = match result {
            Err(error) if error.kind() == Kind::ReplicaChecksum => {
                self.log(
                    Level::Notice,
                    format!(
                        "SYNC_NOTICE: CRC failure on sync {name}, recalculating counts and trying \
                         again"
                    ),
                );
                self.confirm_all(queue)?;
                self.forget(name);
                self.send_recomputed(&work)
            }
            Ok(()) => {
                self.unchecked.extend(unchecked);
                match outcome {
                    Some(outcome) => self.remember(&outcome),
                    None => self.forget(name),
                }
                Ok(())
            }
            result => result,
        };
        match result.map_err(|error| self.explained(&work.entry, error)) {
            Ok(()) => {
                let entry = work.entry;
                unfinished.extend(partial.map(|last_uid| Unfinished { entry, last_uid }));
            }
            Err(error) if self.is_new_inbox(&work) => {
                self.forget(name);
                return Err(error);
            }
            Err(error) => self.keep_failed(failures, name, error)?,
        }
        Ok(())
    }
}
