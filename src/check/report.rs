//! Reports the results of checks, each topic once.

use super::value::{Check, Grade, Topic};

/// Callback that receives the result of each check.
pub type OnCheck<'c> = dyn FnMut(&Check) + 'c;

/// The number of checks for each result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Number of checks without a problem.
    pub ok: usize,
    /// Number of checks with a problem that an administrator should look at.
    pub warned: usize,
    /// Number of checks with a problem that will make replication fail.
    pub failed: usize,
    /// Number of checks that were not run.
    pub skipped: usize,
}

/// Reports results of checks, and remembers which topics were reported.
pub(super) struct Report<'r, 'c> {
    each: &'r mut OnCheck<'c>,
    summary: Summary,
    made: Vec<Topic>,
}

impl<'r, 'c> Report<'r, 'c> {
    /// Creates a report without checks.
    pub fn new(each: &'r mut OnCheck<'c>) -> Report<'r, 'c> {
        Report { each, summary: Summary::default(), made: Vec::new() }
    }

    /// Reports a result. Returns `false` if replication will fail because of it.
    pub fn add(&mut self, check: Check) -> bool {
        let count = match check.verdict {
            Grade::Ok => &mut self.summary.ok,
            Grade::Warn => &mut self.summary.warned,
            Grade::Fail => &mut self.summary.failed,
            Grade::Skipped => &mut self.summary.skipped,
        };
        *count += 1;
        self.made.push(check.topic);
        (self.each)(&check);
        !matches!(check.verdict, Grade::Fail | Grade::Skipped)
    }

    /// Reports `topics` as skipped, except those that were reported before.
    pub fn skip(&mut self, topics: &[Topic], why: &str) {
        for topic in topics {
            if !self.made.contains(topic) {
                self.add(Check::skipped(*topic, why));
            }
        }
    }

    /// Reports all remaining topics as skipped. Returns the number of checks for each result.
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
        assert_eq!(heard[3], (Topic::Tls, Grade::Skipped));
    }
}
