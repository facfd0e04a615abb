//! How a task ended, item by item: which user, mailbox or entry of a log is done, and which is not.

use std::collections::{HashMap, HashSet};

use super::log::entry::LogEntry;
use super::outcome::Undone;
use super::task::Goal;
use crate::error::Error;
use crate::events::{Act, Outcome, Settled};
use crate::types::{MboxName, Text};

/// Visits the items of a task with their results. `undone` has the items that could not be done.
pub fn items(act: Act, goal: &Goal, undone: &[Undone], visit: &mut dyn FnMut(Settled)) {
    let entries = goal.entries();
    let causes = match goal {
        Goal::Mailboxes(_) => Causes::of_mailboxes(undone),
        _ => Causes::of_entries(&entries, undone),
    };
    for entry in &entries {
        let outcome = causes.of(entry).map_or(Outcome::Done, |error| Err(error.clone()).into());
        visit(Settled { act, entry: entry.text(), subject: entry.subject(), outcome });
    }
}

/// Entries of a log that failed together.
pub fn failed(lines: &[Text], error: &Error) -> Vec<Settled> {
    let parts = parts([error]);
    let settle = |line: &Text| {
        let entry = LogEntry::parse(line.as_bytes()).ok().flatten()?;
        let subject = entry.subject();
        let own = subject.mailbox().and_then(|mailbox| parts.get(mailbox)).copied();
        let outcome = Err(own.unwrap_or(error).clone()).into();
        Some(Settled { act: Act::Replicate, entry: line.clone(), subject, outcome })
    };
    lines.iter().filter_map(settle).collect()
}

/// Why items of a task could not be done. A task may have many thousands of items, so each is looked
/// up.
struct Causes<'u> {
    by_entry: HashMap<&'u LogEntry, &'u Error>,
    /// The parts of all errors that name a mailbox.
    by_mailbox: HashMap<&'u MboxName, &'u Error>,
    /// Whether a mailbox that a part names has failed, although no entry of it is undone.
    parts_count: bool,
    /// A failure that may concern every other item.
    rest: Option<&'u Error>,
}

impl<'u> Causes<'u> {
    /// Only if every failure names a mailbox, the other mailboxes are known to be done.
    fn of_mailboxes(undone: &'u [Undone]) -> Self {
        let is_vague = |error: &&Error| {
            let parts = error.parts();
            parts.is_empty() || parts.iter().any(|part| part.subject().mailbox().is_none())
        };
        Causes {
            by_entry: HashMap::new(),
            by_mailbox: parts(undone.iter().map(|undone| &undone.error)),
            parts_count: true,
            rest: undone.iter().map(|undone| &undone.error).find(is_vague),
        }
    }

    /// An undone item that is no entry of the task, such as the whole user, contains entries. It is
    /// not known which of them its failure concerns.
    fn of_entries(entries: &[LogEntry], undone: &'u [Undone]) -> Self {
        let known: HashSet<&LogEntry> = entries.iter().collect();
        let mut by_entry = HashMap::new();
        for Undone { items, error } in undone {
            for item in items {
                by_entry.entry(item).or_insert(error);
            }
        }
        let is_larger = |undone: &&Undone| undone.items.iter().any(|item| !known.contains(item));
        Causes {
            by_entry,
            by_mailbox: parts(undone.iter().map(|undone| &undone.error)),
            parts_count: false,
            rest: undone.iter().find(is_larger).map(|undone| &undone.error),
        }
    }

    /// Returns why an entry failed. Returns `None` if it is done.
    fn of(&self, entry: &LogEntry) -> Option<&'u Error> {
        let subject = entry.subject();
        let own = subject.mailbox().and_then(|mailbox| self.by_mailbox.get(mailbox)).copied();
        let whole = self.by_entry.get(entry).copied().or(self.rest);
        match whole {
            Some(error) => Some(own.unwrap_or(error)),
            None => own.filter(|_| self.parts_count),
        }
    }
}

/// The parts of errors by the mailbox that they are about.
fn parts<'e>(errors: impl IntoIterator<Item = &'e Error>) -> HashMap<&'e MboxName, &'e Error> {
    let mut found = HashMap::new();
    for part in errors.into_iter().flat_map(Error::parts) {
        if let Some(mailbox) = part.subject().mailbox() {
            found.entry(mailbox).or_insert(part);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn of(mailbox: &str) -> Error {
        Error::new(Kind::Corrupt, "open", MboxName::from(mailbox), "bad")
    }

    fn items(act: Act, goal: &Goal, undone: &[Undone]) -> Vec<Settled> {
        let mut found = Vec::new();
        super::items(act, goal, undone, &mut |one| found.push(one));
        found
    }

    fn told(settled: &[Settled]) -> Vec<String> {
        let one = |one: &Settled| {
            let error = one.outcome.error().map(|error| format!(": {error}")).unwrap_or_default();
            format!("{}{error}", one.entry)
        };
        settled.iter().map(one).collect()
    }

    #[test]
    fn a_mailbox_fails_with_its_own_failure_and_its_siblings_do_not() {
        let names = ["user.a.x", "user.a.y", "user.a.z"].map(MboxName::from);
        let goal = Goal::Mailboxes(names.to_vec());
        let error = of("user.a").with_parts(vec![of("user.a.y")]);
        let settled = items(Act::Replicate, &goal, &[Undone { items: goal.entries(), error }]);
        let expected =
            ["MAILBOX user.a.x", "MAILBOX user.a.y: open user.a.y: bad", "MAILBOX user.a.z"];
        assert_eq!(told(&settled), expected);
    }

    #[test]
    fn what_is_not_known_to_be_done_counts_as_failed() {
        let goal = Goal::Mailboxes(["user.a.x", "user.a.y"].map(MboxName::from).to_vec());
        let quota = Error::new(Kind::Io, "read", "quota root user.a", "no");
        let error = of("user.a").with_parts(vec![of("user.a.y"), quota]);
        let settled = items(Act::Plan, &goal, &[Undone { items: goal.entries(), error }]);
        assert!(settled.iter().all(|one| one.outcome.error().is_some()), "{settled:?}");
        // A mailbox of a log that is tried again as its user.
        let goal = Goal::Entries(vec![LogEntry::Mailbox("user.a.x".into())]);
        let user = vec![LogEntry::User("a".into())];
        let settled = items(Act::Replicate, &goal, &[Undone { items: user, error: of("user.a") }]);
        assert_eq!(told(&settled), ["MAILBOX user.a.x: open user.a: bad"]);
    }

    #[test]
    fn every_entry_of_a_log_has_an_end() {
        let entries = [LogEntry::Mailbox("user.a".into()), LogEntry::Meta("a".into())];
        let goal = Goal::Entries(entries.to_vec());
        let undone = Undone { items: entries[1..].to_vec(), error: of("user.a") };
        let settled = items(Act::Replicate, &goal, &[undone]);
        assert_eq!(told(&settled), ["MAILBOX user.a", "META a: open user.a: bad"]);
        let lines = entries.map(|entry| entry.text());
        assert_eq!(failed(&lines, &of("user.a")).len(), 2);
        assert!(failed(&["nonsense".into()], &of("user.a")).is_empty());
    }

    #[test]
    fn each_entry_of_a_long_log_of_which_half_failed_has_its_result() {
        let entries: Vec<LogEntry> =
            (0..20_000).map(|n| LogEntry::Mailbox(format!("user.a.{n}").as_str().into())).collect();
        let goal = Goal::Entries(entries.clone());
        let undone = Undone { items: entries[10_000..].to_vec(), error: of("user.a") };
        let settled = items(Act::Replicate, &goal, &[undone]);
        assert_eq!(settled.iter().filter(|one| one.outcome.error().is_some()).count(), 10_000);
    }
}
