//! The progress of a run over many users or mailboxes.

use std::time::Duration;

use super::value::Totals;

/// Below this share of completed work, an estimate of the remaining time is too uncertain.
const LEAST_SHARE: f64 = 0.01;

/// The number of users and mailboxes in a run. Unknown numbers are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Expected {
    /// Number of users.
    pub users: Option<u64>,
    /// Number of mailboxes, including those of the users.
    pub mailboxes: Option<u64>,
}

/// The progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ProgressSnapshot {
    /// Users whose replication has ended, with or without an error.
    pub users: u64,
    /// Mailboxes that were found or made equal on both sides.
    pub mailboxes: u64,
    /// The expected amount of work.
    pub expected: Expected,
    /// The time since the run began.
    pub elapsed: Duration,
    /// Work done since the client was created.
    pub totals: Totals,
}

impl ProgressSnapshot {
    /// Returns the completed share of the run, from 0 to 1. It is the share of the mailboxes, or of
    /// the users if the number of mailboxes is unknown. Returns `None` if both numbers are unknown.
    pub fn share(&self) -> Option<f64> {
        let Expected { users, mailboxes } = self.expected;
        let of = |done: u64, all: Option<u64>| all.filter(|&all| all > 0).map(|all| (done, all));
        let (done, all) = of(self.mailboxes, mailboxes).or_else(|| of(self.users, users))?;
        Some((done as f64 / all as f64).min(1.0))
    }

    /// Returns the estimated remaining time. It assumes the average speed so far. Returns `None` if
    /// less than 1% is done, or if the total is unknown.
    pub fn left(&self) -> Option<Duration> {
        let share = self.share().filter(|&share| share >= LEAST_SHARE)?;
        Duration::try_from_secs_f64(self.elapsed.as_secs_f64() * (1.0 - share) / share).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(users: (u64, Option<u64>), mailboxes: (u64, Option<u64>)) -> ProgressSnapshot {
        ProgressSnapshot {
            users: users.0,
            mailboxes: mailboxes.0,
            expected: Expected { users: users.1, mailboxes: mailboxes.1 },
            elapsed: Duration::from_secs(60),
            totals: Totals::default(),
        }
    }

    #[test]
    fn mailboxes_say_how_far_it_is_and_users_where_those_are_not_counted() {
        assert_eq!(reached((1, Some(2)), (10, Some(40))).share(), Some(0.25));
        assert_eq!(reached((1, Some(2)), (10, None)).share(), Some(0.5));
        assert_eq!(reached((1, Some(2)), (0, Some(0))).share(), Some(0.5));
        assert_eq!(reached((1, None), (10, None)).share(), None);
        assert_eq!(reached((3, Some(2)), (0, None)).share(), Some(1.0), "more than expected");
    }

    #[test]
    fn the_time_left_is_said_once_there_is_something_to_go_by() {
        let minute = Duration::from_secs(60);
        assert_eq!(reached((1, Some(4)), (0, None)).left(), Some(3 * minute));
        assert_eq!(reached((1, Some(1000)), (0, None)).left(), None);
        assert_eq!(reached((4, Some(4)), (0, None)).left(), Some(Duration::ZERO));
    }
}
