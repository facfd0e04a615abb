//! Settings of rolling replication, and of retries of connecting.

use std::path::PathBuf;
use std::time::Duration;

use super::overrides::Overrides;
use super::resolver::Resolver;
use crate::config::opt;

/// Default of `-t`: the time after which the client tells the replica to delete its staged files.
const RELEASE_STAGED_AFTER: Duration = Duration::from_secs(600);

/// How to retry if connecting fails. The default retries with pauses that grow without limit, which
/// is not the default of imapd.conf: [`Rolling::retry_policy`] of
/// [`Settings::rolling`](super::Settings::rolling) has the configured values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Whether to try only once (`-o`).
    pub connect_once: bool,
    /// Maximum pause between two attempts; `None` for pauses that grow without limit.
    pub sync_reconnect_maxwait: Option<Duration>,
    /// Whether to retry even if the replica refuses the password, its certificate is refused, it
    /// lacks a required feature, or a file of certificates cannot be read. Rolling replication
    /// does, because a person may correct the problem. It retries in the last two cases only if it
    /// was connected before, or if this is `true`.
    pub even_if_refused: bool,
}

/// Settings of rolling replication. [`Settings::rolling`](super::Settings::rolling) returns those
/// of imapd.conf and the caller's [`Overrides`]. To use others, clone them and set fields.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rolling {
    /// Minimum time from the start of one run to the start of the next (`-d`).
    pub sync_repeat_interval: Duration,
    /// Time after which the client tells the replica to delete its staged files, which are message
    /// files that no mailbox uses yet (`-t`); zero for never.
    pub release_staged_after: Duration,
    /// A file that stops rolling replication when it exists (`-F`).
    pub sync_shutdown_file: Option<PathBuf>,
    /// Whether to replicate only the entries that the sync log has at the start, and then stop
    /// (`-1`).
    pub rolling_once: bool,
    /// How to retry if connecting fails.
    pub retry_policy: RetryPolicy,
}

impl RetryPolicy {
    pub(super) fn resolve(resolver: &mut Resolver<'_>, overrides: &Overrides) -> RetryPolicy {
        let longest = resolver.duration(opt::SYNC_RECONNECT_MAXWAIT);
        RetryPolicy {
            connect_once: resolver.asked_for("--connect-once", overrides.connect_once),
            sync_reconnect_maxwait: (!longest.is_zero()).then_some(longest),
            even_if_refused: false,
        }
    }
}

impl Rolling {
    pub(super) fn resolve(
        resolver: &mut Resolver<'_>,
        overrides: &Overrides,
        retry_policy: RetryPolicy,
    ) -> Rolling {
        let seconds = |time: &Duration| format!("{}s", time.as_secs());
        let mut sync_repeat_interval = resolver.duration(opt::SYNC_REPEAT_INTERVAL);
        if let Some(interval) = overrides.sync_repeat_interval {
            resolver.overridden(seconds(&interval));
            sync_repeat_interval = interval;
        }
        let mut sync_shutdown_file = resolver.path(opt::SYNC_SHUTDOWN_FILE);
        if let Some(file) = &overrides.shutdown_file {
            resolver.overridden(file.display().to_string());
            sync_shutdown_file = Some(file.clone());
        }
        resolver.asked("--timeout", overrides.release_staged_after.as_ref().map(seconds));
        Rolling {
            sync_repeat_interval,
            release_staged_after: overrides.release_staged_after.unwrap_or(RELEASE_STAGED_AFTER),
            sync_shutdown_file,
            rolling_once: resolver.asked_for("--rolling-once", overrides.rolling_once),
            retry_policy,
        }
    }
}
