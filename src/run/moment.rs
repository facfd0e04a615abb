//! The time that the state machines use.

use std::time::Duration;

/// A point in time, as the time since the environment was started.
pub type Moment = Duration;
