//! Turns: one thread at a time is within what plugins of libsasl2 share. A turn may last for as
//! long as a Kerberos server is waited for, so nobody has to wait for one without end.

use std::ffi::c_int;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::remains::Remains;

/// What `sasl_client_init` said; only whose turn it is asks.
pub(super) static READY: OnceLock<c_int> = OnceLock::new();

static STATE: Mutex<State> = Mutex::new(State { busy: false, remains: Vec::new() });
static ENDED: Condvar = Condvar::new();

struct State {
    busy: bool,
    /// What went while it was somebody's turn, to be disposed of at its end.
    remains: Vec<Remains>,
}

/// The turn of whoever has it, until it is dropped. It can go to another thread.
#[derive(Debug)]
pub struct Turn(());

impl Turn {
    /// Takes a turn; `None` if it was somebody else's all the time.
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
                // SAFETY: `busy` is set until there are none left, and the turn is this one.
                unsafe { remains.dispose() };
            }
        }
        ENDED.notify_one();
    }
}

/// Whether it is anybody's turn.
pub fn is_busy() -> bool {
    STATE.lock().busy
}

/// Disposes of what an exchange leaves: now, or when it is nobody's turn any more.
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
