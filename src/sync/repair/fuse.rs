//! Finds changes of a repair that a person must allow first. A replica with plausible but false
//! data, or a replica that an attacker controls, must not destroy or divert mail on the master.
//! Pure: no I/O, no clock.
//!
//! Changes of flags are normal and allowed, except `\Deleted` on many messages. New UIDs are
//! allowed too, because the messages stay. docs/repair.md has the whole list.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::plan::{Plan, Side};
use crate::limits::{REPAIR_EXPUNGE_SHARE, UID_JUMP};
use crate::protocol::RemoteRecord;
use crate::protocol::numbers::shown;
use crate::settings::Fuse;
use crate::types::{Annotation, Guid, MboxType, Text, Uid};

/// A harmful change to the master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Harm {
    /// What the repair would do, as a phrase that follows the words "it would have to".
    pub what: String,
    /// The value of `--allow-repair` that allows this change.
    pub word: &'static str,
}

/// The effect that the messages of a mailbox have on the server by their presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acts {
    /// The messages have no effect: they are mail, events or contacts.
    No,
    /// The messages are sieve scripts.
    Sieve,
    /// The messages are sent as mail at a later time.
    Submission,
    /// The messages define where notifications of this account are sent.
    Push,
}

impl Acts {
    /// Returns the effect of messages in a mailbox of this type.
    pub fn of(mbtype: MboxType) -> Acts {
        match mbtype.kind() {
            MboxType::SIEVE => Acts::Sieve,
            MboxType::JMAP_SUBMIT => Acts::Submission,
            MboxType::JMAP_PUSHSUB => Acts::Push,
            _ => Acts::No,
        }
    }

    fn what(self) -> Option<&'static str> {
        match self {
            Acts::No => None,
            Acts::Sieve => Some("sieve scripts"),
            Acts::Submission => Some("mail that waits to be sent"),
            Acts::Push => Some("push subscriptions"),
        }
    }
}

/// Annotations of a mailbox that delete, redirect or archive mail, from all annotations in
/// `imap/annotate.c` of Cyrus 3.6.1 to 3.12.3. `cyr_expire` uses the first four to delete and
/// archive. Delivery uses the next three, for example for `fileinto :specialuse`. news2mail posts
/// to the address in the last one.
const HARMFUL: [&str; 8] = [
    "/vendor/cmu/cyrus-imapd/expire",
    "/vendor/cmu/cyrus-imapd/archive",
    "/vendor/cmu/cyrus-imapd/delete",
    "/vendor/cmu/cyrus-imapd/noexpire_until",
    "/vendor/cmu/cyrus-imapd/sieve",
    "/vendor/cmu/cyrus-imapd/duplicatedeliver",
    "/specialuse",
    "/vendor/cmu/cyrus-imapd/news2mail",
];

/// Annotations of a message that move mail: when the message's snooze ends, `calalarmd` moves the
/// message to the mailbox in these annotations.
const HARMFUL_OF_MESSAGES: [&str; 2] =
    ["/vendor/cmu/cyrus-imapd/snoozed", "/vendor/cmu/cyrus-imapd/snoozed-until"];

impl Fuse {
    /// Returns the changes of a plan that must not be made on the master without permission.
    pub fn refuses(&self, acts: Acts, ours: &Side, plan: &Plan) -> Vec<Harm> {
        let mut harm = Vec::new();
        if !self.allowed.expunge {
            harm.extend(self.expunges(ours, plan));
        }
        if !self.allowed.annotations {
            harm.extend(annotations(ours, plan));
        }
        if !self.allowed.scripts {
            harm.extend(scripts(acts, ours, plan));
        }
        if !self.allowed.uids {
            harm.extend(uids(ours, plan));
        }
        harm
    }

    fn expunges(&self, ours: &Side, plan: &Plan) -> Option<Harm> {
        let living = ours.records.iter().filter(|m| !m.record.is_expunged()).count() as u64;
        let (expunged, deleted) = (plan.expunged_here, plan.deleted_here);
        let gone = expunged + deleted;
        let many = self.max_expunge.is_some_and(|most| gone > most);
        if !many || gone <= living / REPAIR_EXPUNGE_SHARE {
            return None;
        }
        let what = match (expunged, deleted) {
            (_, 0) => format!("expunge {expunged} of {living} messages"),
            (0, _) => format!("mark {deleted} of {living} messages \\Deleted"),
            _ => format!(
                "expunge {expunged} of {living} messages and mark {deleted} others \\Deleted"
            ),
        };
        Some(Harm { what, word: "expunge" })
    }
}

fn annotations(ours: &Side, plan: &Plan) -> Option<Harm> {
    let mut changes = changes(&HARMFUL, &ours.annotations, &plan.annotations);
    for message in &plan.master {
        let here = of_uid(ours, message.record.uid).map_or(&[][..], |m| &m.annotations);
        let of = |change| format!("{change} of UID {}", message.record.uid);
        let changed = self::changes(&HARMFUL_OF_MESSAGES, here, &message.annotations);
        let renumbered = || is_renumbered(ours, message);
        if !changed.is_empty() && !renumbered() {
            changes.extend(changed.into_iter().map(of));
        }
    }
    let first = changes.first()?;
    let what = match changes.len() {
        1 => first.clone(),
        n => format!("{first} and {} more", n - 1),
    };
    Some(Harm { what, word: "annotations" })
}

/// Describes the changes from `here` to `then`, of the annotations in `which`.
fn changes(which: &[&str], here: &[Annotation], then: &[Annotation]) -> Vec<String> {
    let harmful = |a: &&Annotation| {
        let entry = a.entry.as_bytes();
        which.iter().any(|name| entry.eq_ignore_ascii_case(name.as_bytes()))
    };
    let key = |a: &Annotation| (a.entry.clone(), a.userid.clone(), a.value.clone());
    let old: HashSet<(Text, Text, Text)> = here.iter().filter(harmful).map(key).collect();
    let new: HashSet<(Text, Text, Text)> = then.iter().filter(harmful).map(key).collect();
    let mut changes: Vec<String> = Vec::new();
    for (entry, _, value) in new.difference(&old) {
        changes.push(format!("set {entry} to \"{}\"", shown(value.as_bytes())));
    }
    for (entry, userid, _) in old.difference(&new) {
        if !new.iter().any(|(e, u, _)| (e, u) == (entry, userid)) {
            changes.push(format!("remove {entry}"));
        }
    }
    changes.sort_unstable();
    changes
}

/// Returns whether a new record is one of the master's own messages under another UID.
fn is_renumbered(ours: &Side, message: &RemoteRecord) -> bool {
    let same = |m: &&RemoteRecord| {
        m.record.guid == message.record.guid && m.annotations == message.annotations
    };
    ours.records.iter().find(same).is_some()
}

fn scripts(acts: Acts, ours: &Side, plan: &Plan) -> Option<Harm> {
    let what = acts.what()?;
    let mut then: BTreeMap<Uid, &RemoteRecord> =
        ours.records.iter().map(|m| (m.record.uid, m)).collect();
    let before = contents(then.values().copied());
    then.extend(plan.master.iter().map(|m| (m.record.uid, m)));
    let changed = contents(then.values().copied()) != before;
    changed.then(|| Harm { what: format!("change {what}"), word: "scripts" })
}

/// Returns the GUID, flags and annotations of each unexpunged message, without UIDs, sorted.
fn contents<'m>(
    messages: impl Iterator<Item = &'m RemoteRecord>,
) -> Vec<(Guid, u32, &'m BTreeSet<Text>, &'m [Annotation])> {
    let living = messages.filter(|m| !m.record.is_expunged());
    let content = |m: &'m RemoteRecord| {
        (m.record.guid, m.record.system_flags.0, &m.flags, m.annotations.as_slice())
    };
    let mut contents: Vec<_> = living.map(content).collect();
    contents.sort();
    contents
}

fn uids(ours: &Side, plan: &Plan) -> Option<Harm> {
    let (old, new) = (ours.header.last_uid, plan.header.last_uid);
    let far = new.checked_sub(old).is_some_and(|jump| jump > UID_JUMP);
    far.then(|| Harm { what: format!("raise the last UID from {old} to {new}"), word: "uids" })
}

fn of_uid(side: &Side, uid: Uid) -> Option<&RemoteRecord> {
    let at = side.records.binary_search_by_key(&uid, |m| m.record.uid).ok()?;
    side.records.get(at)
}

#[cfg(test)]
#[path = "fuse_tests.rs"]
mod tests;
