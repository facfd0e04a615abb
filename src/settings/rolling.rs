//! Settings of rolling replication, and how persistently to connect.

use std::path::PathBuf;
use std::time::Duration;

use super::overrides::Overrides;
use super::resolver::Resolver;
use crate::config::opt;

/// Time after which the client tells the replica to release its staged files, if `-t` is not given.
const TIMEOUT: Duration = Duration::from_secs(600);

/// How persistently to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Persistence {
    /// Only once (`-o`).
    pub connect_once: bool,
    /// Longest pause between two attempts; `None` for pauses that grow without limit.
    pub sync_reconnect_maxwait: Option<Duration>,
    /// Whether to go on if the password or the certificate is refused, as rolling replication does,
    /// because a person may correct that meanwhile. Otherwise the refusal ends the attempts.
    pub even_if_refused: bool,
}

/// Settings of rolling replication.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Rolling {
    /// Least time from one run to the next (`-d`).
    pub sync_repeat_interval: Duration,
    /// Time after which the client tells the replica to release its staged files (`-t`); zero for
    /// never.
    pub timeout: Duration,
    /// A file whose existence is a request to stop (`-F`).
    pub sync_shutdown_file: Option<PathBuf>,
    /// Whether to replicate only what is logged now (`-1`).
    pub rolling_once: bool,
    /// How persistently to connect.
    pub persistence: Persistence,
}

impl Persistence {
    pub(super) fn resolve(resolver: &mut Resolver<'_>, overrides: &Overrides) -> Persistence {
        let longest = resolver.duration(opt::SYNC_RECONNECT_MAXWAIT);
        Persistence {
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
        persistence: Persistence,
    ) -> Rolling {
        let seconds = |time: &Duration| format!("{}s", time.as_secs());
        let mut sync_repeat_interval = resolver.duration(opt::SYNC_REPEAT_INTERVAL);
        if let Some(delay) = overrides.delay {
            resolver.overridden(seconds(&delay));
            sync_repeat_interval = delay;
        }
        let mut sync_shutdown_file = resolver.path(opt::SYNC_SHUTDOWN_FILE);
        if let Some(file) = &overrides.shutdown_file {
            resolver.overridden(file.display().to_string());
            sync_shutdown_file = Some(file.clone());
        }
        resolver.asked("--timeout", overrides.timeout.as_ref().map(seconds));
        Rolling {
            sync_repeat_interval,
            timeout: overrides.timeout.unwrap_or(TIMEOUT),
            sync_shutdown_file,
            rolling_once: resolver.asked_for("--rolling-once", overrides.rolling_once),
            persistence,
        }
    }
}
