//! Passes checks on as they are made, each topic once.

use super::value::{Check, Topic, Verdict};

/// Receives each check when it is made.
pub type OnCheck<'c> = dyn FnMut(&Check) + 'c;

/// How many checks ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Those that are as they should be.
    pub ok: usize,
    /// Those that somebody should look at.
    pub warned: usize,
    /// Those that replication will fail at.
    pub failed: usize,
    /// Those that were not made.
    pub skipped: usize,
}

/// Where checks go, and which were made.
pub(super) struct Report<'r, 'c> {
    each: &'r mut OnCheck<'c>,
    summary: Summary,
    made: Vec<Topic>,
}

impl<'r, 'c> Report<'r, 'c> {
    /// Nothing is checked yet.
    pub fn new(each: &'r mut OnCheck<'c>) -> Report<'r, 'c> {
        Report { each, summary: Summary::default(), made: Vec::new() }
    }

    /// Passes a check on. Returns whether replication may work with it.
    pub fn add(&mut self, check: Check) -> bool {
        let count = match check.verdict {
            Verdict::Ok => &mut self.summary.ok,
            Verdict::Warn => &mut self.summary.warned,
            Verdict::Fail => &mut self.summary.failed,
            Verdict::Skipped => &mut self.summary.skipped,
        };
        *count += 1;
        self.made.push(check.topic);
        (self.each)(&check);
        !matches!(check.verdict, Verdict::Fail | Verdict::Skipped)
    }

    /// Skips those of `topics` that were not looked at yet.
    pub fn skip(&mut self, topics: &[Topic], why: &str) {
        for topic in topics {
            if !self.made.contains(topic) {
                self.add(Check::skipped(*topic, why));
            }
        }
    }

    /// Skips all that was not looked at, and says how the others ended.
    pub fn finish(mut self, why: &str) -> Summary {
        self.skip(&Topic::ALL, why);
        self.summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_reported_once_and_counted() {
        let mut heard = Vec::new();
        let mut each = |check: &Check| heard.push((check.topic, check.verdict));
        let mut report = Report::new(&mut each);
        assert!(report.add(Check::ok(Topic::Configuration, "a")));
        assert!(report.add(Check::warn(Topic::User, "a", "b")));
        assert!(!report.add(Check::fail(Topic::Name, "a", "b")));
        report.skip(&[Topic::User, Topic::Tls], "c");
        let summary = report.finish("d");
        let all = Topic::ALL.len();
        assert_eq!(summary, Summary { ok: 1, warned: 1, failed: 1, skipped: all - 3 });
        assert_eq!(heard.len(), all);
        assert_eq!(heard[3], (Topic::Tls, Verdict::Skipped));
    }
}
