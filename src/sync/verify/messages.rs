//! Reads message files on both sides, and checks that each file has the size and the SHA-1 of its
//! record. The replica's files are read with `GET FETCH`.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;

use sha1::{Digest, Sha1};

use super::part::{Part, text, value};
use crate::error::{Error, Kind, Result, Subject};
use crate::events::Finding;
use crate::protocol::command::FetchPlace;
use crate::protocol::decode::FetchedMessage;
use crate::protocol::{Command, RemoteFolder, Reply};
use crate::store::Records;
use crate::sync::failures::ends_all;
use crate::sync::pass::Pass;
use crate::types::{Guid, InternalFlags, MboxName, Record, Uid};

/// Number of mailboxes whose states are requested from the replica at a time.
const MAILBOXES: usize = 64;
/// Number of messages that are read while the lock of their mailbox is held.
const CHUNK: usize = 256;
/// Maximum number of bytes of messages that are fetched from the replica at a time. A single
/// message may exceed this.
const FETCHED_BYTES: u64 = 4 << 20;
/// Maximum number of messages that are fetched at a time.
const FETCHES_AHEAD: usize = 64;

/// The share of the messages whose files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Number of messages to read of each ten thousand.
    pub share: u32,
    /// Determines which messages are read. Another seed selects other messages.
    pub seed: u32,
}

impl Sample {
    /// Selects all messages.
    pub const ALL: Sample = Sample { share: 10_000, seed: 0 };

    fn has(&self, record: &Record) -> bool {
        let is_gone = record.internal_flags.has(InternalFlags::EXPUNGED | InternalFlags::UNLINKED);
        if is_gone || record.guid.is_null() {
            return false;
        }
        let mut hasher = crc32fast::Hasher::new_with_initial(self.seed);
        hasher.update(&record.guid.0);
        hasher.update(&record.uid.to_be_bytes());
        hasher.finalize() % 10_000 < self.share
    }
}

/// Checks messages in all mailboxes that were compared. A message that cannot be read for another
/// reason than damage counts as not compared.
///
/// Fails if the session is lost, or a stop was requested.
pub(super) fn check(
    pass: &mut Pass<'_>,
    sample: &Sample,
    parts: &mut [(Part, bool)],
) -> Result<()> {
    let mut compared: Vec<&mut Part> =
        parts.iter_mut().map(|(part, _)| part).filter(|part| part.state.is_some()).collect();
    for parts in compared.chunks_mut(MAILBOXES) {
        let names: Vec<MboxName> =
            parts.iter().filter_map(|part| part.subject.mailbox().cloned()).collect();
        let folders = match pass.folders(&names) {
            Ok(folders) => folders,
            Err(error) if ends_all(&error) => return Err(error),
            Err(error) => {
                for part in parts {
                    let subject = part.subject.clone();
                    part.fails(subject, error.clone());
                }
                continue;
            }
        };
        for part in parts {
            let name = part.subject.mailbox();
            let Some(folder) = folders.iter().find(|folder| Some(&folder.name) == name) else {
                continue;
            };
            match of_mailbox(pass, sample, folder, part) {
                Ok(()) => {}
                Err(error) if ends_all(&error) => return Err(error),
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => part.fails(&folder.name, error),
            }
        }
    }
    Ok(())
}

/// The state of a message file on one side.
enum Side {
    /// The file matches its record.
    Intact,
    /// The file is damaged or missing. The text describes the damage.
    Bad(String),
    /// The file could not be read, but may be intact.
    Unread(Error),
}

impl Side {
    fn is_intact(&self) -> bool {
        matches!(self, Side::Intact)
    }
}

fn of_mailbox(
    pass: &mut Pass<'_>,
    sample: &Sample,
    folder: &RemoteFolder,
    part: &mut Part,
) -> Result<()> {
    let mut left = Records::All;
    loop {
        pass.check_cancel(&folder.name)?;
        let mut mailbox = pass.store.open(&folder.name)?;
        let mut records = Vec::new();
        mailbox.scan(left, &mut |record| {
            // Skip messages above the replica's last UID, which are not on the replica yet.
            let is_wanted = sample.has(record) && record.uid <= folder.last_uid;
            records.extend(is_wanted.then_some(*record));
            let is_full = records.len() >= CHUNK || record.uid >= folder.last_uid;
            Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        mailbox.unlock_index();
        let mut both = Vec::with_capacity(records.len());
        for record in &records {
            let ours = match pass.messages.open(mailbox.as_ref(), record) {
                Ok(_) => Side::Intact,
                Err(error) if error.kind() == Kind::Corrupt => {
                    Side::Bad(format!("damaged ({})", error.detail()))
                }
                Err(error) => Side::Unread(error),
            };
            both.push((*record, ours));
        }
        drop(mailbox);
        let last = records.last().filter(|_| records.len() == CHUNK).map(|last| last.uid);
        fetched(pass, folder, both, part)?;
        match last {
            Some(last) => left = Records::After(last),
            None => return Ok(()),
        }
    }
}

/// Fetches the files of `records` from the replica, and reports messages that are damaged on either
/// side. Each record has the state of the master's file.
fn fetched(
    pass: &mut Pass<'_>,
    folder: &RemoteFolder,
    records: Vec<(Record, Side)>,
    part: &mut Part,
) -> Result<()> {
    let temp_path = pass.settings.temp_path.clone();
    let mut rest = records.into_iter().peekable();
    while rest.peek().is_some() {
        let (mut asked, mut bytes) = (VecDeque::new(), 0);
        while (asked.is_empty() || bytes < FETCHED_BYTES && asked.len() < FETCHES_AHEAD)
            && let Some((record, ours)) = rest.next()
        {
            let place = FetchPlace { size: record.size, temp_path: &temp_path };
            let fetch = folder.fetch(record.uid, record.guid, Some(place));
            let ticket = pass.session.submit(Command::Fetch(fetch))?;
            asked.push_back((record, ours, ticket));
            bytes += record.size;
        }
        let mut bad = Vec::new();
        while let Some((record, ours, ticket)) = asked.pop_front() {
            let theirs = match pass.session.wait(ticket) {
                Ok(reply) => checked(&record, reply),
                Err(error) if ends_all(&error) => {
                    asked.into_iter().for_each(|(_, _, ticket)| pass.session.discard(ticket));
                    return Err(error);
                }
                // Cyrus sends this error if the file does not exist.
                Err(error) if error.kind() == Kind::ReplicaNoMailbox => {
                    Side::Bad("missing".to_owned())
                }
                Err(error) => Side::Unread(error),
            };
            part.compared.messages += 1;
            if !(ours.is_intact() && theirs.is_intact()) {
                bad.push((record.uid, ours, theirs));
            }
        }
        report(pass, &folder.name, bad, part)?;
    }
    Ok(())
}

/// Reports messages that are damaged on either side. Messages that were expunged on the master
/// meanwhile are skipped, because their files are gone. Messages that the replica lacks are skipped
/// too, because they were reported already.
fn report(
    pass: &Pass<'_>,
    name: &MboxName,
    bad: Vec<(Uid, Side, Side)>,
    part: &mut Part,
) -> Result<()> {
    let Some((last, _, _)) = bad.last() else { return Ok(()) };
    let living = living(pass, name, (bad.first().map_or(0, |(uid, _, _)| *uid), *last))?;
    for (uid, ours, theirs) in bad {
        let subject = Subject::message(name.clone(), uid, None);
        if !living.contains(&uid) || part.is_missing(uid) {
            continue;
        }
        match (ours, theirs) {
            (Side::Unread(error), _) | (_, Side::Unread(error)) => part.fails(subject, error),
            (ours, theirs) => {
                let [master, replica] = [ours, theirs].map(|side| match side {
                    Side::Bad(what) => text(what.as_bytes()),
                    _ => value("intact"),
                });
                let field = "FILE".to_owned();
                part.add(Finding { subject, field, master, replica, pending: false });
            }
        }
    }
    Ok(())
}

fn checked(record: &Record, reply: Reply) -> Side {
    // Cyrus returns no file if its SHA-1 does not match the record.
    let Some(message) = reply.into_message() else {
        return Side::Bad("damaged (the replica did not send it)".to_owned());
    };
    let (size, guid) = match &message {
        FetchedMessage::Memory(bytes) => (bytes.len() as u64, Guid(Sha1::digest(bytes).into())),
        FetchedMessage::Temp(file) => (file.size(), file.guid()),
    };
    if size == record.size && guid == record.guid {
        Side::Intact
    } else {
        Side::Bad(format!("damaged (it has {size} bytes with SHA-1 {guid})"))
    }
}

/// Returns the UIDs of unexpunged messages on the master from `first` to `last`, inclusive.
fn living(pass: &Pass<'_>, name: &MboxName, (first, last): (Uid, Uid)) -> Result<HashSet<Uid>> {
    let mut mailbox = pass.store.open(name)?;
    let mut living = HashSet::new();
    mailbox.scan(Records::After(first.saturating_sub(1)), &mut |record| {
        if record.uid <= last && !record.is_expunged() {
            living.insert(record.uid);
        }
        let is_last = record.uid >= last;
        Ok(if is_last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(living)
}

impl std::str::FromStr for Sample {
    type Err = Error;

    /// Parses `messages`, which means all messages, or `messages:10%`, which means a share.
    fn from_str(words: &str) -> Result<Sample> {
        let bad = || {
            Error::new(Kind::InvalidArgument, "read", words, "this is not a share of the messages")
                .with_hint("write messages, or messages:10%")
        };
        let share = match words.strip_prefix("messages") {
            Some("") => return Ok(Sample::ALL),
            Some(share) => share.strip_prefix(':').and_then(|share| share.strip_suffix('%')),
            None => None,
        };
        let percent: f64 = share.and_then(|share| share.parse().ok()).ok_or_else(bad)?;
        if !(percent > 0.0 && percent <= 100.0) {
            return Err(bad());
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10,000")]
        let share = ((percent * 100.0).round() as u32).max(1);
        Ok(Sample { share, ..Sample::ALL })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_as_it_is_written() {
        let share = |words: &str| words.parse::<Sample>().map(|sample| sample.share).ok();
        assert_eq!(share("messages"), Some(10_000));
        assert_eq!(share("messages:10%"), Some(1000));
        assert_eq!(share("messages:0.5%"), Some(50));
        assert_eq!(share("messages:0.001%"), Some(1));
        assert_eq!(share("messages:100%"), Some(10_000));
        for bad in ["", "message", "messages:", "messages:10", "messages:0%", "messages:101%"] {
            assert_eq!(share(bad), None, "{bad}");
        }
        assert_eq!(share("messages:-1%").or(share("messages:NaN%")), None);
    }

    #[test]
    fn a_sample_has_its_share_and_another_seed_has_others() {
        let records: Vec<Record> = (1..=10_000)
            .map(|uid: u32| Record {
                uid,
                guid: Guid(Sha1::digest(uid.to_be_bytes()).into()),
                ..Record::default()
            })
            .collect();
        let chosen = |seed, share| {
            let sample = Sample { share, seed };
            let chosen = records.iter().filter(|record| sample.has(record));
            chosen.map(|record| record.uid).collect::<Vec<_>>()
        };
        assert_eq!(chosen(7, 10_000).len(), 10_000);
        let tenth = chosen(7, 1000);
        assert!((800..1200).contains(&tenth.len()), "{}", tenth.len());
        assert_eq!(tenth, chosen(7, 1000));
        assert_ne!(tenth, chosen(8, 1000));
        let gone = InternalFlags(InternalFlags::EXPUNGED);
        assert!(!Sample::ALL.has(&Record { internal_flags: gone, ..records[0] }));
        assert!(!Sample::ALL.has(&Record { guid: Guid::default(), ..records[0] }));
    }
}
