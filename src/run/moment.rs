//! The time of a machine.

use std::time::Duration;

/// A moment, as the time since a start that the owner of the clock has chosen.
pub type Moment = Duration;
