//! The result for one part of a task: for a mailbox, or for a user's data besides mailboxes.

use std::fmt::Display;

use crate::error::{Error, Subject};
use crate::events::{Finding, VerifyEvent, VerifyTotals};
use crate::types::{MailboxHeader, Uid};

/// Maximum number of differences that a part lists. Further ones are only counted.
const MOST: usize = 100;
/// Maximum number of bytes of a value in a report.
const SHOWN_BYTES: usize = 200;

/// One part of a task, with the results of one comparison.
#[derive(Debug)]
pub(super) struct Part {
    /// The mailbox, user or other data that was compared.
    pub subject: Subject,
    /// Numbers of compared users, mailboxes, records and messages.
    pub compared: VerifyTotals,
    /// The master's state, if the part is a mailbox that was compared.
    pub state: Option<MailboxHeader>,
    /// The UIDs of the messages that only the master has, ascending.
    missing: Vec<Uid>,
    /// The listed differences. In this list [`Finding::pending`] means that the master's value is
    /// newer.
    findings: Vec<Finding>,
    /// Numbers of differences that are not listed: those in which the master's value is newer, and
    /// the others.
    more: [u64; 2],
    /// Data that could not be compared, with the error.
    unknown: Vec<(Subject, Error)>,
}

impl Part {
    pub fn new(subject: impl Into<Subject>) -> Part {
        Part {
            subject: subject.into(),
            compared: VerifyTotals::default(),
            state: None,
            missing: Vec::new(),
            findings: Vec::new(),
            more: [0; 2],
            unknown: Vec::new(),
        }
    }

    /// Returns whether everything was compared and nothing differs.
    pub fn is_equal(&self) -> bool {
        self.findings.is_empty() && self.unknown.is_empty()
    }

    /// Returns the number of fields that differ.
    pub fn count(&self) -> u64 {
        self.findings.len() as u64 + self.more.iter().sum::<u64>()
    }

    /// Adds a field of the part itself that differs. `newer` is whether the master may have changed
    /// the field after its last replication.
    pub fn differs(
        &mut self,
        field: impl Into<String>,
        master: Option<String>,
        replica: Option<String>,
        newer: bool,
    ) {
        let subject = self.subject.clone();
        self.add(Finding { subject, field: field.into(), master, replica, pending: newer });
    }

    /// Adds a difference.
    pub fn add(&mut self, finding: Finding) {
        if self.findings.len() < MOST {
            self.findings.push(finding);
        } else {
            let [newer, other] = &mut self.more;
            *(if finding.pending { newer } else { other }) += 1;
        }
    }

    /// Shortens the list to `most` differences. The others are still counted.
    pub fn shorten(&mut self, most: usize) {
        for finding in self.findings.drain(most.min(self.findings.len())..) {
            let [newer, other] = &mut self.more;
            *(if finding.pending { newer } else { other }) += 1;
        }
    }

    /// Returns the number of differences in the list.
    pub fn listed(&self) -> usize {
        self.findings.len()
    }

    /// Adds a message that only the master has. Must be called in the order of UIDs.
    pub fn lacks(&mut self, uid: Uid, finding: Finding) {
        self.missing.push(uid);
        self.add(finding);
    }

    /// Returns whether only the master has this message.
    pub fn is_missing(&self, uid: Uid) -> bool {
        self.missing.binary_search(&uid).is_ok()
    }

    /// Adds data that could not be compared.
    pub fn fails(&mut self, subject: impl Into<Subject>, error: Error) {
        self.unknown.push((subject.into(), error));
    }

    /// Returns whether another comparison may have a different result, because a value of the
    /// master is newer or a mailbox was changed during the comparison.
    pub fn may_settle(&self) -> bool {
        self.more[0] > 0
            || self.findings.iter().any(|finding| finding.pending)
            || self.unknown.iter().any(|(_, error)| error.kind().is_change())
    }

    /// Returns whether an earlier comparison had the same result.
    pub fn is_as(&self, earlier: &Part) -> bool {
        let listed = self.findings.len().min(earlier.findings.len());
        self.state == earlier.state
            && self.count() == earlier.count()
            && self.findings.get(..listed) == earlier.findings.get(..listed)
    }

    /// Adds the results to events and totals. A difference in which the master's value is newer is
    /// reported as pending if the master is `in_motion`, and like any other difference if not.
    pub fn report(self, in_motion: bool, events: &mut Vec<VerifyEvent>, totals: &mut VerifyTotals) {
        totals.add(&self.compared);
        if let (true, Some(mailbox)) = (self.is_equal(), self.subject.mailbox())
            && self.state.is_some()
        {
            let records = self.compared.records;
            events.push(VerifyEvent::Equal { mailbox: mailbox.clone(), records });
        }
        for mut finding in self.findings {
            finding.pending &= in_motion;
            totals.pending += u64::from(finding.pending);
            totals.differences += u64::from(!finding.pending);
            events.push(VerifyEvent::Difference(finding));
        }
        let [newer, other] = self.more;
        let (pending, differences) = if in_motion { (newer, other) } else { (0, newer + other) };
        if pending + differences > 0 {
            totals.pending += pending;
            totals.differences += differences;
            events.push(VerifyEvent::More { subject: self.subject, differences, pending });
        }
        totals.unknown += self.unknown.len() as u64;
        let unknown = self.unknown.into_iter();
        events.extend(unknown.map(|(subject, error)| VerifyEvent::Unknown { subject, error }));
    }
}

/// Formats a value of any type.
pub(super) fn value(value: impl Display) -> Option<String> {
    Some(value.to_string())
}

/// Returns the word that reports something that exists on one side.
pub(super) fn there() -> Option<String> {
    value("there")
}

/// Formats bytes for a report: short, and on one line.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    let mut shown = String::new();
    for char in String::from_utf8_lossy(head).chars() {
        if char.is_control() { shown.extend(char.escape_default()) } else { shown.push(char) }
    }
    if head.len() < bytes.len() {
        shown += &format!("... ({} bytes)", bytes.len());
    } else if bytes.is_empty() {
        shown.push_str("empty");
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn reported(part: Part, in_motion: bool) -> (Vec<VerifyEvent>, VerifyTotals) {
        let (mut events, mut totals) = (Vec::new(), VerifyTotals::default());
        part.report(in_motion, &mut events, &mut totals);
        (events, totals)
    }

    fn part(newer: usize, other: usize) -> Part {
        let mut part = Part::new(Subject::item("x"));
        for n in 0..newer + other {
            part.differs("A", value(n), None, n < newer);
        }
        part
    }

    #[test]
    fn a_hundred_are_reported_and_the_rest_is_counted() {
        let (events, totals) = reported(part(150, 30), true);
        assert_eq!((events.len(), totals.pending, totals.differences), (101, 150, 30));
        match events.last() {
            Some(VerifyEvent::More { pending: 50, differences: 30, .. }) => {}
            other => panic!("{other:?}"),
        }
        let (events, totals) = reported(part(150, 30), false);
        assert_eq!((events.len(), totals.pending, totals.differences), (101, 0, 180));
        assert_eq!(part(150, 30).count(), 180);
    }

    #[test]
    fn a_shortened_list_has_the_same_counts() {
        let mut short = part(3, 90);
        short.shorten(10);
        assert_eq!((short.listed(), short.count()), (10, 93));
        assert!(short.is_as(&part(3, 90)) && !short.is_as(&part(3, 91)));
        let (events, totals) = reported(short, true);
        assert_eq!((events.len(), totals.pending, totals.differences), (11, 3, 90));
    }

    #[test]
    fn only_what_is_newer_here_or_changed_is_looked_at_again() {
        assert!(part(1, 1).may_settle() && part(101, 0).may_settle());
        assert!(!part(0, 200).may_settle());
        let mut moved = part(0, 0);
        assert!(moved.is_equal());
        moved.fails("x", Error::new(Kind::Moved, "open", "x", "it is gone"));
        assert!(moved.may_settle() && !moved.is_equal());
        let mut corrupt = part(0, 0);
        corrupt.fails("x", Error::new(Kind::Corrupt, "open", "x", "it is bad"));
        assert!(!corrupt.may_settle());
        assert_eq!(reported(corrupt, true).1.unknown, 1);
    }

    #[test]
    fn values_are_short_and_on_one_line() {
        assert_eq!(text(b"a\tb\r\n").as_deref(), Some("a\\tb\\r\\n"));
        assert_eq!(text(b"").as_deref(), Some("empty"));
        let long = text(&[b'x'; 5000]).unwrap();
        assert!(long.ends_with("xx... (5000 bytes)") && long.len() < 250, "{long}");
    }
}
