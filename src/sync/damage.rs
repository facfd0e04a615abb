//! Messages that cannot be sent: which they are, and why, in one line for each mailbox.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use super::snapshot::appendable;
use super::{Failures, Syncer};
use crate::error::{Error, Kind, Result};
use crate::limits::SURVEY_BYTES;
use crate::observe::Level;
use crate::store::{Mailbox, Records};
use crate::types::{InternalFlags, MailboxEntry, MboxName, Record, Uid};

/// Messages that are read under one lock of their mailbox, which keeps others from removing
/// messages meanwhile.
const CHUNK: usize = 1024;
/// UIDs that a line names.
const NAMED: usize = 100;

/// The first record of a mailbox that cannot be sent.
#[derive(Debug)]
pub(super) struct Stuck {
    /// The record.
    pub record: Record,
    /// Whether only its file is wrong: another copy of it would do.
    pub file: bool,
    /// Why it cannot.
    pub error: Error,
}

/// Marks an error that is a matter of one mailbox alone.
#[derive(Debug, thiserror::Error)]
#[error("one mailbox alone failed")]
struct Alone {
    /// Messages of it are damaged; all else of it is on the replica, as far as that can be.
    damage: bool,
    source: Error,
}

fn alone(error: &Error) -> Option<&Alone> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

/// Whether damaged messages are all that failed.
pub(super) fn is_damage(error: &Error) -> bool {
    alone(error).is_some_and(|alone| alone.damage)
}

/// Whether a mailbox was left out because connections were lost over it: looking at more than it
/// is of no use.
pub fn is_left_out(error: &Error) -> bool {
    alone(error).is_some_and(|alone| !alone.damage)
}

/// Whether an error is a matter of one mailbox alone.
pub(super) fn is_of_mailbox_alone(error: &Error) -> bool {
    alone(error).is_some()
}

/// Marks an error as a matter of one mailbox alone.
pub(super) fn of_mailbox_alone(error: Error, source: Error) -> Error {
    error.caused_by(Alone { damage: false, source })
}

/// What is damaged in one mailbox.
#[derive(Debug, Default)]
struct Damage {
    uids: Vec<Uid>,
    count: u64,
    /// Why the first of them is.
    first: Option<Error>,
    /// Living messages that the replica lacks because of the first.
    waiting: u64,
}

impl Damage {
    fn add(&mut self, uid: Uid, error: Error) {
        self.count += 1;
        if self.uids.len() < NAMED {
            self.uids.push(uid);
        }
        self.first.get_or_insert(error);
    }

    fn into_error(self, name: &MboxName) -> Option<Error> {
        let Damage { uids, count, first, waiting } = self;
        let first = first?;
        let list: Vec<String> = uids.iter().map(ToString::to_string).collect();
        let mut detail = format!("uids=<{}", list.join(","));
        if let Some(more) = count.checked_sub(uids.len() as u64).filter(|more| *more > 0) {
            let _ = write!(detail, " and {more} more");
        }
        let _ = write!(detail, ">: {}: {}", first.subject(), first.detail());
        if waiting > 0 {
            let _ = write!(detail, "; {waiting} messages from there on are not on the replica");
        }
        let hint = first.hint_text().to_owned();
        let error = Error::new(first.kind(), "read damaged messages of", name.to_string(), detail);
        Some(error.hint(hint).caused_by(Alone { damage: true, source: first }))
    }
}

/// How thoroughly to look for damage.
struct Search {
    /// The records to look at.
    records: Records,
    /// Records from here on are new to the replica.
    new_from: Uid,
    /// Bytes that may be read of messages; beyond that only presence and size count.
    bytes: u64,
}

impl Syncer<'_> {
    /// The mailboxes of which [`Syncer::check_messages`] shall read the messages: none unless it
    /// was asked for.
    pub(super) fn to_check(&self, entries: &[MailboxEntry]) -> Vec<MboxName> {
        let real = entries.iter().filter(|e| !e.mbtype.is_intermediate());
        real.filter(|_| self.settings.check_messages).map(|e| e.name.clone()).collect()
    }

    /// Reads all messages that are not expunged: each must be there with the size and the SHA-1
    /// of its record. Damage to them would otherwise be found when they are needed, and the good
    /// copy may be gone by then. For each mailbox with such ones a failure is kept.
    pub(super) fn check_messages(
        &mut self,
        names: &[MboxName],
        failures: &mut Failures,
    ) -> Result<()> {
        for name in names {
            if failures
                .kept
                .iter()
                .any(|(failed, error)| failed.mailbox() == Some(name) && is_damage(error))
            {
                continue; // All of it was looked at when its first damaged message was found.
            }
            let mut damage = Damage::default();
            let all = Search { records: Records::All, new_from: Uid::MAX, bytes: u64::MAX };
            match self.search(name, &all, &mut damage) {
                Err(error) if error.kind() == Kind::Cancelled => return Err(error),
                // It could not be replicated either, which was told.
                Err(error) => self.log(Level::Debug, format!("{name} not checked: {error}")),
                Ok(()) => {}
            }
            if let Some(error) = damage.into_error(name) {
                let line = format!("SYNCERROR: damaged messages: {name} '{error}'");
                self.log_once(Level::Error, line);
                failures.kept.push((name.into(), error));
            }
        }
        Ok(())
    }

    /// What to say of a mailbox of which `stuck` is the first record that cannot be sent: which
    /// others cannot either, and how many wait.
    pub(super) fn damage(&mut self, name: &MboxName, stuck: Stuck) -> Result<Error> {
        let uid = stuck.record.uid;
        let mut damage = Damage::default();
        let search = match self.settings.check_messages {
            true => Search { records: Records::All, new_from: uid, bytes: u64::MAX },
            false => Search { records: from(uid), new_from: uid, bytes: SURVEY_BYTES },
        };
        match self.search(name, &search, &mut damage) {
            Err(error) if error.kind() == Kind::Cancelled => return Err(error),
            Err(error) => self.log(Level::Debug, format!("{name} not searched: {error}")),
            Ok(()) => {}
        }
        if !damage.uids.contains(&uid) && damage.count < NAMED as u64 {
            // It was put right meanwhile, or the search failed. It was not sent all the same.
            damage.uids.push(uid);
            damage.uids.sort_unstable();
            damage.count += 1;
        }
        if damage.uids.first() == Some(&uid) {
            damage.first = Some(stuck.error);
        }
        let none = || Error::new(Kind::Internal, "read", name.to_string(), "nothing is damaged");
        Ok(damage.into_error(name).unwrap_or_else(none))
    }

    fn search(&mut self, name: &MboxName, search: &Search, damage: &mut Damage) -> Result<()> {
        let mut left = search.records;
        let mut bytes = search.bytes;
        loop {
            let mut mailbox = self.store.open(name)?;
            let last_uid = mailbox.state().last_uid;
            let mut records = Vec::new();
            mailbox.scan(left, &mut |record| {
                records.push(*record);
                Ok(match records.len() < CHUNK {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                })
            })?;
            mailbox.unlock_index();
            for record in &records {
                self.cancel.check(&name.to_string())?;
                let is_new = record.uid >= search.new_from;
                let found = match is_new.then(|| appendable(name, record, last_uid)) {
                    Some(Err(error)) => Err(error),
                    _ => self.look_at(mailbox.as_ref(), record, &mut bytes),
                };
                if is_new && !record.is_expunged() {
                    damage.waiting += 1;
                }
                match found {
                    Err(_) if record.is_expunged() => {} // It goes without, or not at all.
                    Err(error) => {
                        self.log(Level::Debug, format!("damaged message: {error}"));
                        damage.add(record.uid, error);
                    }
                    Ok(()) => {}
                }
            }
            match records.last() {
                Some(last) if records.len() == CHUNK => {
                    left = Records::After(last.uid);
                }
                _ => return Ok(()),
            }
        }
    }

    fn look_at(&mut self, mailbox: &dyn Mailbox, record: &Record, bytes: &mut u64) -> Result<()> {
        if record.internal_flags.has(InternalFlags::EXPUNGED | InternalFlags::UNLINKED) {
            return Ok(());
        }
        match bytes.checked_sub(record.size.into()) {
            Some(left) => {
                *bytes = left;
                self.messages.open(mailbox, record).map(drop)
            }
            None => mailbox.message(record).map(drop),
        }
    }
}

/// The record of this UID and all behind it.
fn from(uid: Uid) -> Records {
    uid.checked_sub(1).map_or(Records::All, Records::After)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_first_hundred_and_counts_the_rest() {
        let mut damage = Damage { waiting: 7, ..Damage::default() };
        for uid in 1..=103 {
            let what = format!("UID {uid} of user.fred (/x/{uid}.)");
            damage.add(uid, Error::new(Kind::Corrupt, "open message", what, "it is missing"));
        }
        let error = damage.into_error(&"user.fred".into()).unwrap();
        let text = error.to_string();
        let start = "read damaged messages of user.fred: uids=<1,2,3,";
        assert!(text.starts_with(start), "{text}");
        let end = ",99,100 and 3 more>: UID 1 of user.fred (/x/1.): it is missing; \
                   7 messages from there on are not on the replica";
        assert!(text.ends_with(end), "{text}");
        assert!(is_damage(&error));
        assert!(!is_damage(&Error::new(Kind::Corrupt, "open", "x", "y")));
    }
}
