//! The result of a task for each of its items. An item is a user, a mailbox or a log entry.

use std::collections::{HashMap, HashSet};

use super::log::entry::LogEntry;
use super::outcome::Pending;
use super::task::Goal;
use crate::error::Error;
use crate::events::{Act, FinishedItem, Outcome};
use crate::types::{MboxName, Text};

/// Calls `visit` with the result of each item of a task. `pending` has the items that failed.
pub fn items(act: Act, goal: &Goal, pending: &[Pending], visit: &mut dyn FnMut(FinishedItem)) {
    let entries = goal.entries();
    let causes = match goal {
        Goal::Mailboxes(_) => Causes::of_mailboxes(pending),
        _ => Causes::of_entries(&entries, pending),
    };
    for entry in &entries {
        let outcome = causes.of(entry).map_or(Outcome::Done, |error| Err(error.clone()).into());
        visit(FinishedItem { act, entry: entry.text(), subject: entry.subject(), outcome });
    }
}

/// Returns the results of log entries that failed. `lines` are these entries, and `error` is their
/// common error.
pub fn failed(lines: &[Text], error: &Error) -> Vec<FinishedItem> {
    let parts = parts([error]);
    let settle = |line: &Text| {
        let entry = LogEntry::parse(line.as_bytes()).ok().flatten()?;
        let subject = entry.subject();
        let own = subject.mailbox().and_then(|mailbox| parts.get(mailbox)).copied();
        let outcome = Err(own.unwrap_or(error).clone()).into();
        Some(FinishedItem { act: Act::Replicate, entry: line.clone(), subject, outcome })
    };
    lines.iter().filter_map(settle).collect()
}

/// Why items of a task failed. There are maps because a task may have many thousands of items.
struct Causes<'u> {
    by_entry: HashMap<&'u LogEntry, &'u Error>,
    /// The parts of the errors that name a mailbox, by mailbox.
    by_mailbox: HashMap<&'u MboxName, &'u Error>,
    /// Whether a mailbox in `by_mailbox` has failed even if its own entry is not pending.
    parts_count: bool,
    /// A failure that does not name its items. All items without their own result count as failed.
    rest: Option<&'u Error>,
}

impl<'u> Causes<'u> {
    /// If every failure names its mailbox, all other mailboxes are done.
    fn of_mailboxes(pending: &'u [Pending]) -> Self {
        let is_vague = |error: &&Error| {
            let parts = error.parts();
            parts.is_empty() || parts.iter().any(|part| part.subject().mailbox().is_none())
        };
        Causes {
            by_entry: HashMap::new(),
            by_mailbox: parts(pending.iter().map(|pending| &pending.error)),
            parts_count: true,
            rest: pending.iter().map(|pending| &pending.error).find(is_vague),
        }
    }

    /// A failed entry may have been replaced by a larger one, such as the whole user. Then it is
    /// unknown which of the original entries are done.
    fn of_entries(entries: &[LogEntry], pending: &'u [Pending]) -> Self {
        let known: HashSet<&LogEntry> = entries.iter().collect();
        let mut by_entry = HashMap::new();
        for Pending { items, error } in pending {
            for item in items {
                by_entry.entry(item).or_insert(error);
            }
        }
        let is_larger = |pending: &&Pending| pending.items.iter().any(|item| !known.contains(item));
        Causes {
            by_entry,
            by_mailbox: parts(pending.iter().map(|pending| &pending.error)),
            parts_count: false,
            rest: pending.iter().find(is_larger).map(|pending| &pending.error),
        }
    }

    /// Returns why an entry failed, or `None` if it is done.
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

/// Returns the parts of the errors that are about a mailbox, by mailbox.
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

    fn items(act: Act, goal: &Goal, pending: &[Pending]) -> Vec<FinishedItem> {
        let mut found = Vec::new();
        super::items(act, goal, pending, &mut |one| found.push(one));
        found
    }

    fn reported(settled: &[FinishedItem]) -> Vec<String> {
        let one = |one: &FinishedItem| {
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
        let settled = items(Act::Replicate, &goal, &[Pending { items: goal.entries(), error }]);
        let expected =
            ["MAILBOX user.a.x", "MAILBOX user.a.y: open user.a.y: bad", "MAILBOX user.a.z"];
        assert_eq!(reported(&settled), expected);
    }

    #[test]
    fn an_item_without_a_known_result_counts_as_failed() {
        let goal = Goal::Mailboxes(["user.a.x", "user.a.y"].map(MboxName::from).to_vec());
        let quota = Error::new(Kind::Io, "read", "quota root user.a", "no");
        let error = of("user.a").with_parts(vec![of("user.a.y"), quota]);
        let settled = items(Act::Plan, &goal, &[Pending { items: goal.entries(), error }]);
        assert!(settled.iter().all(|one| one.outcome.error().is_some()), "{settled:?}");
        // The entry of a mailbox was replaced by its user, which is pending.
        let goal = Goal::Entries(vec![LogEntry::Mailbox("user.a.x".into())]);
        let user = vec![LogEntry::User("a".into())];
        let settled = items(Act::Replicate, &goal, &[Pending { items: user, error: of("user.a") }]);
        assert_eq!(reported(&settled), ["MAILBOX user.a.x: open user.a: bad"]);
    }

    #[test]
    fn every_entry_of_a_log_has_an_end() {
        let entries = [LogEntry::Mailbox("user.a".into()), LogEntry::Meta("a".into())];
        let goal = Goal::Entries(entries.to_vec());
        let pending = Pending { items: entries[1..].to_vec(), error: of("user.a") };
        let settled = items(Act::Replicate, &goal, &[pending]);
        assert_eq!(reported(&settled), ["MAILBOX user.a", "META a: open user.a: bad"]);
        let lines = entries.map(|entry| entry.text());
        assert_eq!(failed(&lines, &of("user.a")).len(), 2);
        assert!(failed(&["nonsense".into()], &of("user.a")).is_empty());
    }

    #[test]
    fn each_entry_of_a_long_log_of_which_half_failed_has_its_result() {
        let entries: Vec<LogEntry> =
            (0..20_000).map(|n| LogEntry::Mailbox(format!("user.a.{n}").as_str().into())).collect();
        let goal = Goal::Entries(entries.clone());
        let pending = Pending { items: entries[10_000..].to_vec(), error: of("user.a") };
        let settled = items(Act::Replicate, &goal, &[pending]);
        assert_eq!(settled.iter().filter(|one| one.outcome.error().is_some()).count(), 10_000);
    }
}
