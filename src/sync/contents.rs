//! Brings the contents of mailboxes over: uploads run ahead, updates follow in order.
//!
//! A mailbox's files are all written before its update, and its update is not written before
//! the replica has confirmed them: a replica that misses a staged file when it applies an update
//! aborts (3.6.1, `sync_apply_mailbox`). Meanwhile the files of the next mailboxes are already
//! on their way, so a round trip is paid per user, not per mailbox.

use std::collections::{HashMap, VecDeque};

use super::inbox::Failed;
use super::remote::RemoteFolder;
use super::snapshot::{Attempt, Snapshot};
use super::upload::{Base, Prepared, Update};
use super::verify::Unchecked;
use super::{Failures, Syncer, commands};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::replica::{Ticket, Verb};
use crate::types::{Guid, MailboxEntry, MboxName, Text, Uid, UniqueId};

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
pub(super) struct Pending {
    work: Work,
    body: Body,
    uploads: Vec<Ticket>,
    update: Option<Ticket>,
    /// What to say of the mailbox whatever becomes of the update.
    pub damage: Option<Error>,
    /// Where, and which message it is that keeps back what lies behind it.
    missing: Option<(Text, Guid)>,
}

pub(super) enum Body {
    Mailbox(Box<Snapshot>),
    Intermediate,
    /// The replica must be compared in full first.
    Behind,
    /// The replica refused its files: nothing to apply.
    Refused(Error),
}

impl Pending {
    pub(super) fn new(work: Work, body: Body) -> Pending {
        Pending { work, body, uploads: Vec::new(), update: None, damage: None, missing: None }
    }

    fn snapshot(&self) -> Option<&Snapshot> {
        match &self.body {
            Body::Mailbox(snapshot) => Some(snapshot),
            _ => None,
        }
    }

    fn records(&self) -> usize {
        self.snapshot().map_or(0, |snapshot| snapshot.records.len())
    }

    /// What the replica has if it takes this.
    fn outcome(&self) -> Option<RemoteFolder> {
        self.snapshot()?.outcome()
    }

    /// What the replica does not check of this.
    fn unchecked(&self) -> Option<Unchecked> {
        Unchecked::of(&self.work.entry, self.snapshot()?)
    }

    /// The last UID of a batch that is not the last.
    fn partial(&self) -> Option<Uid> {
        let partial = self.snapshot()?.partial.map(|(partial, _)| partial.last_uid);
        partial.filter(|_| self.damage.is_none())
    }

    /// The last UID of the state that is sent.
    fn last_uid(&self) -> Uid {
        let of = |s: &Snapshot| s.partial.map_or(s.state.last_uid, |(partial, _)| partial.last_uid);
        self.snapshot().map_or(0, of)
    }

    /// Whether the update needs files that are staged on this partition.
    fn needs(&self, partition: &Text) -> bool {
        let needs = |snapshot: &Snapshot| {
            snapshot.partition == *partition && snapshot.new_messages().next().is_some()
        };
        self.update.is_none() && self.snapshot().is_some_and(needs)
    }
}

/// A mailbox of which a batch was sent, up to this UID.
struct Unfinished {
    entry: MailboxEntry,
    last_uid: Uid,
}

/// A mailbox of which everything was sent but what lies behind a damaged message.
struct Held {
    entry: MailboxEntry,
    last_uid: Uid,
    partition: Text,
    missing: Guid,
    damage: Error,
}

/// What is left of a pass over mailboxes.
#[derive(Default)]
struct Left {
    unfinished: Vec<Unfinished>,
    held: Vec<Held>,
}

/// Whether updates wait for the replies to their uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Uploads {
    /// They stay unwritten, as does all behind them: there is more to upload meanwhile.
    LeaveUnconfirmed,
    /// They wait: replies come in order, so this costs one round trip for the whole queue.
    Confirm,
}

impl Syncer<'_> {
    /// Sends mailboxes, batch by batch. `reserved_among` are the replica's mailboxes in which
    /// it may find messages; `work` was already looked at and reserved for.
    pub(super) fn send_contents(
        &mut self,
        mut work: Vec<Work>,
        reserved_among: &[MboxName],
        failures: &mut Failures,
    ) -> Result<()> {
        loop {
            let Left { mut unfinished, held } = self.send_once(work, reserved_among, failures)?;
            for Held { entry, last_uid, partition, missing, damage } in held {
                // A good copy may have come with another mailbox.
                match self.staged.must_upload(&partition, missing) {
                    true => failures.keep(self, &entry.name, damage)?,
                    false => unfinished.push(Unfinished { entry, last_uid }),
                }
            }
            if unfinished.is_empty() {
                return self.verify_sent(failures);
            }
            self.release_staged()?;
            work = self.look_again(unfinished, failures)?;
            if !reserved_among.is_empty() && !self.is_careful() {
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
    fn send_once(
        &mut self,
        work: Vec<Work>,
        among: &[MboxName],
        failures: &mut Failures,
    ) -> Result<Left> {
        let mut queue: VecDeque<Pending> = VecDeque::new();
        let result = self.send_through(&mut queue, work, among, failures);
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
        among: &[MboxName],
        failures: &mut Failures,
    ) -> Result<Left> {
        let mut left = Left::default();
        for item in work {
            self.cancel.check(&item.entry.name.to_string())?;
            if failures.waits(self.names.owner(&item.entry.name).as_ref()) {
                continue;
            }
            if let Err(error) = self.begin(&item.entry.name) {
                match self.is_new_inbox(&item) {
                    true => self.inbox_failed(Failed { entry: item.entry, error }, failures)?,
                    false => failures.keep(self, &item.entry.name, error)?,
                }
                continue;
            }
            if self.is_careful() && !among.is_empty() {
                // Its failure shows again when it is read.
                let _ = self.look(&item.entry, item.remote.as_ref(), true);
                self.reserve(among)?;
            }
            match self.start(&item) {
                Ok(Some(pending)) => queue.push_back(pending),
                Ok(None) if self.is_new_inbox(&item) => {
                    self.inbox_failed(Failed::vanished(&item.entry), failures)?;
                }
                Ok(None) => {}
                Err(error) if self.is_new_inbox(&item) => match self.create_at_least(item, error) {
                    Ok(pending) => queue.push_back(pending),
                    Err(failed) => self.inbox_failed(*failed, failures)?,
                },
                Err(error) => failures.keep(self, &item.entry.name, error)?,
            }
            if self.is_careful() {
                while !queue.is_empty() {
                    self.finish_first(queue, &mut left, failures)?;
                }
                self.end();
                continue;
            }
            self.advance(queue, Uploads::LeaveUnconfirmed)?;
            while queue.len() >= MAILBOXES_AHEAD
                || queue.iter().map(Pending::records).sum::<usize>() > RECORDS_AHEAD
            {
                self.finish_first(queue, &mut left, failures)?;
            }
        }
        while !queue.is_empty() {
            self.finish_first(queue, &mut left, failures)?;
        }
        Ok(left)
    }

    /// Reads a mailbox and writes its files to the replica.
    fn start(&mut self, work: &Work) -> Result<Option<Pending>> {
        if work.entry.mbtype.is_intermediate() {
            return Ok(Some(Pending::new(work.clone(), Body::Intermediate)));
        }
        let pending = match self.prepare(&Base::new(work, Attempt::First))? {
            Prepared::Nothing => return Ok(None),
            Prepared::Behind => Pending::new(work.clone(), Body::Behind),
            Prepared::Update(update) => {
                let Update { snapshot, uploads, damage, missing } = *update;
                let missing = missing.map(|guid| (snapshot.partition.clone(), guid));
                let body = Body::Mailbox(Box::new(snapshot));
                Pending { uploads, damage, missing, ..Pending::new(work.clone(), body) }
            }
        };
        Ok(Some(pending))
    }

    pub(super) fn update_command(&self) -> &'static str {
        if self.settings.local_only { "LOCAL_MAILBOX" } else { "MAILBOX" }
    }

    /// Writes the updates whose turn has come, in order.
    fn advance(&mut self, queue: &mut VecDeque<Pending>, uploads: Uploads) -> Result<()> {
        for at in 0..queue.len() {
            let Some(pending) = queue.get_mut(at) else { break };
            let barrier = self.is_new_inbox(&pending.work);
            if pending.update.is_none() {
                if !pending.uploads.is_empty() && uploads == Uploads::LeaveUnconfirmed {
                    return Ok(());
                }
                self.confirm_first(queue, at)?;
                let Some(pending) = queue.get_mut(at) else { break };
                pending.update = self.submit_update(&pending.work, &pending.body)?;
            }
            if barrier {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Waits for the uploads of one mailbox of the queue. Where the replica refuses them, none of
    /// the updates in the queue that need files on that partition may be sent: they may have been
    /// uploaded for this one. Those that are read later upload theirs again.
    fn confirm_first(&mut self, queue: &mut VecDeque<Pending>, at: usize) -> Result<()> {
        let Some(pending) = queue.get_mut(at) else { return Ok(()) };
        let uploads = std::mem::take(&mut pending.uploads);
        let Some(partition) = pending.snapshot().map(|s| s.partition.clone()) else {
            return self.wait_all(uploads);
        };
        let Err(error) = self.confirm(uploads, &partition) else { return Ok(()) };
        if error.is_connection() || error.kind() == Kind::Cancelled {
            return Err(error);
        }
        for pending in queue.iter_mut().filter(|pending| pending.needs(&partition)) {
            pending.body = Body::Refused(error.clone());
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
            Body::Behind | Body::Refused(_) => return Ok(None),
        };
        Ok(Some(ticket))
    }

    /// Confirms all uploads: an update out of turn may need files that were uploaded for the
    /// mailboxes behind it.
    fn confirm_all(&mut self, queue: &mut VecDeque<Pending>) -> Result<()> {
        (0..queue.len()).try_for_each(|at| self.confirm_first(queue, at))
    }

    /// Sees the first update of the queue through to its end.
    fn finish_first(
        &mut self,
        queue: &mut VecDeque<Pending>,
        left: &mut Left,
        failures: &mut Failures,
    ) -> Result<()> {
        if queue.front().is_some_and(|p| p.update.is_none()) {
            self.advance(queue, Uploads::Confirm)?;
        }
        let Some(pending) = queue.pop_front() else { return Ok(()) };
        let partial = pending.partial();
        let outcome = self.cache.is_some().then(|| pending.outcome()).flatten();
        let unchecked = pending.unchecked();
        let last_uid = pending.last_uid();
        let Pending { work, body, uploads, update, mut damage, missing } = pending;
        let name = &work.entry.name;
        self.wait_all(uploads)?;
        let result = match (update, body) {
            (_, Body::Refused(error)) => Err(error),
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
                // It says itself what is damaged.
                damage = None;
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
        let result = match (result, damage) {
            (Ok(()), Some(damage)) => match missing {
                Some((partition, missing)) => {
                    let entry = work.entry;
                    left.held.push(Held { entry, last_uid, partition, missing, damage });
                    return Ok(());
                }
                None => Err(damage),
            },
            (Err(error), Some(damage)) if !error.is_connection() => Err(also(damage, &error)),
            (result, _) => result,
        };
        match result.map_err(|error| self.explained(&work.entry, error)) {
            Ok(()) => {
                let entry = work.entry;
                left.unfinished.extend(partial.map(|last_uid| Unfinished { entry, last_uid }));
                Ok(())
            }
            Err(error) if self.is_new_inbox(&work) => {
                self.inbox_failed(Failed { entry: work.entry, error }, failures)
            }
            Err(error) => self.keep_failed(failures, name, error),
        }
    }
}

/// Damage, and what is in the way of all else of that mailbox.
fn also(damage: Error, error: &Error) -> Error {
    let detail = format!("{}; and the rest of it was not taken: {error}", damage.detail());
    Error::new(error.kind(), damage.op().to_owned(), damage.subject(), detail)
        .hint(damage.hint_text().to_owned())
}
