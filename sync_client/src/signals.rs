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

/// When a signal stops the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// At the next safe point.
    Now,
    /// After the current task, but within ten seconds.
    Soon,
}

/// Starts a thread that handles signals from now on (`signals_add_handlers` in Cyrus's
/// `lib/signals.c`). A second signal to stop has its default effect and ends the process. SIGHUP
/// ends a wait. SIGUSR1 calls `report` to report the progress.
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

fn request(stop: Stop, cancel: &Cancel) {
    cancel.finish();
    let cancel = cancel.clone();
    match stop {
        Stop::Now => cancel.cancel(),
        Stop::Soon => drop(thread::spawn(move || {
            thread::sleep(GRACE);
            cancel.cancel();
        })),
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
