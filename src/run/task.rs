//! From the entries of a log to independent parts of work (`sync_do_reader` in Cyrus's
//! `imap/sync_support.c`). Pure.
//!
//! An entry says where to look, not what to do: the same twice is once, the whole of a user
//! covers its parts, and order does not matter except within one part.

use std::collections::{HashMap, HashSet};

use super::log::entry::LogEntry;
use crate::names::Namespace;
use crate::types::{MboxName, UserId};

/// Whose an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A user's.
    User(UserId),
    /// Nobody's: of shared mailboxes, as one cohort.
    Shared,
    /// The server's.
    Server,
}

/// Entries that depend on no other part: those of one user, or of users whom a rename ties
/// together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Work {
    /// In the order of the log, each once.
    pub items: Vec<LogEntry>,
}

impl Work {
    /// The mailboxes to look at, each once: in order, of a rename both names.
    pub fn mailboxes(&self) -> Vec<MboxName> {
        let mut names = Vec::new();
        let mut known = HashSet::new();
        for item in &self.items {
            let found: &[&MboxName] = match item {
                LogEntry::Mailbox(name) => &[name],
                LogEntry::Rename(from, to) => &[from, to],
                _ => &[],
            };
            names.extend(found.iter().filter(|name| known.insert(**name)).copied().cloned());
        }
        names
    }

    /// The entries as a log.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.items.iter().for_each(|item| item.write(out));
    }
}

/// The owner of an entry, and of a rename the other one.
fn owners(item: &LogEntry, names: &Namespace) -> (Owner, Option<Owner>) {
    let of_mailbox = |name: &MboxName| names.owner(name).map_or(Owner::Shared, Owner::User);
    match item {
        LogEntry::User(user) | LogEntry::UnUser(user) | LogEntry::Meta(user) => {
            (Owner::User(user.clone()), None)
        }
        LogEntry::Seen(user, _) | LogEntry::Sub(user, _) => (Owner::User(user.clone()), None),
        LogEntry::Annotation(name) if name.is_empty() => (Owner::Server, None),
        LogEntry::Mailbox(name) | LogEntry::UnMailbox(name) | LogEntry::Annotation(name) => {
            (of_mailbox(name), None)
        }
        // The copy does not depend on the original: both are looked at for themselves.
        LogEntry::Double(name, _) => (of_mailbox(name), None),
        LogEntry::Rename(from, to) => (of_mailbox(from), Some(of_mailbox(to))),
        LogEntry::Quota(root) => (of_mailbox(&MboxName::new(root.as_bytes())), None),
    }
}

/// Sorts entries into independent parts, in the order in which each first appears.
pub fn parts(items: impl IntoIterator<Item = LogEntry>, names: &Namespace) -> Vec<Work> {
    let mut unique = Unique::default();
    for item in items {
        match item {
            LogEntry::Double(first, second) => {
                unique.add(LogEntry::Mailbox(first));
                unique.add(LogEntry::Mailbox(second));
            }
            item => unique.add(item),
        }
    }
    let mut groups = Groups::default();
    for item in unique.needed() {
        let (owner, other) = owners(&item, names);
        groups.add(item, owner, other);
    }
    groups.works.into_iter().filter(|work| !work.items.is_empty()).collect()
}

#[derive(Default)]
struct Unique {
    items: Vec<LogEntry>,
    known: HashSet<LogEntry>,
}

impl Unique {
    fn add(&mut self, item: LogEntry) {
        if self.known.insert(item.clone()) {
            self.items.push(item);
        }
    }

    /// All but what another entry covers: a user's end covers the user, that covers the
    /// metadata, and that each piece of it.
    fn needed(self) -> impl Iterator<Item = LogEntry> {
        let Unique { items, known } = self;
        items.into_iter().filter(move |item| {
            let has = |cover: LogEntry| known.contains(&cover);
            let ends = |user: &UserId| has(LogEntry::UnUser(user.clone()));
            let whole = |user: &UserId| ends(user) || has(LogEntry::User(user.clone()));
            let meta = |user: &UserId| whole(user) || has(LogEntry::Meta(user.clone()));
            match item {
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
    works: Vec<Work>,
    of: HashMap<Owner, usize>,
}

impl Groups {
    fn add(&mut self, item: LogEntry, owner: Owner, other: Option<Owner>) {
        let at = self.of(owner);
        if let Some(other) = other {
            let from = self.of(other);
            self.join(at, from);
        }
        if let Some(work) = self.works.get_mut(at) {
            work.items.push(item);
        }
    }

    fn of(&mut self, owner: Owner) -> usize {
        *self.of.entry(owner).or_insert_with(|| {
            self.works.push(Work::default());
            self.works.len() - 1
        })
    }

    fn join(&mut self, into: usize, from: usize) {
        if into == from {
            return;
        }
        let moved = self.works.get_mut(from).map(std::mem::take).unwrap_or_default();
        if let Some(work) = self.works.get_mut(into) {
            work.items.extend(moved.items);
        }
        self.of.values_mut().filter(|at| **at == from).for_each(|at| *at = into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn works(log: &str) -> Vec<String> {
        let names =
            Namespace::new(&Config::from_text(b"configdirectory: /conf", "t.conf").unwrap());
        let items = log.lines().filter_map(|line| LogEntry::parse(line.trim().as_bytes()).unwrap());
        let show = |work: Work| {
            let items: Vec<String> = work.items.iter().map(ToString::to_string).collect();
            items.join(", ")
        };
        parts(items, &names).into_iter().map(show).collect()
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
            works(log),
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
        assert_eq!(works(meta), ["META fred", "SUB anna user.x"]);
        let user = format!("{meta}\nUSER fred\nMAILBOX user.fred");
        assert_eq!(works(&user), ["SUB anna user.x", "USER fred, MAILBOX user.fred"]);
        let ended = format!("{user}\nUNUSER fred");
        assert_eq!(works(&ended), ["SUB anna user.x", "MAILBOX user.fred, UNUSER fred"]);
    }

    #[test]
    fn a_rename_between_users_ties_them_together() {
        let log = "MAILBOX user.a
            MAILBOX user.b
            MAILBOX user.c
            RENAME user.c.x user.a.x
            RENAME user.a.y user.a.z";
        assert_eq!(
            works(log),
            [
                "MAILBOX user.b",
                "MAILBOX user.c, MAILBOX user.a, RENAME user.c.x user.a.x, RENAME user.a.y user.a.z"
            ]
        );
    }

    #[test]
    fn a_copy_between_users_does_not() {
        assert_eq!(
            works("DOUBLEMAILBOX user.a user.b\nMAILBOX user.a"),
            ["MAILBOX user.a", "MAILBOX user.b"]
        );
    }

    #[test]
    fn a_rename_names_two_mailboxes() {
        let items = ["MAILBOX user.b", "RENAME user.a user.b", "MAILBOX user.a"];
        let items = items.map(|line| LogEntry::parse(line.as_bytes()).unwrap().unwrap());
        let work = Work { items: items.to_vec() };
        assert_eq!(work.mailboxes(), ["user.b", "user.a"]);
    }
}
