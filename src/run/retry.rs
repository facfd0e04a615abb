//! Decides what follows a failure: retry at once over a new connection, retry later, or give up.
//! Pure: no I/O, no clock.

use std::time::Duration;

use crate::error::{Error, Kind};
use crate::settings::RetryPolicy;
use crate::sync::{Care, is_locked};

/// Pause after the first failed attempt to connect. It doubles after each further failure
/// (`replica_connect` in Cyrus's `imap/sync_client.c`).
const FIRST_RECONNECT: Duration = Duration::from_secs(15);
/// Pause after the first failure of a task. It doubles after each further failure.
const FIRST_FAILED: Duration = Duration::from_secs(15);
/// Pause after a task first waits for a lock of another process. It doubles each time.
const FIRST_LOCKED: Duration = Duration::from_secs(1);
/// The maximum pause for a lock.
const LONGEST_LOCKED: Duration = Duration::from_secs(30);
/// The maximum pause after a failure of a task.
const LONGEST_FAILED: Duration = Duration::from_secs(300);

/// Why a task is deferred to a later attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Another process has locked the user or mailbox.
    Locked,
    /// The task failed.
    Failed,
}

impl Why {
    /// Returns the reason for deferring a task after this error.
    pub fn of(error: &Error) -> Why {
        if is_locked(error) { Why::Locked } else { Why::Failed }
    }
}

/// Returns the pause before the next attempt of a task. `tries` is the number of attempts so far.
pub fn pause(why: Why, tries: u32) -> Duration {
    let (first, longest) = match why {
        Why::Locked => (FIRST_LOCKED, LONGEST_LOCKED),
        Why::Failed => (FIRST_FAILED, LONGEST_FAILED),
    };
    first.saturating_mul(2u32.saturating_pow(tries.saturating_sub(1))).min(longest)
}

/// Returns the maximum pause after a failure if new entries were logged for the same user or
/// mailbox.
pub fn hastened() -> Duration {
    FIRST_FAILED
}

/// What to do after a failed attempt to connect.
#[derive(Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// The pause before the next attempt. `None` to give up.
    pub pause: Option<Duration>,
    /// Whether to report the error: it differs from the previous one, and is not only returned to
    /// the caller.
    pub is_new: bool,
    /// Whether to report that the client keeps trying although the replica refuses it.
    pub although_refused: bool,
}

/// The failed attempts to connect in a row.
#[derive(Debug, Default)]
pub struct Attempts {
    failed: u32,
    reason: String,
}

/// How a mode handles failures.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// How to retry the first connection. `None` for a single attempt, whose error is only returned
    /// to the caller.
    pub connect: Option<RetryPolicy>,
    /// How to retry after a connection was lost. `None` for a single attempt.
    pub reconnect: Option<RetryPolicy>,
    /// Whether to retry a task at once, with care, if its connection was lost. With care, each
    /// mailbox is completed before the next one begins.
    pub again: bool,
    /// Whether a wrong configuration, or a replica without a required feature, ends the attempts
    /// until there was a connection, even with [`RetryPolicy::even_if_refused`].
    pub config_ends: bool,
}

impl Retries {
    /// Returns how to retry connecting. `was_open` is whether there was a connection before.
    fn retry_policy(&self, was_open: bool) -> Option<RetryPolicy> {
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
        let Some(retry_policy) = self.retry_policy(was_open) else {
            return Reconnect { pause: None, is_new: false, although_refused: false };
        };
        let reason = error.to_string();
        let is_new = attempts.reason != reason;
        attempts.reason = reason;
        let is_refused = !error.is_retryable();
        let gives_up = retry_policy.connect_once || self.is_hopeless(retry_policy, was_open, error);
        let although_refused = is_new && is_refused && retry_policy.even_if_refused && !gives_up;
        if gives_up {
            return Reconnect { pause: None, is_new, although_refused };
        }
        let pause = FIRST_RECONNECT.saturating_mul(2u32.saturating_pow(attempts.failed));
        let pause = retry_policy.sync_reconnect_maxwait.map_or(pause, |longest| pause.min(longest));
        attempts.failed = attempts.failed.saturating_add(1);
        Reconnect { pause: Some(pause), is_new, although_refused }
    }

    /// Returns whether further attempts to connect are useless.
    fn is_hopeless(&self, retry_policy: RetryPolicy, was_open: bool, error: &Error) -> bool {
        match error.kind() {
            Kind::Cancelled | Kind::Internal => true,
            _ if !retry_policy.even_if_refused => !error.is_connection() || !error.is_retryable(),
            // The same configuration has worked before, so the files of certificates are probably
            // being replaced, or the replica is starting.
            Kind::Config | Kind::InvalidArgument | Kind::Unsupported => {
                self.config_ends && !was_open
            }
            _ => false,
        }
    }

    /// Returns whether to retry a task at once after its connection was lost. The first retry is
    /// made with care. Later ones leave out the mailboxes over which the connection was lost.
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

    fn policy(retry_policy: RetryPolicy) -> Retries {
        Retries {
            connect: Some(retry_policy),
            reconnect: Some(retry_policy),
            again: true,
            config_ends: false,
        }
    }

    #[test]
    fn pauses_of_tasks_grow_to_their_limits() {
        let seconds = |why, tries| pause(why, tries).as_secs();
        assert_eq!([1, 2, 3, 6, 99].map(|n| seconds(Why::Locked, n)), [1, 2, 4, 30, 30]);
        assert_eq!([1, 2, 3, 6, 99].map(|n| seconds(Why::Failed, n)), [15, 30, 60, 300, 300]);
    }

    fn verdict(retry_policy: RetryPolicy, attempts: &mut Attempts, error: &Error) -> Reconnect {
        policy(retry_policy).not_connected(attempts, false, error)
    }

    #[test]
    fn pauses_between_attempts_to_connect_double_up_to_the_limit_that_is_set() {
        let seconds = |retry_policy| {
            let mut attempts = Attempts::default();
            let lost = error(Kind::Connect);
            let mut next = || verdict(retry_policy, &mut attempts, &lost).pause;
            [(); 5].map(|()| next().map_or(0, |pause| pause.as_secs()))
        };
        let default = RetryPolicy::default();
        assert_eq!(seconds(default), [15, 30, 60, 120, 240]);
        let sync_reconnect_maxwait = Some(Duration::from_secs(20));
        assert_eq!(
            seconds(RetryPolicy { sync_reconnect_maxwait, ..default }),
            [15, 20, 20, 20, 20]
        );
        assert_eq!(seconds(RetryPolicy { connect_once: true, ..default }), [0; 5]);
    }

    #[test]
    fn a_reason_is_reported_once() {
        let mut attempts = Attempts::default();
        let kinds = [Kind::Connect, Kind::Connect, Kind::Timeout, Kind::Connect];
        let is_new = kinds.map(|kind| {
            let error = error(kind).with_hint(format!("{kind:?}"));
            verdict(RetryPolicy::default(), &mut attempts, &error).is_new
        });
        assert_eq!(is_new, [true, false, true, true]);
        let silent = Retries { reconnect: None, ..policy(RetryPolicy::default()) };
        let silent = silent.not_connected(&mut Attempts::default(), true, &error(Kind::Connect));
        assert!(!silent.is_new && silent.pause.is_none(), "one attempt, and no word");
    }

    #[test]
    fn permanent_errors_end_the_attempts_unless_the_policy_continues() {
        let of = |retry_policy, kind| verdict(retry_policy, &mut Attempts::default(), &error(kind));
        let patient = RetryPolicy { even_if_refused: true, ..RetryPolicy::default() };
        for (kind, by_default, although_refused) in [
            (Kind::Connect, true, false),
            (Kind::Closed, true, false),
            (Kind::Auth, false, true),
            (Kind::Tls, false, true),
        ] {
            assert_eq!(of(RetryPolicy::default(), kind).pause.is_some(), by_default, "{kind:?}");
            let verdict = of(patient, kind);
            assert!(verdict.pause.is_some(), "{kind:?}");
            assert_eq!(verdict.although_refused, although_refused, "{kind:?}");
        }
        for kind in [Kind::Cancelled, Kind::Internal] {
            assert_eq!(of(patient, kind).pause, None, "{kind:?}");
        }
    }

    #[test]
    fn a_wrong_configuration_ends_only_the_attempts_before_the_first_connection() {
        let patient = RetryPolicy { even_if_refused: true, ..RetryPolicy::default() };
        for kind in [Kind::Config, Kind::Unsupported] {
            let retries = |retry_policy, config_ends, was_open| {
                let retries = Retries { config_ends, ..policy(retry_policy) };
                let mut attempts = Attempts::default();
                let verdict = retries.not_connected(&mut attempts, was_open, &error(kind));
                assert_eq!(verdict.although_refused, verdict.pause.is_some(), "{kind:?}");
                verdict.pause.is_some()
            };
            assert!(!retries(patient, true, false), "{kind:?}");
            assert!(retries(patient, true, true), "{kind:?}");
            assert!(retries(patient, false, false), "{kind:?}");
            assert!(!retries(RetryPolicy::default(), true, true), "{kind:?}");
        }
    }

    #[test]
    fn a_task_is_tried_again_over_a_new_connection_if_the_mode_says_so() {
        let lost = error(Kind::Closed);
        let policy = policy(RetryPolicy::default());
        let mut care = Care::default();
        assert!(policy.tries_again(&mut care, &lost));
        assert!(!policy.tries_again(&mut care, &lost), "nobody knows over what");
        assert!(!Retries { again: false, ..policy }.tries_again(&mut Care::default(), &lost));
        assert!(!policy.tries_again(&mut Care::default(), &error(Kind::Auth)));
    }
}
