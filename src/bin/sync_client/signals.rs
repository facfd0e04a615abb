//! Signals, and waiting that they cut short.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cyrsync::engine::Cancel;
use cyrsync::observe::Level;
use cyrsync::sys::syslog;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals as Iterator;
use signal_hook::low_level::emulate_default_handler;

/// What came so far.
#[derive(Default)]
struct State {
    stop: bool,
    /// Counts SIGHUPs, each of which ends a wait and nothing else, as with Cyrus.
    nudges: u64,
    cancel: Option<Cancel>,
}

/// The signals that the program answers (`signals_add_handlers` in Cyrus's `lib/signals.c`).
///
/// SIGPIPE is not among them: Rust's runtime ignores it, and a write says that nobody reads.
#[derive(Clone, Default)]
pub struct Signals(Arc<(Mutex<State>, Condvar)>);

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The time is over, or SIGHUP said not to wait for it.
    GoOn,
    /// The program was told to stop.
    Stop,
}

impl Signals {
    /// Answers signals from now on, on a thread of its own. The second request to stop is what
    /// it is by default: the end.
    pub fn install() -> io::Result<Signals> {
        let mut caught = Iterator::new([SIGTERM, SIGINT, SIGQUIT, SIGHUP])?;
        let signals = Signals::default();
        let shared = signals.clone();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in caught.forever() {
                match signal {
                    SIGHUP => shared.nudge(),
                    _ if shared.is_stopped() => {
                        let _ = emulate_default_handler(signal);
                    }
                    _ => {
                        syslog::send(Level::Notice, "graceful shutdown");
                        shared.stop();
                    }
                }
            }
        })?;
        Ok(signals)
    }

    /// Passes the request to stop on to a client.
    pub fn attach(&self, cancel: Cancel) {
        let mut state = self.state();
        if state.stop {
            cancel.cancel();
        }
        state.cancel = Some(cancel);
    }

    /// Whether the program was told to stop.
    pub fn is_stopped(&self) -> bool {
        self.state().stop
    }

    /// Waits, unless told not to.
    pub fn sleep(&self, time: Duration) -> Waited {
        let end = Instant::now().checked_add(time);
        let mut state = self.state();
        let nudges = state.nudges;
        while !state.stop && state.nudges == nudges {
            let left =
                end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            let woken = self.0.1.wait_timeout(state, left.min(Duration::from_secs(3600)));
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.stop { Waited::Stop } else { Waited::GoOn }
    }

    fn stop(&self) {
        let mut state = self.state();
        state.stop = true;
        if let Some(cancel) = &state.cancel {
            cancel.cancel();
        }
        self.0.1.notify_all();
    }

    fn nudge(&self) {
        self.state().nudges += 1;
        self.0.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_stop_ends_every_wait_from_then_on() {
        let signals = Signals::default();
        let other = signals.clone();
        let waiting = thread::spawn(move || other.sleep(LONG));
        signals.stop();
        assert_eq!(waiting.join().unwrap(), Waited::Stop);
        assert_eq!(signals.sleep(LONG), Waited::Stop);
        assert!(signals.is_stopped());
    }

    #[test]
    fn a_wait_ends_by_itself() {
        assert_eq!(Signals::default().sleep(Duration::from_millis(1)), Waited::GoOn);
    }

    #[test]
    fn a_nudge_ends_a_wait_but_not_the_program() {
        let signals = Signals::default();
        let other = signals.clone();
        let waiting = thread::spawn(move || other.sleep(LONG));
        while !waiting.is_finished() {
            signals.nudge();
            thread::yield_now();
        }
        assert_eq!(waiting.join().unwrap(), Waited::GoOn);
        assert!(!signals.is_stopped());
    }
}
