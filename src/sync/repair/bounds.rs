//! Checks values that a replica reports before a repair uses them. A repair gives the master the
//! higher value of both sides, and the master keeps that value forever.
//!
//! Pure: no I/O, no clock. A value is never refused if the master has the same or a higher one. The
//! bounds and their reasons are in [`limits`](crate::limits).

use std::collections::HashSet;
use std::fmt::Display;

use super::plan::{Fetch, Side};
use crate::error::{Error, Kind, Result};
use crate::limits::{
    ANNOTATION_NAME_BYTES, ANNOTATION_VALUE_BYTES, CLOCK_AHEAD, EARLIEST_TIME, FLAG_NAME_BYTES,
    LATEST_TIME, MESSAGE_BYTES, MESSAGE_DATE_AHEAD, MODSEQ_BOUND, MODSEQ_JUMP, UID_BOUND,
};
use crate::protocol::numbers::shown;
use crate::protocol::{RemoteFolder, RemoteRecord, Reply};
use crate::types::crc::LATE_VIRTUAL_SINCE;
use crate::types::header::{Bound, FIELDS, Value};
use crate::types::{Annotation, MailboxState, MboxName, Modseq, Record, Text, Time, Uid};

/// The master's values, with which the replica's values are compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure<'m> {
    /// The master's state of the mailbox.
    pub here: &'m MailboxState,
    /// The highest modseq among all mailboxes of the owner on the master; 0 if unknown.
    pub used_modseq: Modseq,
    /// The current time.
    pub now: Time,
}

/// Makes the error for an impossible value.
fn refused(name: &MboxName, what_and_value: impl Display, why: &str) -> Error {
    let detail = format!("the replica claims {what_and_value}, {why}; nothing was changed");
    Error::new(Kind::Corrupt, "compare mailbox", name, detail).with_hint(
        "check the mailbox on the replica: run reconstruct on it there, or delete it there and \
         replicate it again",
    )
}

/// Makes the error for a number that does not fit into its type.
pub(crate) fn too_big(name: &MboxName, what_and_value: &str) -> Error {
    refused(name, what_and_value, "which is more than Cyrus can store")
}

/// Returns the records in the reply to `GET FULLMAILBOX`, in the order of UIDs. Fails if a number
/// does not fit into its type.
pub(crate) fn all_records(reply: Reply) -> Result<Vec<RemoteRecord>> {
    let (folder, records) = reply.into_full_mailbox()?;
    folder.beyond.as_ref().map_or(Ok(records), |beyond| Err(too_big(&folder.name, beyond)))
}

impl Measure<'_> {
    /// Returns the highest modseq among the mailbox's values and the owner's mailboxes on the
    /// master.
    fn modseq(&self) -> Modseq {
        let modseqs = FIELDS.iter().filter(|field| field.bound == Bound::Modseq);
        modseqs.map(|field| field.get(self.here).number()).fold(self.used_modseq, Modseq::max)
    }

    fn check_modseq(&self, what: impl Display, there: Modseq, here: Modseq) -> Result<()> {
        if there <= here {
            return Ok(());
        }
        let why = match there.checked_sub(self.modseq()) {
            _ if there >= MODSEQ_BOUND => "which is more than IMAP allows",
            Some(jump) if jump > MODSEQ_JUMP => "which is too far above the values on the master",
            _ => return Ok(()),
        };
        Err(refused(&self.here.name, format_args!("{what} {there}"), why))
    }

    fn check_uid(&self, what: impl Display, there: Uid) -> Result<()> {
        let here = self.here.last_uid.max(self.here.recentuid);
        if there <= here || there < UID_BOUND {
            return Ok(());
        }
        let why = "which leaves no UIDs for new messages";
        Err(refused(&self.here.name, format_args!("{what} {there}"), why))
    }

    /// Checks a time of the replica. Fails if it is before [`EARLIEST_TIME`] or more than `ahead`
    /// seconds in the future. A time that the master has too is accepted.
    fn check_time(&self, what: impl Display, there: Time, here: Time, ahead: i64) -> Result<()> {
        let latest = self.now.checked_add(ahead).unwrap_or(LATEST_TIME).min(LATEST_TIME);
        let why = match there {
            _ if there == here => return Ok(()),
            _ if there < EARLIEST_TIME => "which is before the earliest possible time",
            _ if there > latest && there > here => "which is far in the future",
            _ => return Ok(()),
        };
        Err(refused(&self.here.name, format_args!("{what} {there}"), why))
    }

    fn check_annotations(&self, of: &str, there: &[Annotation], here: &[Annotation]) -> Result<()> {
        let known = |a: &&Annotation| {
            here.iter().any(|h| (&h.entry, &h.userid, &h.value) == (&a.entry, &a.userid, &a.value))
        };
        for annotation in there {
            let Annotation { entry, userid, value, modseq } = annotation;
            let (entry_bytes, userid_bytes) = (entry.as_bytes(), userid.as_bytes());
            let what = || format!("{of}annotation {}", shown(entry_bytes));
            let highest = here.iter().map(|a| a.modseq).max().unwrap_or(0);
            self.check_modseq(format_args!("{} with modseq", what()), *modseq, highest)?;
            if known(&annotation) {
                continue;
            }
            let odd = |text: &[u8]| {
                text.len() > ANNOTATION_NAME_BYTES || text.iter().any(|b| b.is_ascii_control())
            };
            let name = &self.here.name;
            if odd(entry_bytes) || !entry_bytes.starts_with(b"/") {
                return Err(refused(name, what(), "which is not a valid name of an annotation"));
            }
            if odd(userid_bytes) {
                let what = format!("{} of {}", what(), shown(userid_bytes));
                return Err(refused(name, what, "which is not a valid userid"));
            }
            if value.as_bytes().len() > ANNOTATION_VALUE_BYTES {
                let what = format!("{} of {} bytes", what(), value.as_bytes().len());
                return Err(refused(name, what, "which is too long"));
            }
        }
        Ok(())
    }

    /// Checks the values of a mailbox in a reply. Times that an update overwrites may be in the
    /// future, for example because of a wrong clock.
    pub(crate) fn check_folder(&self, there: &RemoteFolder) -> Result<()> {
        self.check_header(there, LATEST_TIME)
    }

    /// Like [`Measure::check_folder`], but checks only UIDs. Used for `-O`: the master is never
    /// changed, and its update overwrites all other values.
    pub(crate) fn check_overruled(&self, there: &RemoteFolder) -> Result<()> {
        if let Some(beyond) = &there.beyond {
            return Err(too_big(&self.here.name, beyond));
        }
        let uids = FIELDS.iter().filter(|field| field.bound == Bound::Uid);
        uids.into_iter().try_for_each(|field| {
            let there = field.get(&there.header).number();
            self.check_uid(field.key, Uid::try_from(there).unwrap_or(Uid::MAX))
        })
    }

    fn check_header(&self, there: &RemoteFolder, ahead: i64) -> Result<()> {
        self.check_overruled(there)?;
        for field in FIELDS {
            let (there, here) = (field.get(&there.header), field.get(self.here));
            match (field.bound, there, here) {
                (Bound::Modseq, there, here) => {
                    self.check_modseq(field.key, there.number(), here.number())?;
                }
                (Bound::Now, there, here) => {
                    let time = |value: Value<'_>| Time::try_from(value.number()).unwrap_or(0);
                    self.check_time(field.key, time(there), time(here), CLOCK_AHEAD)?;
                }
                (Bound::Time, Value::Time(there), Value::Time(here)) => {
                    self.check_time(field.key, there, here, ahead)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks all values of the reply to `GET FULLMAILBOX` before a repair uses it.
    pub(crate) fn check_all(&self, there: &RemoteFolder, ours: &Side, theirs: &Side) -> Result<()> {
        self.check_header(there, CLOCK_AHEAD)?;
        self.check_annotations("the ", &there.annotations, &ours.annotations)?;
        let flags: HashSet<&Text> = self.here.flags.iter().flatten().collect();
        let none = RemoteRecord::default();
        for message in &theirs.records {
            let uid = message.record.uid;
            let here = ours.records.binary_search_by_key(&uid, |m| m.record.uid);
            let here = here.ok().and_then(|at| ours.records.get(at)).unwrap_or(&none);
            self.check_record(&message.record, &here.record)?;
            if message.record.is_expunged() {
                continue;
            }
            self.check_flags(message, &flags)?;
            let of = format!("for UID {uid} the ");
            self.check_annotations(&of, &message.annotations, &here.annotations)?;
        }
        Ok(())
    }

    fn check_record(&self, there: &Record, here: &Record) -> Result<()> {
        let uid = there.uid;
        self.check_uid("a message of UID", uid)?;
        if uid == 0 {
            return Err(refused(
                &self.here.name,
                "a message of UID 0",
                "which no message can have",
            ));
        }
        let of = |what: &str| format!("for UID {uid} {what}");
        self.check_modseq(of("MODSEQ"), there.modseq, here.modseq)?;
        self.check_modseq(of("createdmodseq"), there.createdmodseq, here.createdmodseq)?;
        if there.is_expunged() {
            return Ok(());
        }
        self.check_time(of("LAST_UPDATED"), there.last_updated, here.last_updated, CLOCK_AHEAD)?;
        let holds_long = self.here.minor_version >= LATE_VIRTUAL_SINCE;
        let most = if holds_long { MESSAGE_BYTES } else { u32::MAX.into() };
        if there.size > most {
            let why = "which is more than a message can have on this server";
            let what = format!("for UID {uid} SIZE {}", there.size);
            return Err(refused(&self.here.name, what, why));
        }
        if there.guid == here.guid {
            return Ok(()); // it is the same message: the master's dates stay
        }
        self.check_time(of("INTERNALDATE"), there.internaldate, 0, MESSAGE_DATE_AHEAD)?;
        self.check_time(of("savedate"), there.savedate, 0, CLOCK_AHEAD)
    }

    /// Checks that flags have names that Cyrus accepts (`mailbox_user_flag` in `imap/mailbox.c`).
    fn check_flags(&self, message: &RemoteRecord, known: &HashSet<&Text>) -> Result<()> {
        for flag in message.flags.iter().filter(|flag| !known.contains(flag)) {
            let bytes = flag.as_bytes();
            let fine = |b: &u8| b.is_ascii_graphic() && !b"{()\"%*\\".contains(b);
            if bytes.is_empty() || bytes.len() > FLAG_NAME_BYTES || !bytes.iter().all(fine) {
                let what = format!("for UID {} the flag {}", message.record.uid, shown(bytes));
                return Err(refused(&self.here.name, what, "which IMAP does not allow"));
            }
        }
        Ok(())
    }
}

/// Checks messages that will be copied to the master. The master would abort if a message had no
/// size or no GUID.
pub(crate) fn check_fetched(name: &MboxName, fetch: &[Fetch]) -> Result<()> {
    for Fetch { uid, guid, size } in fetch {
        if *size == 0 {
            let what = format!("for UID {uid} SIZE 0");
            return Err(refused(name, what, "which no message has"));
        }
        if guid.is_null() {
            let what = format!("for UID {uid} GUID {guid}");
            return Err(refused(name, what, "which no message has"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "bounds_tests.rs"]
mod tests;
