//! Holds back what clients send through a proxy, from a chosen command on.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Where a gate closes.
#[derive(Debug)]
pub(crate) enum Mark {
    /// Before the first command with these words.
    At(&'static [u8]),
    /// After the first line with these words.
    After(&'static [u8]),
}

#[derive(Debug, Default)]
struct State {
    mark: Option<Mark>,
    is_closed: bool,
}

/// A gate for the bytes of all clients of a proxy.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn close_at(&self, mark: Mark) {
        self.state().mark = Some(mark);
    }

    pub(crate) fn open(&self) {
        *self.state() = State::default();
        self.opened.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Returns how many of these bytes may pass. The others must wait.
    pub(crate) fn passes(&self, bytes: &[u8]) -> usize {
        let mut state = self.state();
        let find = |words: &[u8]| bytes.windows(words.len()).position(|window| window == words);
        let end = match state.mark {
            _ if state.is_closed => Some(0),
            None => None,
            Some(Mark::At(words)) => find(words).map(|at| line_start(bytes, at)),
            Some(Mark::After(words)) => find(words).map(|at| line_end(bytes, at)),
        };
        state.is_closed = end.is_some();
        end.unwrap_or(bytes.len())
    }

    /// Waits until the gate is open.
    pub(crate) fn wait(&self) {
        let closed = |state: &mut State| state.is_closed;
        drop(self.opened.wait_while(self.state(), closed).unwrap_or_else(PoisonError::into_inner));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line_start(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_closes_at_the_first_line_with_the_words() {
        let gate = Gate::default();
        assert_eq!(gate.passes(b"one\ntwo x\nthree\n"), 16);
        gate.close_at(Mark::At(b"x"));
        assert_eq!((gate.passes(b"one\n"), gate.is_closed()), (4, false));
        assert_eq!((gate.passes(b"one\ntwo x\nthree\n"), gate.is_closed()), (4, true));
        assert_eq!(gate.passes(b"four\n"), 0, "all clients wait");
        gate.open();
        gate.wait();
        assert_eq!(gate.passes(b"two x\n"), 6);
        gate.close_at(Mark::After(b"x"));
        assert_eq!((gate.passes(b"one\ntwo x\nthree\n"), gate.is_closed()), (10, true));
    }
}
