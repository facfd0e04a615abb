//! Lets only one of several workers act at a time: the one that holds the baton. So the random
//! numbers, not the machine, decide how the threads interleave.

use std::cell::Cell;

use parking_lot::{Condvar, Mutex};

/// A participant: 0 is the executor, workers count from 1.
pub(super) type Actor = usize;

/// The executor.
pub(super) const EXECUTOR: Actor = 0;

thread_local! {
    static ME: Cell<Actor> = const { Cell::new(EXECUTOR) };
}

#[derive(Debug, Default)]
struct State {
    holder: Actor,
    /// Workers that have work to do.
    busy: Vec<Actor>,
}

/// Passes the right to act from one thread to another, see the module.
#[derive(Debug, Default)]
pub(super) struct Baton {
    state: Mutex<State>,
    passed: Condvar,
}

impl Baton {
    /// Sets the actor of the current thread.
    pub fn is_me(actor: Actor) {
        ME.with(|me| me.set(actor));
    }

    /// Returns the actor of the current thread.
    pub fn me() -> Actor {
        ME.with(Cell::get)
    }

    /// Returns the workers that have work to do, in order.
    pub fn busy(&self) -> Vec<Actor> {
        self.state.lock().busy.clone()
    }

    /// Notes that a worker has work to do from now on.
    pub fn begin(&self, actor: Actor) {
        let mut state = self.state.lock();
        state.busy.push(actor);
        state.busy.sort_unstable();
    }

    /// Notes that the current worker has finished its work, and lets the executor continue.
    pub fn end(&self) {
        let mut state = self.state.lock();
        let me = Self::me();
        if let Some(at) = state.busy.iter().position(|actor| *actor == me) {
            state.busy.remove(at);
        }
        state.holder = EXECUTOR;
        self.passed.notify_all();
    }

    /// Passes the baton to another actor and waits until it comes back.
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

    /// Waits for the baton.
    pub fn wait(&self) {
        let me = Self::me();
        let mut state = self.state.lock();
        self.passed.wait_while(&mut state, |state| state.holder != me);
    }
}
