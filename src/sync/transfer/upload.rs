//! Reads mailboxes for updates, and sends the message files that the updates need. Damaged files
//! are not sent.

use super::damage::damage;
use super::message::{Messages, Opened};
use super::reserve::{reserve, want_all_files};
use super::staged::Staged;
use crate::error::{Error, Kind, Result};
use crate::events::Step;
use crate::protocol::{Command, MessageFiles, OutgoingFile, RemoteFolder, RemoteRecord, Ticket};
use crate::store::{Mailbox, MailboxFiles};
use crate::sync::pass::Pass;
use crate::sync::repair::expunge::insert;
use crate::sync::survey::difference::{check_identity, has_forgotten, is_outdone};
use crate::sync::survey::look::Reading;
use crate::sync::survey::read::snapshot;
use crate::sync::survey::snapshot::{Attempt, Extent, Snapshot, Stuck};
use crate::types::{Guid, MailboxEntry, Record, Text};

/// Maximum number of message files in one `APPLY MESSAGE` command.
const FILES_PER_COMMAND: usize = 256;
/// An `APPLY MESSAGE` command is ended once it has this many bytes of message files.
const BYTES_PER_COMMAND: u64 = 4 << 20;

/// The input of an update of a mailbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base<'b> {
    /// The mailbox.
    pub entry: &'b MailboxEntry,
    /// State of the mailbox on the replica, if the replica has it.
    pub remote: Option<&'b RemoteFolder>,
    /// The attempt, which decides where the CRCs come from and whether the update has a condition.
    pub attempt: Attempt,
    /// Records that the replica must expunge.
    pub expunge: &'b [RemoteRecord],
}

/// The result of reading a mailbox for an update.
pub(crate) enum Prepared {
    /// The mailbox was removed, or nothing differs.
    Nothing,
    /// Both sides must be compared in full first.
    Behind,
    /// There is an update to send.
    Update(Box<Update>),
}

/// An update whose files are being sent.
pub(crate) struct Update {
    /// The records and the header to send.
    pub snapshot: Snapshot,
    /// The uploads to wait for before the update is sent.
    pub uploads: Vec<Ticket>,
    /// The number and size of the uploaded files.
    pub amount: Amount,
    /// Set if the update leaves out messages after one that cannot be sent. This error is reported
    /// for the mailbox even if the replica accepts the update.
    pub damage: Option<Error>,
    /// The GUID of the message that cannot be sent, if only its file is damaged.
    pub missing: Option<Guid>,
}

/// A number of messages and their size in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Amount {
    pub messages: u64,
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, record: &Record) {
        self.messages += 1;
        self.bytes += record.size;
    }
}

/// Uploads that were sent, and their size.
#[derive(Default)]
struct Uploads {
    tickets: Vec<Ticket>,
    amount: Amount,
}

/// The files of one `APPLY MESSAGE` command. Each file is checked before it is sent. After the
/// first damaged file, no more files are opened.
struct Files<'f> {
    mailbox: &'f dyn MailboxFiles,
    snapshot: &'f Snapshot,
    staged: &'f mut Staged,
    messages: &'f mut Messages,
    chunk: std::slice::Iter<'f, Record>,
    amount: &'f mut Amount,
    stuck: Option<Stuck>,
}

impl Files<'_> {
    /// Opens the file of a record. If that file is damaged, opens the file of another copy of the
    /// message in the same mailbox.
    fn open(&mut self, record: &Record) -> Result<Opened> {
        let next = self.chunk.as_slice();
        let error = match self.messages.open_one_of(self.mailbox, record, next) {
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
                    self.amount.add(record);
                    return Ok(Some(OutgoingFile {
                        partition: &self.snapshot.header.partition,
                        guid: record.guid,
                        size: record.size,
                        content: self.messages.content(opened),
                    }));
                }
                Some(Err(error)) => Some(error),
                None => None,
            };
            self.staged.forget(&self.snapshot.header.partition, record.guid);
            // The replica accepts an expunged record without its file.
            if let Some(error) = error.filter(|_| !record.is_expunged()) {
                self.stuck = Some(Stuck { record: *record, file: true, error });
            }
        }
        Ok(None)
    }
}

/// Reads the records of a mailbox that must be sent, and sends their message files.
pub(crate) fn prepare(pass: &mut Pass<'_>, base: &Base<'_>) -> Result<Prepared> {
    Preparing::default().finish(pass, base)
}

/// Sends the message files for an update whose records were read already. The lock of the mailbox
/// has been released since then, so a file may be missing. In that case the mailbox is read again.
pub(crate) fn prepare_read(
    pass: &mut Pass<'_>,
    base: &Base<'_>,
    reading: Reading,
) -> Result<Prepared> {
    let Reading { snapshot, files } = reading;
    let mut preparing = Preparing::default();
    preparing.announce(pass, &snapshot);
    let uploaded = match files {
        Some(files) => upload(pass, files.as_ref(), &snapshot, &mut preparing.uploads),
        None if files_needed(pass, &snapshot).next().is_none() => Ok(None),
        None => match open(pass, base.entry)? {
            Some(mut mailbox) => {
                mailbox.unlock_index();
                upload(pass, mailbox.as_ref(), &snapshot, &mut preparing.uploads)
            }
            None => return Ok(Prepared::Nothing),
        },
    };
    match uploaded {
        Ok(None) => Ok(preparing.update(snapshot)),
        Ok(Some(_)) => preparing.finish(pass, base),
        Err(error) => {
            preparing.give_up(pass);
            Err(error)
        }
    }
}

/// Opens the mailbox of an entry. Returns `None` if it was deleted meanwhile. The next run will
/// then find its tombstone.
fn open<'p>(pass: &Pass<'p>, entry: &MailboxEntry) -> Result<Option<Box<dyn Mailbox + 'p>>> {
    let mailbox = match pass.store.open(&entry.name) {
        Ok(mailbox) => mailbox,
        Err(error) if error.kind() == Kind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    check_identity(mailbox.as_ref(), entry)?;
    Ok(Some(mailbox))
}

/// Returns the messages of an update whose files must be uploaded.
fn files_needed<'s>(
    pass: &'s Pass<'_>,
    snapshot: &'s Snapshot,
) -> impl Iterator<Item = &'s Record> {
    let partition = &snapshot.header.partition;
    snapshot.new_messages().filter(|record| pass.staged.must_upload(partition, record.guid))
}

/// An update that is being prepared.
#[derive(Default)]
struct Preparing {
    uploads: Uploads,
    /// The first message that cannot be sent.
    stuck: Option<Stuck>,
    announced: bool,
}

impl Preparing {
    /// Reports once that the mailbox is being sent.
    fn announce(&mut self, pass: &Pass<'_>, snapshot: &Snapshot) {
        if !std::mem::replace(&mut self.announced, true) {
            let mut amount = Amount::default();
            files_needed(pass, snapshot).for_each(|record| amount.add(record));
            let Amount { messages, bytes } = amount;
            let (mailbox, local) = (snapshot.header.name.clone(), pass.settings.local_only);
            pass.report(Step::Mailbox { mailbox, local, messages, bytes });
        }
    }

    fn update(self, snapshot: Snapshot) -> Prepared {
        let Uploads { tickets: uploads, amount } = self.uploads;
        let (damage, missing) = (None, None);
        Prepared::Update(Box::new(Update { snapshot, uploads, amount, damage, missing }))
    }

    /// Stops waiting for the uploads. It is then unknown which files are staged.
    fn give_up(&mut self, pass: &mut Pass<'_>) {
        if !self.uploads.tickets.is_empty() {
            pass.staged.distrust();
        }
        self.uploads.tickets.drain(..).for_each(|ticket| pass.session.discard(ticket));
    }

    /// Reads the mailbox and sends its message files, and makes the update.
    fn finish(mut self, pass: &mut Pass<'_>, base: &Base<'_>) -> Result<Prepared> {
        let result = self.read(pass, base).and_then(|read| match read {
            Read::Nothing => Ok(Prepared::Nothing),
            Read::Behind => Ok(Prepared::Behind),
            Read::Snapshot(snapshot) => {
                let stuck = self.stuck.take();
                let missing =
                    stuck.as_ref().filter(|stuck| stuck.file).map(|stuck| stuck.record.guid);
                let damage = stuck.map(|stuck| damage(pass, &base.entry.name, stuck));
                let damage = damage.transpose()?;
                let Uploads { tickets: uploads, amount } = std::mem::take(&mut self.uploads);
                let update = Update { snapshot: *snapshot, uploads, amount, damage, missing };
                Ok(Prepared::Update(Box::new(update)))
            }
        });
        self.give_up(pass);
        result
    }

    /// Reads the mailbox and sends its message files. If a message cannot be sent, reads only the
    /// records below it, until everything that was read can be sent.
    fn read(&mut self, pass: &mut Pass<'_>, base: &Base<'_>) -> Result<Read> {
        loop {
            let extent = match &self.stuck {
                Some(stuck) => Extent::Below(stuck.record.uid),
                None => Extent::Batch,
            };
            let Some(mut mailbox) = open(pass, base.entry)? else { return Ok(Read::Nothing) };
            let state = mailbox.state();
            let plain = base.attempt == Attempt::First && self.stuck.is_none();
            if plain
                && (has_forgotten(pass, state, base.remote) || is_outdone(pass, state, base.remote))
            {
                return Ok(Read::Behind);
            }
            let read = snapshot(pass, mailbox.as_mut(), base.remote, base.attempt, extent)?;
            let Some(mut snapshot) = read else { return Ok(Read::Nothing) };
            mailbox.unlock_index();
            if !base.expunge.is_empty() {
                insert(&mut snapshot, base.expunge)?;
            }
            if let Some(stuck) = snapshot.stuck.take() {
                self.stuck = Some(stuck);
                continue;
            }
            if base.attempt == Attempt::Repaired {
                // If a message is damaged on the master, the replica may have a good copy of it.
                want_all_files(pass, &snapshot);
                reserve(pass, std::slice::from_ref(&base.entry.name))?;
            }
            self.announce(pass, &snapshot);
            match upload(pass, mailbox.as_ref(), &snapshot, &mut self.uploads)? {
                Some(stuck) => self.stuck = Some(stuck),
                None => return Ok(Read::Snapshot(Box::new(snapshot))),
            }
        }
    }
}

/// The result of reading a mailbox under its locks.
enum Read {
    /// The mailbox was removed, or nothing differs.
    Nothing,
    /// Both sides must be compared in full first.
    Behind,
    /// There is an update to send.
    Snapshot(Box<Snapshot>),
}

/// Returns an update that only creates a mailbox, with its name and rights but without messages.
/// Returns `None` if the mailbox was removed.
pub(crate) fn shell(pass: &Pass<'_>, entry: &MailboxEntry) -> Result<Option<Snapshot>> {
    let Some(mut mailbox) = open(pass, entry)? else { return Ok(None) };
    snapshot(pass, mailbox.as_mut(), None, Attempt::First, Extent::Below(1))
}

/// Sends the files that an update needs. While the mailbox is open, its lock protects the files. If
/// a message cannot be sent, stops and returns that message.
fn upload(
    pass: &mut Pass<'_>,
    mailbox: &dyn MailboxFiles,
    snapshot: &Snapshot,
    uploads: &mut Uploads,
) -> Result<Option<Stuck>> {
    let partition = &snapshot.header.partition;
    let mut chunk: Vec<Record> = Vec::new();
    let mut bytes = 0;
    // Expunged messages come last. If an expunged message without a file came first, another
    // message with the same GUID would not be sent.
    let living = snapshot.new_messages().filter(|record| !record.is_expunged());
    let expunged = snapshot.new_messages().filter(|record| record.is_expunged());
    let mut records = living.chain(expunged).peekable();
    while let Some(record) = records.next() {
        if pass.staged.must_upload(partition, record.guid) {
            chunk.push(*record);
            bytes += record.size;
            pass.staged.uploaded(partition, record.guid);
        }
        let last = records.peek().is_none();
        let full = chunk.len() >= FILES_PER_COMMAND || bytes >= BYTES_PER_COMMAND;
        if full || (last && !chunk.is_empty()) {
            let stuck = upload_chunk(pass, mailbox, snapshot, &chunk, uploads)?;
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
    pass: &mut Pass<'_>,
    mailbox: &dyn MailboxFiles,
    snapshot: &Snapshot,
    chunk: &[Record],
    uploads: &mut Uploads,
) -> Result<Option<Stuck>> {
    let mut files = Files {
        mailbox,
        snapshot,
        staged: &mut *pass.staged,
        messages: &mut pass.messages,
        chunk: chunk.iter(),
        amount: &mut uploads.amount,
        stuck: None,
    };
    let ticket = pass.session.submit(Command::Messages(&mut files))?;
    let stuck = files.stuck;
    uploads.tickets.push(ticket);
    Ok(stuck)
}

/// Waits for uploads of one partition. If the replica refuses an upload, the list of the staged
/// files on that partition is dropped, because it may be wrong.
pub(crate) fn confirm(
    pass: &mut Pass<'_>,
    uploads: impl IntoIterator<Item = Ticket>,
    partition: &Text,
) -> Result<()> {
    let result = pass.wait_all(uploads);
    if result.is_err() {
        pass.staged.distrust_partition(partition);
    }
    result
}
