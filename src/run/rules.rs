//! Parameters of rolling replication, from the settings.

use std::time::{Duration, SystemTime};

use super::moment::Moment;
use super::retry::RetryPolicy;
use crate::settings::{Jobs, Persistence, Rolling};

/// Parameters of a daemon.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The shortest time between two take-overs of the log.
    pub sync_repeat_interval: Duration,
    /// After this time the client makes the replica release its staged files; zero for never.
    pub timeout: Duration,
    /// Whether a shutdown file is configured.
    pub has_shutdown_file: bool,
    /// Whether to process only what is logged now, and then end.
    pub rolling_once: bool,
    /// How persistently to connect.
    pub persistence: Persistence,
    /// Whether the system does not report changes of the log.
    pub is_blind: bool,
    /// The number of workers.
    pub jobs: Jobs,
    /// How long it took to connect the first worker, if it is connected already.
    pub open: Option<Moment>,
    /// Since when entries of an earlier client are waiting, if known.
    pub waiting_since: Option<SystemTime>,
}

impl Rules {
    /// Makes the parameters from the settings.
    pub fn new(rolling: &Rolling, jobs: Jobs, open: Option<Moment>, is_blind: bool) -> Rules {
        Rules {
            sync_repeat_interval: rolling.sync_repeat_interval,
            timeout: rolling.timeout,
            has_shutdown_file: rolling.sync_shutdown_file.is_some(),
            rolling_once: rolling.rolling_once,
            persistence: rolling.persistence,
            is_blind,
            jobs,
            open,
            waiting_since: None,
        }
    }

    /// Returns what to do about failures.
    pub(super) fn policy(&self) -> RetryPolicy {
        let persistence = Persistence { even_if_refused: !self.rolling_once, ..self.persistence };
        RetryPolicy { connect: Some(persistence), reconnect: Some(persistence), again: true }
    }
}
