//! How rolling replication works, as the settings ask for it.

use std::time::{Duration, SystemTime};

use super::moment::Moment;
use super::retry::RetryPolicy;
use crate::settings::{Jobs, Persistence, Rolling};

/// How a daemon works.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Least time from one take-over to the next.
    pub sync_repeat_interval: Duration,
    /// The replica releases its staged files after so long; zero for never.
    pub timeout: Duration,
    /// Whether somebody looks for a shutdown file.
    pub has_shutdown_file: bool,
    /// Only what is logged now.
    pub rolling_once: bool,
    /// How persistently to connect.
    pub persistence: Persistence,
    /// Whether nobody will tell that something was logged.
    pub is_blind: bool,
    /// How many workers there are.
    pub jobs: Jobs,
    /// How long it took to connect the first, if it is connected already.
    pub open: Option<Moment>,
    /// Since when something waits that an earlier client left, if that is known.
    pub waiting_since: Option<SystemTime>,
}

impl Rules {
    /// What the settings say.
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

    /// What is done about failures.
    pub(super) fn policy(&self) -> RetryPolicy {
        let persistence = Persistence { even_if_refused: !self.rolling_once, ..self.persistence };
        RetryPolicy { connect: Some(persistence), reconnect: Some(persistence), again: true }
    }
}
