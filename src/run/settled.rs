//! How a task ended, item by item: which user, mailbox or entry of a log is done, and which is not.

use super::log::entry::LogEntry;
use super::outcome::Undone;
use super::task::Goal;
use crate::error::Error;
use crate::events::{Act, Outcome, Settled};
use crate::types::Text;

/// Returns how each item of a task ended. `undone` has the items that could not be done.
pub fn items(act: Act, goal: &Goal, undone: &[Undone]) -> Vec<Settled> {
    let entries = goal.entries();
    let settle = |entry: &LogEntry| {
        let failure = match goal {
            Goal::Mailboxes(_) => undone.iter().find_map(|undone| of_mailbox(entry, &undone.error)),
            _ => of_task(entry, &entries, undone),
        };
        let outcome = failure.map_or(Outcome::Done, |error| Err(error).into());
        Settled { act, entry: entry.text(), subject: entry.subject(), outcome }
    };
    entries.iter().map(settle).collect()
}

/// Entries of a log that failed together.
pub fn failed(lines: &[Text], error: &Error) -> Vec<Settled> {
    let settle = |line: &Text| {
        let entry = LogEntry::parse(line.as_bytes()).ok().flatten()?;
        let (act, outcome) = (Act::Replicate, Err(of_entry(&entry, error)).into());
        Some(Settled { act, entry: line.clone(), subject: entry.subject(), outcome })
    };
    lines.iter().filter_map(settle).collect()
}

/// Why an entry of a task could not be done; `None` if it is done.
fn of_task(entry: &LogEntry, entries: &[LogEntry], undone: &[Undone]) -> Option<Error> {
    if let Some(own) = undone.iter().find(|undone| undone.items.contains(entry)) {
        return Some(of_entry(entry, &own.error));
    }
    // The entry was replicated as part of something larger, such as the whole user. It is not known
    // which entries a failure of that concerns.
    let larger = |undone: &&Undone| undone.items.iter().any(|item| !entries.contains(item));
    undone.iter().find(larger).map(|undone| undone.error.clone())
}

/// Returns the part of an error that is about an entry's mailbox. Returns `None` if there is no
/// such part.
fn own_part<'e>(entry: &LogEntry, error: &'e Error) -> Option<&'e Error> {
    let subject = entry.subject();
    let mailbox = subject.mailbox()?;
    error.parts().iter().find(|part| part.subject().mailbox() == Some(mailbox))
}

/// Why an entry failed.
fn of_entry(entry: &LogEntry, error: &Error) -> Error {
    own_part(entry, error).unwrap_or(error).clone()
}

/// Why one of several mailboxes failed. Only where every failure names a mailbox is the rest known
/// to be done.
fn of_mailbox(entry: &LogEntry, error: &Error) -> Option<Error> {
    let parts = error.parts();
    let all_named = parts.iter().all(|part| part.subject().mailbox().is_some());
    match own_part(entry, error) {
        Some(own) => Some(own.clone()),
        None if parts.is_empty() || !all_named => Some(error.clone()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::types::MboxName;

    fn of(mailbox: &str) -> Error {
        Error::new(Kind::Corrupt, "open", MboxName::from(mailbox), "bad")
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
}
