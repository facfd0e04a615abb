//! What a run did, in one line: for syslog always, for stdout with `-v`.

use std::io::{self, Write};
use std::time::Instant;

use cyrsync::engine::Client;
use cyrsync::events::Level;
use cyrsync::sys::syslog;

/// Names of failed ones that are listed; the others are counted.
const MOST_NAMES: usize = 20;

/// A run that goes on.
pub struct Summary {
    began: Instant,
    prints: bool,
    failed: Vec<String>,
    failed_count: usize,
}

impl Summary {
    /// A run begins. With `prints` its line goes to stdout too.
    pub fn begin(prints: bool) -> Summary {
        Summary { began: Instant::now(), prints, failed: Vec::new(), failed_count: 0 }
    }

    /// Something failed.
    pub fn failed(&mut self, what: String) {
        self.failed_count += 1;
        if self.failed.len() < MOST_NAMES {
            self.failed.push(what);
        }
    }

    /// Whether something failed.
    pub fn has_failed(&self) -> bool {
        self.failed_count > 0
    }

    /// The run has ended.
    pub fn end(&self, client: &Client) {
        let totals = client.counters().totals;
        let mut line = format!(
            "SUMMARY users=<{}> mailboxes=<{}> messages=<{}> bytes=<{}> seconds=<{:.1}> failed=<{}>",
            totals.users,
            totals.mailboxes,
            totals.messages,
            totals.bytes,
            self.began.elapsed().as_secs_f64(),
            self.failed.join(", ")
        );
        if self.failed_count > self.failed.len() {
            line.push_str(&format!(" and=<{} more>", self.failed_count - self.failed.len()));
        }
        syslog::send(Level::Info, &line);
        if self.prints {
            // Whoever closed the pipe has read enough.
            let _ = writeln!(io::stdout().lock(), "{line}");
        }
    }
}
