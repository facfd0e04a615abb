//! Writes the message files that updates need: each before the update, none that is damaged.

use super::Syncer;
use super::contents::Work;
use super::damage::Stuck;
use super::ladder::check_identity;
use super::message::{Messages, Opened};
use super::repair::insert;
use super::reserve::Staged;
use super::snapshot::{Attempt, Extent, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::protocol::{Command, MessageFiles, OutgoingFile, RemoteFolder, RemoteRecord, Ticket};
use crate::store::Mailbox;
use crate::types::{Guid, MailboxEntry, Record, Text};

/// Message files in one `APPLY MESSAGE`, at most.
const FILES_PER_COMMAND: usize = 256;
/// Bytes of message files after which an `APPLY MESSAGE` is ended.
const BYTES_PER_COMMAND: u64 = 4 << 20;

/// What an update of a mailbox builds on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base<'b> {
    pub entry: &'b MailboxEntry,
    pub remote: Option<&'b RemoteFolder>,
    pub attempt: Attempt,
    /// Messages of the replica that it shall expunge.
    pub expunge: &'b [RemoteRecord],
}

impl<'b> Base<'b> {
    /// For the mailbox of `work`, expunging nothing but what the master has.
    pub(super) fn new(work: &'b Work, attempt: Attempt) -> Base<'b> {
        Base { entry: &work.entry, remote: work.remote.as_ref(), attempt, expunge: &[] }
    }
}

/// What came of reading a mailbox for an update.
pub(super) enum Prepared {
    /// It is gone, or nothing differs.
    Nothing,
    /// Both sides must be compared in full first.
    Behind,
    /// It can be sent.
    Update(Box<Update>),
}

/// An update of which the files are on their way.
pub(super) struct Update {
    pub snapshot: Snapshot,
    /// What to wait for before it is sent.
    pub uploads: Vec<Ticket>,
    /// Set if it leaves out what lies behind a message that cannot be sent: what to say of that
    /// mailbox even if the replica takes the update.
    pub damage: Option<Error>,
    /// That message, if its file is all that is wrong with it.
    pub missing: Option<Guid>,
}

/// The files of one `APPLY MESSAGE`. Each is checked before it is written; the first that is damaged is
/// the last that is opened.
struct Files<'f> {
    mailbox: &'f dyn Mailbox,
    snapshot: &'f Snapshot,
    staged: &'f mut Staged,
    messages: &'f mut Messages,
    chunk: std::slice::Iter<'f, Record>,
    stuck: Option<Stuck>,
}

impl Files<'_> {
    /// Opens the file of a record. Another copy in the same mailbox is as good.
    fn open(&mut self, record: &Record) -> Result<Opened> {
        let error = match self.messages.open(self.mailbox, record) {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        let is_twin = |r: &&Record| r.guid == record.guid && r.uid != record.uid;
        for twin in self.snapshot.new_messages().filter(is_twin) {
            if let Ok(opened) = self.messages.open(self.mailbox, twin) {
                return Ok(opened);
            }
        }
        Err(error)
    }
}

impl MessageFiles for Files<'_> {
    fn partition(&self) -> &Text {
        &self.snapshot.header.partition
    }

    fn next_file(&mut self) -> Result<Option<OutgoingFile<'_>>> {
        while let Some(record) = self.chunk.next() {
            let opened = if self.stuck.is_some() { None } else { Some(self.open(record)) };
            let error = match opened {
                Some(Ok(opened)) => {
                    return Ok(Some(OutgoingFile {
                        partition: &self.snapshot.header.partition,
                        guid: record.guid,
                        size: record.size.into(),
                        content: self.messages.content(opened),
                    }));
                }
                Some(Err(error)) => Some(error),
                None => None,
            };
            self.staged.forget(&self.snapshot.header.partition, record.guid);
            // The replica takes an expunged record without its file.
            if let Some(error) = error.filter(|_| !record.is_expunged()) {
                self.stuck = Some(Stuck { record: *record, file: true, error });
            }
        }
        Ok(None)
    }
}

impl Syncer<'_> {
    /// Reads what must be sent of a mailbox and writes the files that it needs.
    pub(super) fn prepare(&mut self, base: &Base<'_>) -> Result<Prepared> {
        let mut uploads = Vec::new();
        let mut stuck = None;
        let mut result = self.read(base, &mut uploads, &mut stuck);
        if let (Ok(Prepared::Update(update)), Some(stuck)) = (&mut result, stuck) {
            let missing = stuck.file.then_some(stuck.record.guid);
            match self.damage(&base.entry.name, stuck) {
                Ok(damage) => {
                    update.damage = Some(damage);
                    update.missing = missing;
                }
                Err(error) => result = Err(error),
            }
        }
        match &mut result {
            Ok(Prepared::Update(update)) => update.uploads = uploads,
            _ if uploads.is_empty() => {}
            _ => {
                // Nobody will hear whether they arrived.
                self.staged.distrust();
                uploads.into_iter().for_each(|ticket| self.replica.discard(ticket));
            }
        }
        result
    }

    /// Reads until nothing is left in it that cannot be sent: less each time, so it ends.
    fn read(
        &mut self,
        base: &Base<'_>,
        uploads: &mut Vec<Ticket>,
        found: &mut Option<Stuck>,
    ) -> Result<Prepared> {
        let mut told = false;
        loop {
            let extent = found.as_ref().map_or(Extent::Batch, |s| Extent::Below(s.record.uid));
            let mut mailbox = match self.store.open(&base.entry.name) {
                Ok(mailbox) => mailbox,
                // Deleted meanwhile: its tombstone tells the next run.
                Err(error) if error.kind() == Kind::NotFound => return Ok(Prepared::Nothing),
                Err(error) => return Err(error),
            };
            check_identity(mailbox.as_ref(), base.entry)?;
            let state = mailbox.state();
            let plain = base.attempt == Attempt::First && found.is_none();
            if plain
                && (self.has_forgotten(state, base.remote) || self.is_outdone(state, base.remote))
            {
                return Ok(Prepared::Behind);
            }
            let read = self.snapshot(mailbox.as_mut(), base.remote, base.attempt, extent)?;
            let Some(mut snapshot) = read else { return Ok(Prepared::Nothing) };
            mailbox.unlock_index();
            if !base.expunge.is_empty() {
                insert(&mut snapshot, base.expunge)?;
            }
            if let Some(stuck) = snapshot.stuck.take() {
                *found = Some(stuck);
                continue;
            }
            if !std::mem::replace(&mut told, true) {
                let name = &base.entry.name;
                self.action_on(name, format!("{} {name}", self.update_command()));
            }
            if base.attempt == Attempt::Repaired {
                for record in snapshot.new_messages() {
                    self.staged.want(&snapshot.header.partition, record.guid);
                }
                self.reserve(std::slice::from_ref(&base.entry.name))?;
            }
            match self.upload(mailbox.as_ref(), &snapshot, uploads)? {
                Some(stuck) => *found = Some(stuck),
                None => {
                    let update =
                        Update { snapshot, uploads: Vec::new(), damage: None, missing: None };
                    return Ok(Prepared::Update(Box::new(update)));
                }
            }
        }
    }

    /// What a new mailbox is created with of which nothing else can be read: its name, its rights,
    /// no message. `None` if it is gone.
    pub(super) fn shell(&self, entry: &MailboxEntry) -> Result<Option<Snapshot>> {
        let mut mailbox = match self.store.open(&entry.name) {
            Ok(mailbox) => mailbox,
            Err(error) if error.kind() == Kind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        check_identity(mailbox.as_ref(), entry)?;
        self.snapshot(mailbox.as_mut(), None, Attempt::First, Extent::Below(1))
    }

    /// Writes the files that an update needs; the mailbox lock keeps them from vanishing.
    /// Gives back the first message that cannot be sent: no file behind it is.
    fn upload(
        &mut self,
        mailbox: &dyn Mailbox,
        snapshot: &Snapshot,
        tickets: &mut Vec<Ticket>,
    ) -> Result<Option<Stuck>> {
        let partition = &snapshot.header.partition;
        let mut chunk: Vec<Record> = Vec::new();
        let mut bytes = 0;
        // Expunged ones last: one whose file is gone must not stand in for another of its GUID.
        let living = snapshot.new_messages().filter(|record| !record.is_expunged());
        let expunged = snapshot.new_messages().filter(|record| record.is_expunged());
        let mut records = living.chain(expunged).peekable();
        while let Some(record) = records.next() {
            if self.staged.must_upload(partition, record.guid) {
                chunk.push(*record);
                bytes += u64::from(record.size);
                self.staged.uploaded(partition, record.guid);
            }
            let last = records.peek().is_none();
            let full = chunk.len() >= FILES_PER_COMMAND || bytes >= BYTES_PER_COMMAND;
            if full || (last && !chunk.is_empty()) {
                let stuck = self.upload_chunk(mailbox, snapshot, &chunk, tickets)?;
                if stuck.is_some() {
                    return Ok(stuck);
                }
                chunk.clear();
                bytes = 0;
            }
        }
        Ok(None)
    }

    fn upload_chunk(
        &mut self,
        mailbox: &dyn Mailbox,
        snapshot: &Snapshot,
        chunk: &[Record],
        tickets: &mut Vec<Ticket>,
    ) -> Result<Option<Stuck>> {
        let mut files = Files {
            mailbox,
            snapshot,
            staged: self.staged,
            messages: &mut self.messages,
            chunk: chunk.iter(),
            stuck: None,
        };
        let ticket = self.replica.submit(Command::Messages(&mut files))?;
        let stuck = files.stuck;
        tickets.push(ticket);
        Ok(stuck)
    }

    /// Waits for uploads of one partition. Where the replica refuses one, nothing that is taken to
    /// be staged on that partition can be trusted to be there.
    pub(super) fn confirm(
        &mut self,
        uploads: impl IntoIterator<Item = Ticket>,
        partition: &Text,
    ) -> Result<()> {
        let result = self.wait_all(uploads);
        if result.is_err() {
            self.staged.distrust_partition(partition);
        }
        result
    }
}
