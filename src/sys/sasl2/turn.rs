//! Turns, which let only one thread at a time use the state that libsasl2's plugins share. A turn
//! may last as long as a Kerberos server takes to answer. Therefore a thread can limit its wait for
//! a turn.

use std::ffi::c_int;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::remains::Remains;

/// Result of `sasl_client_init`. Only the thread with the turn sets and reads it.
pub(super) static READY: OnceLock<c_int> = OnceLock::new();

static STATE: Mutex<State> = Mutex::new(State { busy: false, remains: Vec::new() });
static ENDED: Condvar = Condvar::new();

struct State {
    busy: bool,
    /// Connections that were dropped during the current turn. The end of the turn frees them.
    remains: Vec<Remains>,
}

/// The right to use libsasl2, until this value is dropped. It can be sent to another thread.
#[derive(Debug)]
pub struct Turn(());

impl Turn {
    /// Waits for a turn. Returns `None` if there is none after the time `within`.
    pub fn take(within: Duration) -> Option<Turn> {
        let mut state = STATE.lock();
        let deadline = Instant::now() + within;
        while state.busy {
            if ENDED.wait_until(&mut state, deadline).timed_out() && state.busy {
                return None;
            }
        }
        state.busy = true;
        Some(Turn(()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        loop {
            let mut state = STATE.lock();
            if state.remains.is_empty() {
                state.busy = false;
                break;
            }
            let remains = std::mem::take(&mut state.remains);
            drop(state);
            for remains in remains {
                // SAFETY: this thread holds the turn, because `busy` stays set until the list is
                // empty.
                unsafe { remains.dispose() };
            }
        }
        ENDED.notify_one();
    }
}

/// Returns whether any thread holds the turn.
pub fn is_busy() -> bool {
    STATE.lock().busy
}

/// Frees the remains of an exchange: at once, or at the end of the current turn.
pub(super) fn dispose(remains: Remains) {
    let mut state = STATE.lock();
    state.remains.push(remains);
    if !state.busy {
        state.busy = true;
        drop(state);
        drop(Turn(()));
    }
}

#[cfg(test)]
pub(super) fn waits(conn: *mut sasl2_sys::sasl::sasl_conn_t) -> bool {
    STATE.lock().remains.iter().any(|remains| remains.conn == conn)
}
