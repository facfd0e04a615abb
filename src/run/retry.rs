//! Decides about failures, for all modes: retry at once over a new connection, defer, or give up.
//! Pure: no I/O, no clock.

use std::time::Duration;

use crate::error::{Error, Kind};
use crate::settings::Persistence;
use crate::sync::{Care, is_locked};

/// The pause after the first failed attempt to connect. It doubles after each attempt
/// (`replica_connect` in Cyrus's `imap/sync_client.c`).
const FIRST_RECONNECT: Duration = Duration::from_secs(15);
/// The pause after the first failure of a task. It doubles after each failure.
const FIRST_FAILED: Duration = Duration::from_secs(15);
/// The pause after a task first found something locked. It doubles each time.
const FIRST_LOCKED: Duration = Duration::from_secs(1);
/// The longest pause after a lock.
const LONGEST_LOCKED: Duration = Duration::from_secs(30);
/// The longest pause after a failure of a task.
const LONGEST_FAILED: Duration = Duration::from_secs(300);

/// Why a task is deferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Another process has locked the user or mailbox.
    Locked,
    /// The task failed.
    Failed,
}

impl Why {
    /// Returns the reason that fits an error.
    pub fn of(error: &Error) -> Why {
        if is_locked(error) { Why::Locked } else { Why::Failed }
    }
}

/// Returns how long to defer a task after this many tries.
pub fn pause(why: Why, tries: u32) -> Duration {
    let (first, longest) = match why {
        Why::Locked => (FIRST_LOCKED, LONGEST_LOCKED),
        Why::Failed => (FIRST_FAILED, LONGEST_FAILED),
    };
    first.saturating_mul(2u32.saturating_pow(tries.saturating_sub(1))).min(longest)
}

/// Returns how long a deferred task may still wait after something new was logged for it.
pub fn hastened() -> Duration {
    FIRST_FAILED
}

/// What to do after a failed attempt to connect.
#[derive(Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// How long to wait before the next attempt; `None` to give up.
    pub pause: Option<Duration>,
    /// Whether to report the reason: it differs from the last one, and others besides the caller
    /// want to know it.
    pub is_new: bool,
    /// Whether to report that attempts continue although the replica refuses us.
    pub although_refused: bool,
}

/// A series of attempts to connect.
#[derive(Debug, Default)]
pub struct Attempts {
    failed: u32,
    reason: String,
}

/// How a mode handles failures.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// How persistently to make the first connection. `None` means a single attempt, whose error
    /// only the caller gets.
    pub connect: Option<Persistence>,
    /// How persistently to connect again after a connection was lost.
    pub reconnect: Option<Persistence>,
    /// Whether to retry a task during which the connection was lost, with care.
    pub again: bool,
}

impl RetryPolicy {
    /// Returns how persistently to connect.
    fn persistence(&self, was_open: bool) -> Option<Persistence> {
        if was_open { self.reconnect } else { self.connect }
    }

    /// Decides what to do after an attempt to connect failed. `was_open` is whether there was a
    /// connection before.
    pub fn not_connected(
        &self,
        attempts: &mut Attempts,
        was_open: bool,
        error: &Error,
    ) -> Reconnect {
        let Some(persistence) = self.persistence(was_open) else {
            return Reconnect { pause: None, is_new: false, although_refused: false };
        };
        let reason = error.to_string();
        let is_new = attempts.reason != reason;
        attempts.reason = reason;
        let is_refused = error.is_final() && error.is_connection();
        let although_refused = is_new && is_refused && persistence.even_if_refused;
        let is_hopeless = !error.is_connection() || is_refused && !persistence.even_if_refused;
        if persistence.connect_once || is_hopeless {
            return Reconnect { pause: None, is_new, although_refused };
        }
        let pause = FIRST_RECONNECT.saturating_mul(2u32.saturating_pow(attempts.failed));
        let pause = persistence.sync_reconnect_maxwait.map_or(pause, |longest| pause.min(longest));
        attempts.failed = attempts.failed.saturating_add(1);
        Reconnect { pause: Some(pause), is_new, although_refused }
    }

    /// Returns whether a task during which the connection was lost is retried at once: first with
    /// care, then without the mailboxes over which the connection was lost.
    pub fn tries_again(&self, care: &mut Care, error: &Error) -> bool {
        self.again && error.kind() != Kind::Cancelled && care.another_try(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: Kind) -> Error {
        Error::new(kind, "connect to", "replica", "it is not there")
    }

    fn policy(persistence: Persistence) -> RetryPolicy {
        RetryPolicy { connect: Some(persistence), reconnect: None, again: true }
    }

    #[test]
    fn pauses_of_tasks_grow_to_their_limits() {
        let seconds = |why, tries| pause(why, tries).as_secs();
        assert_eq!([1, 2, 3, 6, 99].map(|n| seconds(Why::Locked, n)), [1, 2, 4, 30, 30]);
        assert_eq!([1, 2, 3, 6, 99].map(|n| seconds(Why::Failed, n)), [15, 30, 60, 300, 300]);
    }

    fn verdict(persistence: Persistence, attempts: &mut Attempts, error: &Error) -> Reconnect {
        policy(persistence).not_connected(attempts, false, error)
    }

    #[test]
    fn pauses_between_attempts_to_connect_double_up_to_the_limit_that_is_set() {
        let seconds = |persistence| {
            let mut attempts = Attempts::default();
            let lost = error(Kind::Connect);
            let mut next = || verdict(persistence, &mut attempts, &lost).pause;
            [(); 5].map(|()| next().map_or(0, |pause| pause.as_secs()))
        };
        let default = Persistence::default();
        assert_eq!(seconds(default), [15, 30, 60, 120, 240]);
        let sync_reconnect_maxwait = Some(Duration::from_secs(20));
        assert_eq!(
            seconds(Persistence { sync_reconnect_maxwait, ..default }),
            [15, 20, 20, 20, 20]
        );
        assert_eq!(seconds(Persistence { connect_once: true, ..default }), [0; 5]);
    }

    #[test]
    fn a_reason_is_reported_once() {
        let mut attempts = Attempts::default();
        let kinds = [Kind::Connect, Kind::Connect, Kind::Timeout, Kind::Connect];
        let is_new = kinds.map(|kind| {
            let error = error(kind).hint(format!("{kind:?}"));
            verdict(Persistence::default(), &mut attempts, &error).is_new
        });
        assert_eq!(is_new, [true, false, true, true]);
        let silent = policy(Persistence::default());
        let silent = silent.not_connected(&mut Attempts::default(), true, &error(Kind::Connect));
        assert!(!silent.is_new && silent.pause.is_none(), "one attempt, and no word");
    }

    #[test]
    fn what_no_other_attempt_cures_is_given_up_unless_told_otherwise() {
        let of = |persistence, kind| verdict(persistence, &mut Attempts::default(), &error(kind));
        let patient = Persistence { even_if_refused: true, ..Persistence::default() };
        for (kind, by_default, although_refused) in [
            (Kind::Connect, true, false),
            (Kind::Closed, true, false),
            (Kind::Auth, false, true),
            (Kind::Tls, false, true),
        ] {
            assert_eq!(of(Persistence::default(), kind).pause.is_some(), by_default, "{kind:?}");
            let verdict = of(patient, kind);
            assert!(verdict.pause.is_some(), "{kind:?}");
            assert_eq!(verdict.although_refused, although_refused, "{kind:?}");
        }
        assert_eq!(of(patient, Kind::Config).pause, None, "no failure of the connection");
    }

    #[test]
    fn a_task_is_tried_again_over_a_new_connection_if_the_mode_says_so() {
        let lost = error(Kind::Closed);
        let policy = policy(Persistence::default());
        let mut care = Care::default();
        assert!(policy.tries_again(&mut care, &lost));
        assert!(!policy.tries_again(&mut care, &lost), "nobody knows over what");
        assert!(!RetryPolicy { again: false, ..policy }.tries_again(&mut Care::default(), &lost));
        assert!(!policy.tries_again(&mut Care::default(), &error(Kind::Auth)));
    }
}
