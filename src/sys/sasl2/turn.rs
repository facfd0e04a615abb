//! Turns: only one thread at a time may use the state that libsasl2's plugins share. A turn may
//! last as long as a Kerberos server takes to answer, so a thread can limit its wait for a turn.

use std::ffi::c_int;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::remains::Remains;

/// Result of `sasl_client_init`. Only the thread that holds the turn uses it.
pub(super) static READY: OnceLock<c_int> = OnceLock::new();

static STATE: Mutex<State> = Mutex::new(State { busy: false, remains: Vec::new() });
static ENDED: Condvar = Condvar::new();

struct State {
    busy: bool,
    /// Connections that were dropped during a turn. They are disposed of at its end.
    remains: Vec<Remains>,
}

/// The right to use libsasl2, until it is dropped. It can move to another thread.
#[derive(Debug)]
pub struct Turn(());

impl Turn {
    /// Waits for a turn. Returns `None` if other threads held it for the whole time `within`.
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
                // SAFETY: `busy` stays set until the list is empty, and this thread holds the turn.
                unsafe { remains.dispose() };
            }
        }
        ENDED.notify_one();
    }
}

/// Returns whether a thread holds the turn.
pub fn is_busy() -> bool {
    STATE.lock().busy
}

/// Disposes of the remains of an exchange: now, or at the end of the current turn.
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
