//! Reads the time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::types::Time;

/// Returns the current time in seconds since 1970.
pub(crate) fn unix_time() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.ok().and_then(|since| Time::try_from(since.as_secs()).ok()).unwrap_or(0)
}
