//! Describes a status in text. The first line has the format of a monitoring plugin.

use std::fmt::Write as _;

use super::value::{Contact, Status};
use super::verdict::{Diagnosis, Limits};

impl Diagnosis {
    /// Returns the description of a status. The first line is for a monitoring system and contains
    /// figures for graphs. The other lines are for people. `now` is in seconds since 1970.
    pub fn lines(&self, status: &Status, limits: &Limits, now: u64) -> String {
        let what = status.channel.as_ref().map_or_else(
            || "the log without a channel".to_owned(),
            |channel| format!("channel {channel}"),
        );
        let lag = status.lag(now);
        let mut text = format!("CYRSYNC {} - {what} to {}: ", self.level, status.server);
        match self.reasons.as_slice() {
            [] if status.backlog.entries == 0 => text.push_str("in sync"),
            [] => {
                let _ = write!(text, "{} to be replicated, lag {lag} s", status.backlog);
            }
            reasons => text.push_str(&reasons.join("; ").replace(['|', '\n'], "/")),
        }
        let limit = |limit: Option<u64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
        let _ = writeln!(
            text,
            " | lag={lag}s;{};{} backlog={} users={} deferred={}",
            limit(limits.warn_lag),
            limit(limits.crit_lag),
            status.backlog.entries,
            status.backlog.users,
            status.deferred_count
        );
        details(&mut text, status, now);
        text
    }
}

/// Returns a very short description of a status: at most 15 bytes, the maximum for a thread name in
/// Linux.
pub(crate) fn brief(status: &Status, now: u64) -> String {
    match status.contact {
        Contact::Unreachable { .. } => "unreachable".to_owned(),
        Contact::Unknown => "not connected".to_owned(),
        Contact::Connected { .. } if status.deferred_count > status.locked_count => {
            format!("failed {}", (status.deferred_count - status.locked_count).min(99_999))
        }
        Contact::Connected { .. } if status.backlog.entries == 0 => "in sync".to_owned(),
        Contact::Connected { .. } => format!("lag {} s", status.lag(now).min(999_999_999)),
    }
}

fn details(text: &mut String, status: &Status, now: u64) {
    let ago = |then: u64| format!("{} s ago", now.saturating_sub(then));
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<13} {value}");
    };
    let process = match (status.pid, status.started) {
        (Some(pid), Some(started)) => format!("{pid}, started {}", ago(started)),
        (Some(pid), None) => pid.to_string(),
        (None, _) => "none".to_owned(),
    };
    line("process", process);
    line(
        "replica",
        match &status.contact {
            Contact::Unknown => "not known".to_owned(),
            Contact::Connected { since } => {
                format!("connected for {} s", now.saturating_sub(*since))
            }
            Contact::Unreachable { since, attempts, next, reason } => {
                let next = next.map_or_else(String::new, |next| {
                    format!(", next attempt in {} s", next.saturating_sub(now))
                });
                let time = now.saturating_sub(*since);
                format!("unreachable for {time} s, {attempts} attempts{next}: {reason}")
            }
        },
    );
    line("lag", format!("{} s", status.lag(now)));
    line("backlog", status.backlog.to_string());
    line("last success", status.last_success.map_or("none".to_owned(), ago));
    for running in &status.running {
        line("at work on", running.clone());
    }
    for deferred in &status.deferred {
        let next = deferred.next.saturating_sub(now);
        let items = deferred.items.join(", ");
        let tries = deferred.tries;
        line("deferred", format!("{items}: try {tries}, next in {next} s: {}", deferred.reason));
    }
    let listed = status.deferred.len() as u64;
    if status.deferred_count > listed {
        line("deferred", format!("{} more", status.deferred_count - listed));
    }
    let totals = &status.totals;
    line(
        "done so far",
        format!(
            "{} users, {} mailbox updates, {} messages, {} bytes; {} failures, {} repairs, {} lost \
             connections",
            totals.users,
            totals.mailboxes,
            totals.messages,
            totals.bytes,
            totals.failures,
            totals.repairs,
            totals.reconnects
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Deferred;
    use crate::types::Backlog;

    #[test]
    fn the_first_line_is_that_of_a_plugin_and_the_rest_says_it_all() {
        let status = Status {
            pid: Some(7),
            started: Some(100),
            written: 1_000,
            contact: Contact::Unreachable {
                since: 940,
                attempts: 3,
                next: Some(1_030),
                reason: "connect to mx2|3: refused".to_owned(),
            },
            oldest: Some(930),
            backlog: Backlog { entries: 5, users: 2 },
            running: vec!["USER anna".to_owned()],
            deferred: vec![Deferred {
                items: vec!["MAILBOX user.fred".to_owned(), "META fred".to_owned()],
                tries: 2,
                next: 1_010,
                reason: "open mailbox user.fred: bad".to_owned(),
                is_locked: true,
            }],
            deferred_count: 3,
            last_success: Some(920),
            ..Status::unknown("mx2", Some("second"))
        };
        let limits = Limits { warn_lag: Some(60), crit_lag: None };
        let verdict = Diagnosis::of(&status, &limits, 1_000);
        assert_eq!(
            verdict.lines(&status, &limits, 1_000),
            "CYRSYNC CRITICAL - channel second to mx2: unreachable for 60 s, 3 attempts: connect to \
             mx2/3: refused; lag of 70 s, limit 60 s | lag=70s;60; backlog=5 users=2 deferred=3\n\
             \x20 process       7, started 900 s ago\n\
             \x20 replica       unreachable for 60 s, 3 attempts, next attempt in 30 s: connect to \
             mx2|3: refused\n\
             \x20 lag           70 s\n\
             \x20 backlog       5 entries of 2 users\n\
             \x20 last success  80 s ago\n\
             \x20 at work on    USER anna\n\
             \x20 deferred      MAILBOX user.fred, META fred: try 2, next in 10 s: open mailbox \
             user.fred: bad\n\
             \x20 deferred      2 more\n\
             \x20 done so far   0 users, 0 mailbox updates, 0 messages, 0 bytes; 0 failures, 0 \
             repairs, 0 lost connections\n"
        );
    }
}
