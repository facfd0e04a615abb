//! Reads the local time of day.

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the minutes since midnight in local time, or in UTC if the system cannot convert.
pub fn minute_of_day() -> u16 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    local(now).unwrap_or_else(|| u16::try_from(now / 60 % (24 * 60)).unwrap_or(0))
}

fn local(seconds: u64) -> Option<u16> {
    let time = libc::time_t::try_from(seconds).ok()?;
    let mut parts = MaybeUninit::<libc::tm>::uninit();
    // SAFETY: both pointers are valid during the call. If the call does not return NULL, it has
    // filled in the structure.
    let parts = unsafe {
        if libc::localtime_r(&raw const time, parts.as_mut_ptr()).is_null() {
            return None;
        }
        parts.assume_init()
    };
    u16::try_from(parts.tm_hour * 60 + parts.tm_min).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn date() -> u16 {
        let output = Command::new("date").arg("+%H %M").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (hour, minute) = text.trim().split_once(' ').unwrap();
        hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap()
    }

    #[test]
    fn the_time_is_the_one_that_date_prints() {
        // Accept both times, because a new minute may begin between two of the calls.
        let (before, now, after) = (date(), minute_of_day(), date());
        assert!(now == before || now == after, "{before} {now} {after}");
    }
}
