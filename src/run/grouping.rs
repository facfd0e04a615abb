//! Groups the entries of a log into independent tasks (`sync_do_reader` in Cyrus's
//! `imap/sync_support.c`). Pure: no I/O, no clock.
//!
//! An entry names what to compare, not what to do. So duplicates are dropped, an entry for a whole
//! user covers entries for parts of the user, and order matters only within a task.

use std::collections::{HashMap, HashSet};

use super::log::entry::LogEntry;
use super::task::{Goal, Owner, entry_owners};
use crate::names::Namespace;
use crate::types::UserId;

/// Groups entries into independent goals: one for each user, one for users that a rename connects,
/// one for shared mailboxes and one for the server. The goals are in the order of their first
/// entries.
pub fn goals(entries: impl IntoIterator<Item = LogEntry>, names: &Namespace) -> Vec<Goal> {
    let mut unique = Unique::default();
    for entry in entries {
        match entry {
            LogEntry::Double(first, second) => {
                unique.add(LogEntry::Mailbox(first));
                unique.add(LogEntry::Mailbox(second));
            }
            entry => unique.add(entry),
        }
    }
    let mut groups = Groups::default();
    for entry in unique.needed() {
        let (owner, other) = entry_owners(&entry, names);
        groups.add(entry, owner, other);
    }
    let groups = groups.entries.into_iter().filter(|entries| !entries.is_empty());
    groups.map(Goal::Entries).collect()
}

#[derive(Default)]
struct Unique {
    entries: Vec<LogEntry>,
    known: HashSet<LogEntry>,
}

impl Unique {
    fn add(&mut self, entry: LogEntry) {
        if self.known.insert(entry.clone()) {
            self.entries.push(entry);
        }
    }

    /// Returns the entries that no other entry covers. UNUSER covers USER, USER covers META, and
    /// META covers SEEN and SUB.
    fn needed(self) -> impl Iterator<Item = LogEntry> {
        let Unique { entries, known } = self;
        entries.into_iter().filter(move |entry| {
            let has = |cover: LogEntry| known.contains(&cover);
            let ends = |user: &UserId| has(LogEntry::UnUser(user.clone()));
            let whole = |user: &UserId| ends(user) || has(LogEntry::User(user.clone()));
            let meta = |user: &UserId| whole(user) || has(LogEntry::Meta(user.clone()));
            match entry {
                LogEntry::User(user) => !ends(user),
                LogEntry::Meta(user) => !whole(user),
                LogEntry::Seen(user, _) | LogEntry::Sub(user, _) => !meta(user),
                _ => true,
            }
        })
    }
}

#[derive(Default)]
struct Groups {
    entries: Vec<Vec<LogEntry>>,
    of: HashMap<Owner, usize>,
}

impl Groups {
    fn add(&mut self, entry: LogEntry, owner: Owner, other: Option<Owner>) {
        let at = self.of(owner);
        if let Some(other) = other {
            let from = self.of(other);
            self.join(at, from);
        }
        if let Some(entries) = self.entries.get_mut(at) {
            entries.push(entry);
        }
    }

    fn of(&mut self, owner: Owner) -> usize {
        *self.of.entry(owner).or_insert_with(|| {
            self.entries.push(Vec::new());
            self.entries.len() - 1
        })
    }

    fn join(&mut self, into: usize, from: usize) {
        if into == from {
            return;
        }
        let moved = self.entries.get_mut(from).map(std::mem::take).unwrap_or_default();
        if let Some(entries) = self.entries.get_mut(into) {
            entries.extend(moved);
        }
        self.of.values_mut().filter(|at| **at == from).for_each(|at| *at = into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    fn grouped(log: &str) -> Vec<String> {
        let names = Namespace::new(&settings::tests::of("").naming);
        let entries =
            log.lines().filter_map(|line| LogEntry::parse(line.trim().as_bytes()).unwrap());
        let show = |goal: Goal| {
            let entries: Vec<String> = goal.entries().iter().map(ToString::to_string).collect();
            entries.join(", ")
        };
        goals(entries, &names).into_iter().map(show).collect()
    }

    #[test]
    fn each_user_is_a_part_and_so_are_shared_mailboxes_and_the_server() {
        let log = "MAILBOX user.fred.Sent
            MAILBOX shared.a
            APPEND user.anna
            QUOTA user.fred
            ANNOTATION shared.b
            ANNOTATION \"\"
            QUOTA shared
            UNMAILBOX user.anna.x
            SEEN anna 6a5b
            MAILBOX user.fred.Sent";
        assert_eq!(
            grouped(log),
            [
                "MAILBOX user.fred.Sent, QUOTA user.fred",
                "MAILBOX shared.a, ANNOTATION shared.b, QUOTA shared",
                "MAILBOX user.anna, UNMAILBOX user.anna.x, SEEN anna 6a5b",
                "ANNOTATION \"\"",
            ]
        );
    }

    #[test]
    fn the_whole_covers_its_parts() {
        let meta = "SEEN fred 6a5b
            SUB fred user.x
            META fred
            SUB anna user.x";
        assert_eq!(grouped(meta), ["META fred", "SUB anna user.x"]);
        let user = format!("{meta}\nUSER fred\nMAILBOX user.fred");
        assert_eq!(grouped(&user), ["SUB anna user.x", "USER fred, MAILBOX user.fred"]);
        let ended = format!("{user}\nUNUSER fred");
        assert_eq!(grouped(&ended), ["SUB anna user.x", "MAILBOX user.fred, UNUSER fred"]);
    }

    #[test]
    fn a_rename_between_users_ties_them_together() {
        let log = "MAILBOX user.a
            MAILBOX user.b
            MAILBOX user.c
            RENAME user.c.x user.a.x
            RENAME user.a.y user.a.z";
        assert_eq!(
            grouped(log),
            [
                "MAILBOX user.b",
                "MAILBOX user.c, MAILBOX user.a, RENAME user.c.x user.a.x, RENAME user.a.y user.a.z"
            ]
        );
    }

    #[test]
    fn a_copy_between_users_does_not() {
        assert_eq!(
            grouped("DOUBLEMAILBOX user.a user.b\nMAILBOX user.a"),
            ["MAILBOX user.a", "MAILBOX user.b"]
        );
    }
}
