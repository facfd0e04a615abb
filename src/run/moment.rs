//! The clock of a machine.

use std::time::Duration;

/// A moment: the time since one that the owner of the clock chose.
pub type Moment = Duration;
