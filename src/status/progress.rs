//! The progress of a run.

use std::time::Duration;

use super::value::Totals;

/// Below this share no remaining time is given, because it would be a guess.
const LEAST_SHARE: f64 = 0.01;

/// The amount of work of a run, as far as it is known in advance.
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
pub struct Reached {
    /// Users whose replication has ended, with or without an error.
    pub users: u64,
    /// Mailboxes that are now equal on both sides.
    pub mailboxes: u64,
    /// The expected amount of work.
    pub expected: Expected,
    /// The time since the run began.
    pub elapsed: Duration,
    /// Work done since the client was created.
    pub totals: Totals,
}

impl Reached {
    /// Returns the completed share from 0 to 1: of the mailboxes if their number is known,
    /// otherwise of the users. Returns `None` if neither is known.
    pub fn share(&self) -> Option<f64> {
        let Expected { users, mailboxes } = self.expected;
        let of = |done: u64, all: Option<u64>| all.filter(|&all| all > 0).map(|all| (done, all));
        let (done, all) = of(self.mailboxes, mailboxes).or_else(|| of(self.users, users))?;
        Some((done as f64 / all as f64).min(1.0))
    }

    /// Returns the estimated remaining time at the current speed. Returns `None` while too little
    /// is done for an estimate.
    pub fn left(&self) -> Option<Duration> {
        let share = self.share().filter(|&share| share >= LEAST_SHARE)?;
        Duration::try_from_secs_f64(self.elapsed.as_secs_f64() * (1.0 - share) / share).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(users: (u64, Option<u64>), mailboxes: (u64, Option<u64>)) -> Reached {
        Reached {
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
