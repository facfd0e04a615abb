//! How far a run has got.

use std::time::Duration;

use super::value::Totals;

/// Below this share nothing is said of the time that is left: it would be a guess.
const LEAST_SHARE: f64 = 0.01;

/// What a run has to do, as far as that is known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// Users.
    pub users: Option<u64>,
    /// Mailboxes, those of the users too.
    pub mailboxes: Option<u64>,
}

/// How far a run has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reached {
    /// Users whose replication ended, in whichever way.
    pub users: u64,
    /// Mailboxes that are equal on both sides by now.
    pub mailboxes: u64,
    /// What there was to do.
    pub expected: Expected,
    /// How long this run has been going on.
    pub elapsed: Duration,
    /// What was done since the client was made.
    pub totals: Totals,
}

impl Reached {
    /// The share that is done, from 0 to 1: of the mailboxes, if their number is known, else of the
    /// users; `None` if neither is.
    pub fn share(&self) -> Option<f64> {
        let Expected { users, mailboxes } = self.expected;
        let of = |done: u64, all: Option<u64>| all.filter(|&all| all > 0).map(|all| (done, all));
        let (done, all) = of(self.mailboxes, mailboxes).or_else(|| of(self.users, users))?;
        Some((done as f64 / all as f64).min(1.0))
    }

    /// How long the rest takes if it goes on as it did so far; `None` as long as too little is done
    /// to say.
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
