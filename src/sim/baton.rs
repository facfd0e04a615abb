//! Lets only one thread run at a time: the thread that holds the baton. So random numbers decide in
//! which order the threads run, and each run with the same seed is the same.

use std::cell::Cell;

use parking_lot::{Condvar, Mutex};

/// Number of a thread: 0 is the main thread with the state machine, workers count from 1.
pub(super) type Actor = usize;

/// The main thread.
pub(super) const EXECUTOR: Actor = 0;

thread_local! {
    static ME: Cell<Actor> = const { Cell::new(EXECUTOR) };
}

#[derive(Debug, Default)]
struct State {
    holder: Actor,
    /// Workers that have not completed their order.
    busy: Vec<Actor>,
}

/// Passes the right to run from one thread to another.
#[derive(Debug, Default)]
pub(super) struct Baton {
    state: Mutex<State>,
    passed: Condvar,
}

impl Baton {
    /// Sets the number of the current thread.
    pub fn is_me(actor: Actor) {
        ME.with(|me| me.set(actor));
    }

    /// Returns the number of the current thread.
    pub fn me() -> Actor {
        ME.with(Cell::get)
    }

    /// Returns the workers that have not completed their order, sorted.
    pub fn busy(&self) -> Vec<Actor> {
        self.state.lock().busy.clone()
    }

    /// Records that a worker has received an order.
    pub fn begin(&self, actor: Actor) {
        let mut state = self.state.lock();
        state.busy.push(actor);
        state.busy.sort_unstable();
    }

    /// Records that the current worker has completed its order, and passes the baton to the main
    /// thread.
    pub fn end(&self) {
        let mut state = self.state.lock();
        let me = Self::me();
        if let Some(at) = state.busy.iter().position(|actor| *actor == me) {
            state.busy.remove(at);
        }
        state.holder = EXECUTOR;
        self.passed.notify_all();
    }

    /// Passes the baton to another thread and waits until it is passed back.
    pub fn pass(&self, to: Actor) {
        let me = Self::me();
        if to == me {
            return;
        }
        let mut state = self.state.lock();
        state.holder = to;
        self.passed.notify_all();
        self.passed.wait_while(&mut state, |state| state.holder != me);
    }

    /// Waits until the current thread gets the baton.
    pub fn wait(&self) {
        let me = Self::me();
        let mut state = self.state.lock();
        self.passed.wait_while(&mut state, |state| state.holder != me);
    }
}
