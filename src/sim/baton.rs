//! Several workers, one at a time: whoever has the baton acts, all others wait for it. So threads
//! interleave as chance says and not as the machine does.

use std::cell::Cell;

use parking_lot::{Condvar, Mutex};

/// Who takes part: the executor is 0, workers count from 1.
pub(super) type Actor = usize;

/// The executor.
pub(super) const EXECUTOR: Actor = 0;

thread_local! {
    static ME: Cell<Actor> = const { Cell::new(EXECUTOR) };
}

#[derive(Debug, Default)]
struct State {
    holder: Actor,
    /// Workers that have something to do.
    busy: Vec<Actor>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Baton {
    state: Mutex<State>,
    passed: Condvar,
}

impl Baton {
    /// Says who the present thread is.
    pub fn is_me(actor: Actor) {
        ME.with(|me| me.set(actor));
    }

    /// The present actor.
    pub fn me() -> Actor {
        ME.with(Cell::get)
    }

    /// Workers that have something to do, in order.
    pub fn busy(&self) -> Vec<Actor> {
        self.state.lock().busy.clone()
    }

    /// A worker has something to do from now on.
    pub fn begin(&self, actor: Actor) {
        let mut state = self.state.lock();
        state.busy.push(actor);
        state.busy.sort_unstable();
    }

    /// The present worker has nothing to do any more: the executor goes on.
    pub fn end(&self) {
        let mut state = self.state.lock();
        let me = Self::me();
        if let Some(at) = state.busy.iter().position(|actor| *actor == me) {
            state.busy.remove(at);
        }
        state.holder = EXECUTOR;
        self.passed.notify_all();
    }

    /// Gives the baton away and waits until it comes back.
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
