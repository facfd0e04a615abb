//! What could not be done yet, and when to try again. Pure.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::log::entry::LogEntry;
use super::task::Work;

/// How long to wait after the first failure; it doubles after each.
const FIRST: Duration = Duration::from_secs(15);
/// The same where somebody else had a lock.
const FIRST_LOCKED: Duration = Duration::from_secs(1);
/// Longest pause after a lock.
const LONGEST_LOCKED: Duration = Duration::from_secs(30);
/// Longest pause after a failure.
pub const LONGEST: Duration = Duration::from_secs(300);

/// Why a part waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody else is at work on it.
    Locked,
    /// It failed.
    Failed,
}

#[derive(Debug)]
struct Waiting {
    work: Work,
    why: Why,
    tries: u32,
    since: Instant,
    due: Instant,
}

/// Parts that wait for another try.
#[derive(Debug, Default)]
pub struct Backlog {
    waiting: Vec<Waiting>,
}

/// How long to wait after so many tries.
pub fn pause(why: Why, tries: u32) -> Duration {
    let (first, longest) = match why {
        Why::Locked => (FIRST_LOCKED, LONGEST_LOCKED),
        Why::Failed => (FIRST, LONGEST),
    };
    first.saturating_mul(2u32.saturating_pow(tries.saturating_sub(1))).min(longest)
}

impl Backlog {
    /// Lets a part wait that was tried so many times. Returns for how long.
    pub fn add(&mut self, work: Work, why: Why, tries: u32, now: Instant) -> Duration {
        let pause = pause(why, tries);
        self.waiting.push(Waiting { work, why, tries, since: now, due: now + pause });
        pause
    }

    /// Takes out what is due, each with the number of tries it had.
    pub fn take_due(&mut self, now: Instant) -> Vec<(Work, u32)> {
        let due = self.waiting.extract_if(.., |waiting| waiting.due <= now);
        due.map(|waiting| (waiting.work, waiting.tries)).collect()
    }

    /// When the next part is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiting| waiting.due).min()
    }

    /// Takes from `items` what waits already: a mailbox that fails would otherwise be tried again
    /// with every message. Something happened to it, so it waits no longer than after its first
    /// failure.
    pub fn absorb(&mut self, items: &mut Vec<LogEntry>) {
        if self.waiting.is_empty() {
            return;
        }
        let new: HashSet<&LogEntry> = items.iter().collect();
        let mut known: HashSet<LogEntry> = HashSet::new();
        for waiting in &mut self.waiting {
            let before = known.len();
            known.extend(waiting.work.items.iter().filter(|item| new.contains(item)).cloned());
            if known.len() > before {
                waiting.due = waiting.due.min(waiting.since + FIRST);
            }
        }
        items.retain(|item| !known.contains(item));
    }

    /// How many parts wait because they were locked, and how many because they failed.
    pub fn counts(&self) -> (usize, usize) {
        let locked = self.waiting.iter().filter(|waiting| waiting.why == Why::Locked).count();
        (locked, self.waiting.len() - locked)
    }

    /// All that waits, as a log.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.waiting.iter().for_each(|waiting| waiting.work.write(out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(names: &[&str]) -> Work {
        Work { items: names.iter().map(|name| LogEntry::Mailbox((*name).into())).collect() }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_to_their_limits() {
        let seconds = |why, tries| pause(why, tries).as_secs();
        assert_eq!([1, 2, 3, 6, 99].map(|n| seconds(Why::Locked, n)), [1, 2, 4, 30, 30]);
        assert_eq!([1, 2, 3, 6, 99].map(|n| seconds(Why::Failed, n)), [15, 30, 60, 300, 300]);
    }

    #[test]
    fn what_is_due_comes_out_once() {
        let now = Instant::now();
        let mut backlog = Backlog::default();
        backlog.add(work(&["locked"]), Why::Locked, 1, now);
        backlog.add(work(&["failed"]), Why::Failed, 2, now);
        assert_eq!(backlog.next_due(), Some(now + SECOND));
        assert_eq!(backlog.counts(), (1, 1));
        assert!(backlog.take_due(now).is_empty());
        assert_eq!(backlog.take_due(now + SECOND), [(work(&["locked"]), 1)]);
        assert_eq!(backlog.next_due(), Some(now + 30 * SECOND));
        assert_eq!(backlog.take_due(now + 30 * SECOND), [(work(&["failed"]), 2)]);
        assert_eq!(backlog.counts(), (0, 0));
    }

    #[test]
    fn news_of_what_waits_hastens_it_but_is_no_other_try() {
        let now = Instant::now();
        let mut backlog = Backlog::default();
        backlog.add(work(&["a", "b"]), Why::Failed, 5, now);
        backlog.add(work(&["c"]), Why::Failed, 5, now);
        let mut items = work(&["x", "b"]).items;
        backlog.absorb(&mut items);
        assert_eq!(items, work(&["x"]).items);
        assert_eq!(backlog.next_due(), Some(now + 15 * SECOND));
        assert_eq!(backlog.take_due(now + 15 * SECOND).len(), 1);
        let mut log = Vec::new();
        backlog.write(&mut log);
        assert_eq!(log, b"MAILBOX c\n");
        assert_eq!(backlog.counts(), (0, 1));
    }
}
