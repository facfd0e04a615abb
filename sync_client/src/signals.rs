//! Handles signals, and turns them into requests to the client.

use std::io;
use std::thread;
use std::time::Duration;

use crate::sys::syslog;
use cyrsync::{Cancel, Level};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// How long rolling replication may continue with the current task after a request to stop.
const GRACE: Duration = Duration::from_secs(10);

/// When the client stops after a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// At the next safe point.
    Now,
    /// After the current task, but within ten seconds.
    Soon,
}

/// Starts a thread that handles signals from now on (`signals_add_handlers` in Cyrus's
/// `lib/signals.c`). The first signal to stop stops the client, and the second one ends the process
/// at once. SIGHUP ends a wait. SIGUSR1 calls `report` to report the progress.
///
/// SIGPIPE needs no handler: Rust's runtime ignores it, and a write to a closed pipe fails.
pub fn answer(stop: Stop, cancel: Cancel, report: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut caught = Signals::new([SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1])?;
    let on_signal = move || {
        for signal in caught.forever() {
            match signal {
                SIGHUP => cancel.wake(),
                SIGUSR1 => report(),
                _ if cancel.is_finishing() => {
                    let _ = emulate_default_handler(signal);
                }
                _ => {
                    syslog::send(Level::Notice, "graceful shutdown");
                    request(stop, &cancel);
                }
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(on_signal).map(drop)
}

/// Stops the client: at once, or after a pause for the current task. Without a thread for the pause
/// it stops at once.
fn request(stop: Stop, cancel: &Cancel) {
    cancel.finish();
    let waiting = cancel.clone();
    let later = move || {
        thread::sleep(GRACE);
        waiting.cancel();
    };
    let is_soon = matches!(stop, Stop::Soon);
    if !(is_soon && thread::Builder::new().name("grace".into()).spawn(later).is_ok()) {
        cancel.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rolling_replication_may_finish_what_it_works_on() {
        let cancel = Cancel::default();
        request(Stop::Soon, &cancel);
        assert!(cancel.is_finishing() && !cancel.is_cancelled());
        request(Stop::Now, &cancel);
        assert!(cancel.is_cancelled());
    }
}
