//! How to roll, and how persistently to connect.

use std::path::PathBuf;
use std::time::Duration;

/// How persistently to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Persistence {
    /// Only once (`-o`).
    pub once: bool,
    /// Longest pause between two attempts (`sync_reconnect_maxwait`); none for pauses that grow
    /// without limit.
    pub longest_pause: Option<Duration>,
    /// Even if the password or the certificate is refused, as rolling replication does: somebody
    /// may put that right meanwhile. Else that is the end at once.
    pub even_if_refused: bool,
}

/// How to roll.
#[derive(Debug, Clone, Default)]
pub struct Rolling {
    /// Least time from one run to the next (`-d`, `sync_repeat_interval`).
    pub interval: Duration,
    /// The replica is told to let go of everything after so long (`-t`); zero for never.
    pub restart_after: Duration,
    /// A file that asks for the end by being there (`-F`, `sync_shutdown_file`).
    pub shutdown_file: Option<PathBuf>,
    /// Only what is logged now (`-1`).
    pub once: bool,
    /// How persistently to connect.
    pub persistence: Persistence,
}
