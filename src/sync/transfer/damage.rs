//! Finds messages that cannot be sent because their file or record is damaged. Reports them with
//! the reason, in one line per mailbox.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use crate::error::{Error, Kind, Mark, Result, Scope, Subject};
use crate::events::SyncEvent;
use crate::limits::SURVEY_BYTES;
use crate::store::{Mailbox, Records};
use crate::sync::failures::Failures;
use crate::sync::pass::Pass;
use crate::sync::survey::records::appendable;
use crate::sync::survey::snapshot::Stuck;
use crate::types::{InternalFlags, MailboxEntry, MboxName, Record, Uid};

/// Number of messages that are read while the lock of their mailbox is held. During this time other
/// programs cannot remove messages.
const CHUNK: usize = 1024;
/// Maximum number of UIDs that a line lists.
const NAMED: usize = 100;

/// Returns whether the error reports damaged messages and no other failure.
pub(crate) fn is_damage(error: &Error) -> bool {
    error.scope() == Scope::Damage
}

/// The damaged messages of one mailbox.
#[derive(Debug, Default)]
struct Damage {
    uids: Vec<Uid>,
    count: u64,
    /// The error of the first damaged message.
    first: Option<Error>,
    /// Number of unexpunged messages that cannot be sent, from the first damaged one on.
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
            let _ = write!(
                detail,
                "; {waiting} messages from the first damaged one on are not on the replica"
            );
        }
        let hint = first.hint().to_owned();
        let error = Error::new(first.kind(), "read damaged messages of", name, detail);
        Some(error.with_hint(hint).with_scope(Scope::Damage).with_source(first))
    }
}

/// The parameters of a search for damaged messages.
struct Search {
    /// The records to check.
    records: Records,
    /// Records from this UID on are new to the replica.
    new_from: Uid,
    /// Maximum number of bytes of messages to read. After that, only the presence and size of files
    /// are checked.
    bytes: u64,
}

/// Returns the mailboxes whose messages [`check_messages`] must read. The list is empty unless
/// `sync_check_messages` is set.
pub(crate) fn to_check(pass: &Pass<'_>, entries: &[MailboxEntry]) -> Vec<MboxName> {
    let real = entries.iter().filter(|e| !e.mbtype.is_intermediate());
    real.filter(|_| pass.settings.sync_check_messages).map(|e| e.name.clone()).collect()
}

/// Reads all unexpunged messages of these mailboxes and checks that each has the size and the SHA-1
/// of its record. Without this check, damage is found only when a message is sent or read, and by
/// then the last intact copy may be gone. Stores a failure for each mailbox with damaged messages.
pub(crate) fn check_messages(
    pass: &mut Pass<'_>,
    names: &[MboxName],
    failures: &mut Failures,
) -> Result<()> {
    for name in names {
        if failures.of(name).any(is_damage) {
            continue; // It was searched when its first damaged message was found.
        }
        let mut damage = Damage::default();
        let all = Search { records: Records::All, new_from: Uid::MAX, bytes: u64::MAX };
        match search(pass, name, &all, &mut damage) {
            Err(error) if error.kind() == Kind::Cancelled => return Err(error),
            // A mailbox that cannot be read could not be replicated either, and that failure was
            // reported already.
            Err(error) => pass.report(SyncEvent::NotChecked { mailbox: name.clone(), error }),
            Ok(()) => {}
        }
        if let Some(error) = damage.into_error(name) {
            let (subject, mailbox) = (Subject::from(name), name.clone());
            let event = SyncEvent::Damaged { mailbox, error: error.clone() };
            pass.report_once(&subject, &error, event);
            failures.keep_reported(subject, error.marked(Mark::Reported));
        }
    }
    Ok(())
}

/// Makes the error for a mailbox with a message that cannot be sent. `stuck` is the first such
/// message. The error lists the other damaged messages too, and the number of messages that must
/// wait.
pub(crate) fn damage(pass: &mut Pass<'_>, name: &MboxName, stuck: Stuck) -> Result<Error> {
    let uid = stuck.record.uid;
    let mut damage = Damage::default();
    let wanted = if pass.settings.sync_check_messages {
        Search { records: Records::All, new_from: uid, bytes: u64::MAX }
    } else {
        Search { records: from(uid), new_from: uid, bytes: SURVEY_BYTES }
    };
    match search(pass, name, &wanted, &mut damage) {
        Err(error) if error.kind() == Kind::Cancelled => return Err(error),
        Err(error) => pass.report(SyncEvent::NotSearched { mailbox: name.clone(), error }),
        Ok(()) => {}
    }
    if !damage.uids.contains(&uid) && damage.count < NAMED as u64 {
        // The message was repaired meanwhile, or the search failed. List it, because it was not
        // sent.
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

fn search(
    pass: &mut Pass<'_>,
    name: &MboxName,
    search: &Search,
    damage: &mut Damage,
) -> Result<()> {
    let mut left = search.records;
    let mut bytes = search.bytes;
    loop {
        let mut mailbox = pass.store.open(name)?;
        let last_uid = mailbox.state().last_uid;
        let mut records = Vec::new();
        mailbox.scan(left, &mut |record| {
            records.push(*record);
            Ok(if records.len() < CHUNK {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        })?;
        mailbox.unlock_index();
        for record in &records {
            pass.check_cancel(name)?;
            let is_new = record.uid >= search.new_from;
            let found = match is_new.then(|| appendable(name, record, last_uid)) {
                Some(Err(error)) => Err(error),
                _ => look_at(pass, mailbox.as_ref(), record, &mut bytes),
            };
            if is_new && !record.is_expunged() {
                damage.waiting += 1;
            }
            match found {
                Err(_) if record.is_expunged() => {} // It is sent without its file, or not at all.
                Err(error) => {
                    pass.report(SyncEvent::MessageDamaged { error: error.clone() });
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

fn look_at(
    pass: &mut Pass<'_>,
    mailbox: &dyn Mailbox,
    record: &Record,
    bytes: &mut u64,
) -> Result<()> {
    if record.internal_flags.has(InternalFlags::EXPUNGED | InternalFlags::UNLINKED) {
        return Ok(());
    }
    match bytes.checked_sub(record.size) {
        Some(left) => {
            *bytes = left;
            pass.messages.open(mailbox, record).map(drop)
        }
        None => mailbox.message(record).map(drop),
    }
}

/// Selects the record with this UID and all after it.
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
                   7 messages from the first damaged one on are not on the replica";
        assert!(text.ends_with(end), "{text}");
        assert!(is_damage(&error));
        assert!(!is_damage(&Error::new(Kind::Corrupt, "open", "x", "y")));
    }
}
