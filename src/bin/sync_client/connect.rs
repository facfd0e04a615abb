//! Reaching the replica: again and again, with growing pauses (`replica_connect` in Cyrus's
//! `imap/sync_client.c`).

use std::time::Duration;

use cyrsync::engine::Client;
use cyrsync::observe::Level;
use cyrsync::sys::syslog;
use cyrsync::{Error, Kind};

use crate::console::complain;
use crate::signals::{Signals, Waited};

/// The pause after the first attempt, in seconds; it doubles after each.
const FIRST_PAUSE: u64 = 15;

/// How the program connects.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// `-o`
    pub once: bool,
    /// `-z`
    pub require_compress: bool,
    /// Longest pause in seconds (`sync_reconnect_maxwait`); 0 or less for none.
    pub longest_pause: i32,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotConnected {
    /// It was told: the replica cannot be reached.
    Unreachable,
    /// A signal ended the attempts.
    Stopped,
}

/// Makes a connection unless there is one. Whatever stands in the way of a connection may pass,
/// a wrong password too; anything else will not.
pub fn connect(client: &mut Client, policy: Policy, signals: &Signals) -> Result<(), NotConnected> {
    let mut told = String::new();
    let mut pause = cut(FIRST_PAUSE, policy.longest_pause);
    loop {
        let error = match client.connect() {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == Kind::Cancelled => return Err(NotConnected::Stopped),
            Err(error) => error,
        };
        if signals.is_stopped() {
            return Err(NotConnected::Stopped);
        }
        // The reason once, not at every attempt.
        if told != error.to_string() {
            told = error.to_string();
            complain(&told);
            syslog::send(Level::Error, &told);
        }
        if policy.once || !error.is_connection() {
            give_up(client.server(), policy, &error);
            return Err(NotConnected::Unreachable);
        }
        complain(format!(
            "Can not connect to server '{}', retrying in {pause} seconds",
            client.server()
        ));
        if signals.sleep(Duration::from_secs(pause)) == Waited::Stop {
            return Err(NotConnected::Stopped);
        }
        pause = cut(pause.saturating_mul(2), policy.longest_pause);
    }
}

fn give_up(server: &str, policy: Policy, error: &Error) {
    let what = match policy.require_compress && error.kind() == Kind::Unsupported {
        true => "Failed to enable compression",
        false => "Can not connect",
    };
    let line = format!("{what} to server '{server}'");
    complain(&line);
    syslog::send(Level::Error, &line);
}

/// A pause, unless it is longer than the longest; there is none if that is 0 or less.
fn cut(pause: u64, longest: i32) -> u64 {
    match u64::try_from(longest) {
        Ok(longest) if longest > 0 => pause.min(longest),
        _ => pause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest_if_there_is_one() {
        assert_eq!((cut(15, 100), cut(120, 100), cut(15, 5)), (15, 100, 5));
        assert_eq!((cut(1 << 40, 0), cut(1 << 40, -1)), (1 << 40, 1 << 40));
    }
}
