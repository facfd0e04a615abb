//! The clock of a machine.

use std::time::Duration;

/// A moment: the time since one that whoever has the clock chose.
pub type Moment = Duration;
