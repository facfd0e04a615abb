//! Sends the contents of mailboxes: uploads are sent ahead, and updates follow in order.
//!
//! All files of a mailbox are sent before its update, and the update is sent only after the replica
//! has confirmed the files. A replica aborts if it lacks a staged file when it applies an update
//! (3.6.1, `sync_apply_mailbox`). Files of the next mailboxes are sent meanwhile, so there is about
//! one round trip per user instead of one per mailbox.

use std::collections::VecDeque;

use super::explain::explained;
use super::inbox::{Failed, create_at_least, inbox_failed};
use super::ladder::send_recomputed;
use super::pending::{Body, Pending, Work};
use super::reserve::reserve;
use super::upload::{Base, Prepared, Update, confirm, prepare, prepare_read};
use crate::error::{Error, Kind, Result};
use crate::events::SyncEvent;
use crate::protocol::{Command, Ticket};
use crate::sync::failures::{Failures, ends_all};
use crate::sync::pass::Pass;
use crate::sync::repair::run::repair;
use crate::sync::survey::look::Found;
use crate::sync::survey::snapshot::Attempt;
use crate::types::{Guid, MailboxEntry, MboxName, Text, Uid};

/// Maximum number of records in memory for updates that are being sent.
pub(crate) const RECORDS_AHEAD: usize = 20_000;
/// Maximum number of mailboxes whose updates are being sent.
const MAILBOXES_AHEAD: usize = 128;

/// A mailbox of which only a batch was sent, up to `last_uid`.
pub(crate) struct Unfinished {
    pub entry: MailboxEntry,
    pub last_uid: Uid,
}

/// A mailbox of which only the messages before a damaged message were sent.
pub(crate) struct Held {
    pub entry: MailboxEntry,
    pub last_uid: Uid,
    pub partition: Text,
    pub missing: Guid,
    pub damage: Error,
}

/// The mailboxes that are not complete.
#[derive(Default)]
pub(crate) struct Left {
    pub unfinished: Vec<Unfinished>,
    pub held: Vec<Held>,
}

/// What to do with updates whose uploads are not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Uploads {
    /// Do not send these updates or any later update yet, because more files can be uploaded
    /// meanwhile.
    LeaveUnconfirmed,
    /// Wait for the replies to the uploads. Replies come in order, so this costs one round trip for
    /// the whole queue.
    Confirm,
}

/// Sends each of these mailboxes. `among` are the mailboxes that the replica searches for messages
/// that it has already. Returns the mailboxes that are not complete.
pub(crate) fn send(
    pass: &mut Pass<'_>,
    work: Vec<Work>,
    among: &[MboxName],
    failures: &mut Failures,
) -> Result<Left> {
    let mut queue: VecDeque<Pending> = VecDeque::new();
    let result = send_through(pass, &mut queue, work, among, failures);
    if result.is_err() {
        // The replies to these uploads are not read, so later updates must not rely on the uploads.
        pass.staged.distrust();
        for pending in queue {
            let tickets = pending.uploads.into_iter().chain(pending.update);
            tickets.for_each(|ticket| pass.session.discard(ticket));
        }
    }
    result
}

fn send_through(
    pass: &mut Pass<'_>,
    queue: &mut VecDeque<Pending>,
    work: Vec<Work>,
    among: &[MboxName],
    failures: &mut Failures,
) -> Result<Left> {
    let mut left = Left::default();
    for work in work {
        pass.check_cancel(&work.entry.name)?;
        if failures.waits(pass.names.owner(&work.entry.name).as_ref()) {
            continue;
        }
        let (entry, new_inbox) = (work.entry.clone(), work.is_new_inbox(pass));
        if let Err(error) = pass.begin(&entry.name) {
            fail(pass, Failed { entry, error }, new_inbox, failures)?;
            continue;
        }
        if pass.is_careful() && !among.is_empty() {
            work.want(pass);
            reserve(pass, among)?;
        }
        match start(pass, work) {
            Ok(Some(pending)) => queue.push_back(pending),
            Ok(None) if new_inbox => inbox_failed(pass, Failed::vanished(&entry), failures)?,
            Ok(None) => {}
            Err(error) if new_inbox => match create_at_least(pass, entry, error) {
                Ok(pending) => queue.push_back(pending),
                Err(failed) => inbox_failed(pass, *failed, failures)?,
            },
            Err(error) => failures.keep(pass, &entry.name, error)?,
        }
        if pass.is_careful() {
            while !queue.is_empty() {
                finish_first(pass, queue, &mut left, failures)?;
            }
            pass.end();
            continue;
        }
        advance(pass, queue, Uploads::LeaveUnconfirmed)?;
        while queue.len() >= MAILBOXES_AHEAD
            || queue.iter().map(Pending::records).sum::<usize>() > RECORDS_AHEAD / pass.sharers
        {
            finish_first(pass, queue, &mut left, failures)?;
        }
    }
    while !queue.is_empty() {
        finish_first(pass, queue, &mut left, failures)?;
    }
    Ok(left)
}

/// Stores the failure of a mailbox.
fn fail(
    pass: &mut Pass<'_>,
    failed: Failed,
    new_inbox: bool,
    failures: &mut Failures,
) -> Result<()> {
    if new_inbox {
        return inbox_failed(pass, failed, failures);
    }
    let Failed { entry, error } = failed;
    failures.keep(pass, &entry.name, error)
}

/// Sends the message files of a mailbox. Returns the update to send after the files, or `None` if
/// nothing must be sent.
fn start(pass: &mut Pass<'_>, work: Work) -> Result<Option<Pending>> {
    let new_inbox = work.is_new_inbox(pass);
    let Work { entry, remote, found } = work;
    if entry.mbtype.is_intermediate() {
        return Ok(Some(Pending::new(entry, new_inbox, Body::Intermediate)));
    }
    let base =
        Base { entry: &entry, remote: remote.as_ref(), attempt: Attempt::First, expunge: &[] };
    let prepared = match found {
        Found::Same => return Ok(None),
        Found::Behind => Prepared::Behind,
        Found::Read(reading) => prepare_read(pass, &base, *reading)?,
        Found::Unread => prepare(pass, &base)?,
    };
    let pending = match prepared {
        Prepared::Nothing => return Ok(None),
        Prepared::Behind => Pending::new(entry, new_inbox, Body::Behind),
        Prepared::Update(update) => {
            let Update { snapshot, uploads, amount, damage, missing } = *update;
            let missing = missing.map(|guid| (snapshot.header.partition.clone(), guid));
            let body = Body::Mailbox(Box::new(snapshot));
            Pending { uploads, amount, damage, missing, ..Pending::new(entry, new_inbox, body) }
        }
    };
    Ok(Some(pending))
}

/// Sends the updates in the queue whose files are uploaded, in order. No update is sent before the
/// reply for a new INBOX ahead of it.
fn advance(pass: &mut Pass<'_>, queue: &mut VecDeque<Pending>, uploads: Uploads) -> Result<()> {
    for at in 0..queue.len() {
        let Some(pending) = queue.get_mut(at) else { break };
        let barrier = pending.new_inbox;
        if pending.update.is_none() {
            if !pending.uploads.is_empty() && uploads == Uploads::LeaveUnconfirmed {
                return Ok(());
            }
            confirm_first(pass, queue, at)?;
            let Some(pending) = queue.get_mut(at) else { break };
            pending.update = submit_update(pass, &pending.entry, &pending.body)?;
        }
        if barrier {
            return Ok(());
        }
    }
    Ok(())
}

/// Waits for the uploads of one mailbox in the queue. If the replica refuses an upload, no update
/// in the queue that needs files on that partition may be sent, because the refused upload may have
/// contained such a file. Mailboxes that are read later upload their files again.
fn confirm_first(pass: &mut Pass<'_>, queue: &mut VecDeque<Pending>, at: usize) -> Result<()> {
    let Some(pending) = queue.get_mut(at) else { return Ok(()) };
    let uploads = std::mem::take(&mut pending.uploads);
    let Some(partition) = pending.snapshot().map(|s| s.header.partition.clone()) else {
        return pass.wait_all(uploads);
    };
    let Err(error) = confirm(pass, uploads, &partition) else { return Ok(()) };
    if ends_all(&error) {
        return Err(error);
    }
    for pending in queue.iter_mut().filter(|pending| pending.needs(&partition)) {
        pending.body = Body::Refused(error.clone());
    }
    Ok(())
}

fn submit_update(pass: &mut Pass<'_>, entry: &MailboxEntry, body: &Body) -> Result<Option<Ticket>> {
    let command = match body {
        Body::Mailbox(snapshot) => {
            pass.forget_groups(&snapshot.header);
            Command::Mailbox(snapshot.update(pass.settings.local_only))
        }
        Body::Intermediate => Command::Intermediate(entry),
        Body::Behind | Body::Refused(_) => return Ok(None),
    };
    let ticket = pass.session.submit(command)?;
    Ok(Some(ticket))
}

/// Waits for all uploads. Needed before an update is sent out of order, which may need files that
/// were uploaded for later mailboxes.
fn confirm_all(pass: &mut Pass<'_>, queue: &mut VecDeque<Pending>) -> Result<()> {
    (0..queue.len()).try_for_each(|at| confirm_first(pass, queue, at))
}

/// Completes the first update in the queue: waits for its reply and handles the result.
fn finish_first(
    pass: &mut Pass<'_>,
    queue: &mut VecDeque<Pending>,
    left: &mut Left,
    failures: &mut Failures,
) -> Result<()> {
    if queue.front().is_some_and(|p| p.update.is_none()) {
        advance(pass, queue, Uploads::Confirm)?;
    }
    let Some(pending) = queue.pop_front() else { return Ok(()) };
    let partial = pending.partial();
    let outcome = pass.cache.is_some().then(|| pending.outcome()).flatten();
    let unchecked = pending.unchecked();
    let last_uid = pending.last_uid();
    let mut confirmed = pending.confirmed();
    let Pending { entry, new_inbox, body, uploads, update, mut damage, missing, .. } = pending;
    let name = &entry.name;
    pass.wait_all(uploads)?;
    let result = match (update, body) {
        (_, Body::Refused(error)) => Err(error),
        (_, Body::Behind) => {
            confirm_all(pass, queue)?;
            repair(pass, &entry)
        }
        (Some(ticket), _) => pass.session.wait(ticket).map(drop),
        (None, _) => Ok(()),
    };
    let result = match result {
        Err(error) if error.kind() == Kind::ReplicaChecksum => {
            pass.report(SyncEvent::ChecksumDiffers { mailbox: name.clone() });
            confirm_all(pass, queue)?;
            pass.forget(name);
            // The new attempt reports the damage itself.
            damage = None;
            let resent = send_recomputed(pass, &entry);
            // The new attempt reports the mailbox as complete, so report only the uploaded files of
            // this attempt.
            if let Some(SyncEvent::Confirmed { whole, .. }) = &mut confirmed {
                *whole = false;
            }
            confirmed.into_iter().filter(|_| resent.is_ok()).for_each(|event| pass.report(event));
            resent
        }
        Ok(()) => {
            confirmed.into_iter().for_each(|event| pass.report(event));
            // After an unchecked update, the state is cached once the replica has been asked.
            match outcome {
                Some(outcome) if unchecked.is_none() => pass.remember(&outcome),
                _ => pass.forget(name),
            }
            pass.unchecked.extend(unchecked);
            Ok(())
        }
        result => result,
    };
    let result = match (result, damage) {
        (Ok(()), Some(damage)) => match missing {
            Some((partition, missing)) => {
                left.held.push(Held { entry, last_uid, partition, missing, damage });
                return Ok(());
            }
            None => Err(damage),
        },
        (Err(error), Some(damage)) if !error.is_connection() => Err(also(damage, &error)),
        (result, _) => result,
    };
    match result.map_err(|error| explained(pass, &entry, error)) {
        Ok(()) => {
            left.unfinished.extend(partial.map(|last_uid| Unfinished { entry, last_uid }));
            Ok(())
        }
        Err(error) if new_inbox => {
            inbox_failed(pass, Failed { entry, error }, failures)?;
            drop_waiting(pass, queue, failures)
        }
        Err(error) => failures.keep_update(pass, name, error),
    }
}

/// Removes the mailboxes that wait for an INBOX that failed. Their updates were not sent yet,
/// because they follow the reply for the INBOX. The replies to their uploads decide whether other
/// updates in the queue can be sent.
fn drop_waiting(
    pass: &mut Pass<'_>,
    queue: &mut VecDeque<Pending>,
    failures: &Failures,
) -> Result<()> {
    let waits = |pass: &Pass<'_>, pending: &Pending| {
        pending.update.is_none() && failures.waits(pass.names.owner(&pending.entry.name).as_ref())
    };
    for at in 0..queue.len() {
        if queue.get(at).is_some_and(|pending| waits(pass, pending)) {
            confirm_first(pass, queue, at)?;
        }
    }
    queue.retain(|pending| !waits(pass, pending));
    Ok(())
}

/// Makes the error for a mailbox with damaged messages whose update also failed.
fn also(damage: Error, error: &Error) -> Error {
    let detail = format!(
        "{}; in addition the update of the other messages failed: {error}",
        damage.detail()
    );
    Error::new(error.kind(), damage.op().to_owned(), damage.subject(), detail)
        .with_hint(damage.hint().to_owned())
}
