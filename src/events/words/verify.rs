//! The output lines of a verification. Cyrus has no such command, so the wording is our own.

use super::output::Line;
use crate::events::verify::{Finding, Verdict, VerifyEvent, VerifyTotals};

/// Returns the line of an event.
pub(super) fn line(event: &VerifyEvent) -> Line {
    match event {
        VerifyEvent::Difference(finding) => Line::answer(difference(finding)),
        VerifyEvent::More { subject, differences, pending } => {
            let mut parts = Vec::new();
            if *differences > 0 {
                parts.push(format!("{differences} more fields differ"));
            }
            if *pending > 0 {
                parts.push(format!("{pending} more fields are not replicated yet"));
            }
            Line::answer(format!("{subject}: {}", parts.join(", ")))
        }
        VerifyEvent::Equal { mailbox, records } => {
            Line::verbose(format!("{mailbox}: equal, {records} records"))
        }
        VerifyEvent::Unknown { subject, error } => {
            Line::answer(format!("{subject}: could not be compared: {error}"))
        }
        VerifyEvent::Summary { totals, verdict } => Line::answer(summary(totals, *verdict)),
    }
}

fn difference(finding: &Finding) -> String {
    let Finding { subject, field, master, replica, pending } = finding;
    let is_whole = field == "MAILBOX" || field == "RECORD";
    let text = match (master, replica) {
        (Some(_), None) if is_whole => format!("{subject} is only on the master"),
        (None, Some(_)) if is_whole => format!("{subject} is only on the replica"),
        _ => {
            let [here, there] =
                [master, replica].map(|value| value.as_deref().unwrap_or("missing"));
            format!("{subject}: {field} is {here} on the master and {there} on the replica")
        }
    };
    if *pending { format!("{text} (not replicated yet)") } else { text }
}

fn summary(totals: &VerifyTotals, verdict: Verdict) -> String {
    let VerifyTotals { users, mailboxes, records, messages, differences, pending, unknown } =
        totals;
    let mut text = format!(
        "compared {users} users, {mailboxes} mailboxes, {records} records, {messages} message \
         files: "
    );
    if verdict == Verdict::Equal {
        text.push_str("equal");
        return text;
    }
    let counts = [
        (differences, "different"),
        (pending, "not replicated yet"),
        (unknown, "could not be compared"),
    ];
    let found = counts.iter().filter(|(count, _)| **count > 0);
    let found: Vec<String> = found.map(|(count, what)| format!("{count} {what}")).collect();
    if found.is_empty() {
        return text + "nothing was compared";
    }
    text + &found.join(", ")
}
