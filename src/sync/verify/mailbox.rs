//! Compares mailboxes that exist on both sides. While one mailbox is compared, the next ones are
//! requested from the replica already, as far as memory allows.

use std::collections::VecDeque;

use super::annotations::differing;
use super::header;
use super::part::{Part, there, value};
use super::records::Merge;
use crate::error::{Error, Kind, Result};
use crate::limits::REPLY_RECORD_BYTES;
use crate::protocol::{Command, FullMailbox, RemoteFolder, Reply, Ticket};
use crate::store::{Crcs, Mailbox, ReadMailbox as _};
use crate::sync::failures::ends_all;
use crate::sync::pass::Pass;
use crate::types::{MailboxEntry, MboxName, Text};

/// Maximum number of records that are requested from the replica ahead of time.
const RECORDS_AHEAD: u64 = 10_000;
/// Maximum number of mailboxes that are requested ahead of time.
const MAILBOXES_AHEAD: usize = 64;

/// Number of listed differences of a task after which only a few are listed for each mailbox.
const MOST_LISTED: usize = 10_000;
/// Maximum number of differences that are listed for each mailbox after [`MOST_LISTED`].
const MOST_LISTED_LATER: usize = 3;

/// A mailbox that exists on both sides.
#[derive(Debug)]
pub(super) struct Pair {
    /// The master's entry in mailboxes.db.
    pub entry: MailboxEntry,
    /// The replica's state.
    pub there: RemoteFolder,
    /// The number of records on the master.
    pub records: u64,
}

/// Returns the number of records of each mailbox on the master. Adds the quota roots of these
/// mailboxes to `roots`.
pub(super) fn counts(
    pass: &Pass<'_>,
    entries: &[&MailboxEntry],
    roots: &mut Vec<Text>,
) -> Vec<u64> {
    let mut counts = Vec::with_capacity(entries.len());
    for entries in entries.chunks(MAILBOXES_AHEAD) {
        let mut unlocked_states = pass.store.read_unlocked(entries).into_iter();
        for entry in entries {
            let state = match unlocked_states.next().flatten() {
                Some(unlocked) => Some(unlocked.state),
                // If the mailbox cannot be opened, the comparison reports the error later.
                None => pass.store.open(&entry.name).ok().map(|mailbox| mailbox.state().clone()),
            };
            counts.push(state.as_ref().map_or(0, |state| state.num_records.into()));
            roots.extend(state.and_then(|state| state.header.quotaroot));
        }
    }
    counts
}

/// Compares mailboxes, and makes a part for each.
pub(super) fn compare_all(
    pass: &mut Pass<'_>,
    pairs: Vec<Pair>,
    parts: &mut Vec<Part>,
) -> Result<()> {
    let mut rest = VecDeque::from(pairs);
    let mut asked: VecDeque<(Pair, Ticket)> = VecDeque::new();
    let (mut ahead, mut listed) = (0, 0);
    loop {
        while let Some(next) = rest.front()
            && (asked.is_empty()
                || ahead + next.records <= RECORDS_AHEAD && asked.len() < MAILBOXES_AHEAD)
        {
            ahead += next.records;
            pass.session.expect(ahead.saturating_mul(REPLY_RECORD_BYTES));
            let temp_path = Some(pass.settings.temp_path.as_path());
            let full = FullMailbox { mailbox: &next.entry.name, temp_path };
            let ticket = pass.session.submit(Command::GetFullMailbox(full))?;
            asked.extend(rest.pop_front().map(|pair| (pair, ticket)));
        }
        let Some((pair, ticket)) = asked.pop_front() else { return Ok(()) };
        pass.check_cancel(&pair.entry.name)?;
        let reply = pass.session.wait(ticket);
        ahead = ahead.saturating_sub(pair.records);
        let mut part = one(pass, &pair, reply)?;
        if listed > MOST_LISTED {
            part.shorten(MOST_LISTED_LATER);
        }
        listed += part.listed();
        parts.push(part);
    }
}

/// Compares one mailbox.
fn one(pass: &Pass<'_>, pair: &Pair, reply: Result<Reply>) -> Result<Part> {
    let name = &pair.entry.name;
    let mut part = Part::new(name);
    match reply.and_then(|reply| read(pass, pair, reply, &mut part)) {
        Ok(()) => {}
        Err(error) if ends_all(&error) => return Err(error),
        Err(error) => {
            // Drop the differences found so far, because they may be a consequence of the error.
            part = Part::new(name);
            match error.kind() {
                Kind::ReplicaNoMailbox => part.differs("MAILBOX", there(), None, true),
                Kind::NotFound => part.differs("MAILBOX", None, there(), true),
                _ => part.fails(name, error),
            }
        }
    }
    Ok(part)
}

fn read(pass: &Pass<'_>, pair: &Pair, reply: Reply, part: &mut Part) -> Result<()> {
    let name = &pair.entry.name;
    let mut mailbox = pass.store.open(name)?;
    let mut merge = Merge::new(mailbox.as_mut(), &pair.there, part);
    let folder = reply.visit_full_mailbox(&mut |record| merge.take(&record));
    // If the reply cannot be read, only this mailbox fails.
    let folder = folder.map_err(|error| of_answer(name, error))?;
    merge.end()?;
    if let Some(number) = &folder.beyond {
        let detail = format!("the replica sent a number that is too large: {number}");
        return Err(Error::new(Kind::Corrupt, "compare mailbox", name, detail)
            .with_hint("run reconstruct on the mailbox on the replica"));
    }
    part.compared.mailboxes += 1;
    let has_same_records = part.count() == 0;
    let state = mailbox.state().clone();
    header::compare(pass, &state, &folder, part);
    let newer = state.highestmodseq > folder.highestmodseq;
    for (field, master, replica) in differing(&mailbox.annotations()?, &folder.annotations) {
        part.differs(field, master, replica, newer);
    }
    if has_same_records {
        crcs(mailbox.as_mut(), &folder, newer, part)?;
    }
    part.state = Some(state.header);
    Ok(())
}

/// Compares the CRCs of a mailbox with equal records. A difference means that one side has stored a
/// wrong CRC.
fn crcs(
    mailbox: &mut dyn Mailbox,
    folder: &RemoteFolder,
    newer: bool,
    part: &mut Part,
) -> Result<()> {
    let stored = mailbox.state().crcs;
    if stored.basic.is_some() && stored.agrees(folder.crcs) {
        return Ok(());
    }
    let master = mailbox.crcs(Crcs::Recomputed)?;
    if !master.agrees(folder.crcs) {
        part.differs("SYNC_CRC", value(master), value(folder.crcs), newer);
    }
    Ok(())
}

/// Makes the error for an invalid reply to `GET FULLMAILBOX`. The error affects only this mailbox.
fn of_answer(name: &MboxName, error: Error) -> Error {
    if error.kind() != Kind::Protocol {
        return error;
    }
    let detail = format!("{} {}: {}", error.op(), error.subject(), error.detail());
    Error::new(Kind::Corrupt, "compare mailbox", name, detail)
        .with_hint(error.hint().to_owned())
        .with_source(error)
}
