//! Writes a one-line summary of a run: always to syslog, and to stdout with `-v`.

use std::time::Instant;

use crate::sys::syslog;
use cyrsync::{Client, Level};
use serde_json::json;

use crate::terminal::print;

/// The largest number of failed users and mailboxes that the summary names. The others are only
/// counted.
const MOST_NAMES: usize = 20;

/// A run in progress.
pub struct Summary {
    began: Instant,
    prints: bool,
    json: bool,
    failed: Vec<String>,
    failed_count: usize,
}

impl Summary {
    /// Starts the clock of a run. The summary goes to stdout with `prints`, or as JSON with `json`.
    pub fn begin(prints: bool, json: bool) -> Summary {
        Summary { began: Instant::now(), prints, json, failed: Vec::new(), failed_count: 0 }
    }

    /// Records a failed user or mailbox.
    pub fn failed(&mut self, what: String) {
        self.failed_count += 1;
        if self.failed.len() < MOST_NAMES {
            self.failed.push(what);
        }
    }

    /// Returns whether something failed.
    pub fn has_failed(&self) -> bool {
        self.failed_count > 0
    }

    /// Writes the summary at the end of the run.
    pub fn end(&self, client: &Client) {
        let totals = client.counters().totals;
        let mut line = format!(
            "SUMMARY users=<{}> mailboxes=<{}> messages=<{}> bytes=<{}> mailboxes_equal=<{}> \
             messages_present=<{}> seconds=<{:.1}> failed=<{}>",
            totals.users,
            totals.mailboxes,
            totals.messages,
            totals.bytes,
            totals.mailboxes_equal,
            totals.messages_present,
            self.began.elapsed().as_secs_f64(),
            self.failed.join(", ")
        );
        if self.failed_count > self.failed.len() {
            line.push_str(&format!(" and=<{} more>", self.failed_count - self.failed.len()));
        }
        syslog::send(Level::Info, &line);
        if self.json {
            let object = json!({
                "event": "summary",
                "users": totals.users,
                "mailboxes": totals.mailboxes,
                "messages": totals.messages,
                "bytes": totals.bytes,
                "mailboxes_equal": totals.mailboxes_equal,
                "messages_present": totals.messages_present,
                "seconds": self.began.elapsed().as_secs_f64(),
                "failed": self.failed,
                "failed_count": self.failed_count,
            });
            print(&object.to_string());
        } else if self.prints {
            print(&line);
        }
    }
}
