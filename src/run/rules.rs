//! Parameters of rolling replication, from the settings.

use std::time::{Duration, SystemTime};

use super::moment::Moment;
use super::retry::Retries;
use crate::settings::{Jobs, RetryPolicy, Rolling};

/// Parameters of rolling replication.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The minimum time between two take-overs of the log.
    pub sync_repeat_interval: Duration,
    /// The interval at which the client requests the replica to release its staged files (`-t`). Zero for
    /// never.
    pub release_staged_after: Duration,
    /// Whether a shutdown file is configured.
    pub has_shutdown_file: bool,
    /// Whether to process the entries that are logged at the start, and then end.
    pub rolling_once: bool,
    /// How to retry connecting.
    pub retry_policy: RetryPolicy,
    /// Whether the system cannot report changes of the log, so that the client must check it
    /// regularly.
    pub is_blind: bool,
    /// The number of workers, fixed or automatic.
    pub jobs: Jobs,
    /// How long it took to connect the first worker. `None` if it is not connected yet.
    pub open: Option<Moment>,
    /// Whether the client has exchanged data with the replica before, perhaps in an earlier call.
    pub was_connected: bool,
    /// When the oldest entry that an earlier client left behind was logged, if known.
    pub waiting_since: Option<SystemTime>,
}

impl Rules {
    /// Makes the parameters from the settings.
    pub fn new(rolling: &Rolling, jobs: Jobs, open: Option<Moment>, is_blind: bool) -> Rules {
        Rules {
            sync_repeat_interval: rolling.sync_repeat_interval,
            release_staged_after: rolling.release_staged_after,
            has_shutdown_file: rolling.sync_shutdown_file.is_some(),
            rolling_once: rolling.rolling_once,
            retry_policy: rolling.retry_policy,
            is_blind,
            jobs,
            open,
            was_connected: open.is_some(),
            waiting_since: None,
        }
    }

    /// Returns how to handle failures. A client that runs continuously also retries if the replica
    /// refuses the connection, and, once it was connected, if its own configuration prevents one.
    pub(super) fn policy(&self) -> Retries {
        let retry_policy = RetryPolicy { even_if_refused: !self.rolling_once, ..self.retry_policy };
        Retries {
            connect: Some(retry_policy),
            reconnect: Some(retry_policy),
            again: true,
            config_ends: !self.retry_policy.even_if_refused && !self.was_connected,
        }
    }
}
