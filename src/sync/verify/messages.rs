//! Reads message files on both sides, the replica's through `GET FETCH`, and makes sure that each
//! has the size and the SHA-1 of its record.

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

/// Mailboxes whose state the replica is asked for at a time.
const MAILBOXES: usize = 64;
/// Messages that are read under one lock of their mailbox.
const CHUNK: usize = 256;
/// Bytes of messages that are on their way from the replica at a time; one may go beyond.
const FETCHED_BYTES: u64 = 4 << 20;
/// Messages that are asked for at a time.
const FETCHES_AHEAD: usize = 64;

/// Which messages are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// How many of ten thousand.
    pub share: u32,
    /// Which of them: another seed, others.
    pub seed: u32,
}

impl Sample {
    /// All messages.
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

/// Checks the messages of all mailboxes that were compared.
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
        let folders = pass.folders(&names)?;
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
            records.extend(sample.has(record).then_some(*record));
            let is_full = records.len() >= CHUNK;
            Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        mailbox.unlock_index();
        let mut ours = Vec::with_capacity(records.len());
        for record in &records {
            let opened = pass.messages.open(mailbox.as_ref(), record).map(drop);
            ours.push(opened.map_err(|error| format!("damaged ({})", error.detail())));
        }
        drop(mailbox);
        fetched(pass, folder, &records, ours, part)?;
        match records.last() {
            Some(last) if records.len() == CHUNK => left = Records::After(last.uid),
            _ => return Ok(()),
        }
    }
}

/// Whether a message file is good; if not, what is wrong with it.
type Checked = std::result::Result<(), String>;

/// Fetches messages from the replica, and reports those that are not good on both sides.
fn fetched(
    pass: &mut Pass<'_>,
    folder: &RemoteFolder,
    records: &[Record],
    ours: Vec<Checked>,
    part: &mut Part,
) -> Result<()> {
    let temp_path = pass.settings.temp_path.clone();
    let mut rest = records;
    let mut ours = ours.into_iter();
    while !rest.is_empty() {
        let (mut asked, mut bytes) = (Vec::new(), 0);
        while let Some((record, later)) = rest.split_first()
            && (asked.is_empty() || bytes < FETCHED_BYTES && asked.len() < FETCHES_AHEAD)
        {
            let place = FetchPlace { size: record.size.into(), temp_path: &temp_path };
            let fetch = folder.fetch(record.uid, record.guid, Some(place));
            asked.push((record, pass.session.submit(Command::Fetch(fetch))?));
            bytes += u64::from(record.size);
            rest = later;
        }
        for (record, ticket) in asked {
            let theirs = match pass.session.wait(ticket) {
                Ok(reply) => checked(record, reply),
                Err(error) if ends_all(&error) => return Err(error),
                // So Cyrus says that there is no file.
                Err(error) if error.kind() == Kind::ReplicaNoMailbox => Err("missing".to_owned()),
                Err(error) => Err(format!("not to be had ({})", error.detail())),
            };
            let ours = ours.next().unwrap_or(Ok(()));
            part.compared.messages += 1;
            if (ours.is_err() || theirs.is_err()) && is_there(pass, &folder.name, record.uid)? {
                let show = |side: Checked| match side {
                    Ok(()) => value("intact"),
                    Err(what) => text(what.as_bytes()),
                };
                part.add(Finding {
                    subject: Subject::message(folder.name.clone(), record.uid, None),
                    field: "FILE".to_owned(),
                    master: show(ours),
                    replica: show(theirs),
                    pending: false,
                });
            }
        }
    }
    Ok(())
}

fn checked(record: &Record, reply: Reply) -> Checked {
    // Cyrus gives nothing instead of a file whose SHA-1 is not that of the record.
    let message = reply.into_message().ok_or("damaged (the replica does not give it)")?;
    let (size, guid) = match &message {
        FetchedMessage::Memory(bytes) => (bytes.len() as u64, Guid(Sha1::digest(bytes).into())),
        FetchedMessage::Temp(file) => (file.size(), file.guid()),
    };
    if size == u64::from(record.size) && guid == record.guid {
        Ok(())
    } else {
        Err(format!("damaged (it has {size} bytes with SHA-1 {guid})"))
    }
}

/// Whether a message is still there, on the master: its file goes with it.
fn is_there(pass: &Pass<'_>, name: &MboxName, uid: Uid) -> Result<bool> {
    let mut mailbox = pass.store.open(name)?;
    let mut is_there = false;
    mailbox.scan(Records::After(uid.saturating_sub(1)), &mut |record| {
        is_there = record.uid == uid && !record.is_expunged();
        Ok(ControlFlow::Break(()))
    })?;
    Ok(is_there)
}

impl std::str::FromStr for Sample {
    type Err = Error;

    /// `messages` for all of them, `messages:10%` for a part.
    fn from_str(words: &str) -> Result<Sample> {
        let bad = || {
            Error::new(Kind::InvalidArgument, "read", words, "this is no share of the messages")
                .hint("write messages, or messages:10%")
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
