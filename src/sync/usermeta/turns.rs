//! Lets only one session at a time create and delete quota roots. Changes of limits need not wait.
//!
//! A replica's server that creates a root locks the quota database, then the lock that all changes
//! of roots share (`mboxlist_setquotas` in `imap/mboxlist.c`, `quota_changelock`). While it holds
//! that lock, it counts the mailboxes below the root, for which it locks the database again. If the
//! database is one file (`quota_db: twoskip`, `skiplist` or `flat`), two servers can wait for each
//! other. The system then refuses one lock (`EDEADLK`), and Cyrus logs `LOSTQUOTA` and answers OK:
//! the usage of that root stays wrong.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

/// The session that may create and delete quota roots. Several tasks that share a session may do so
/// together, because a server carries out their commands one after the other.
#[derive(Debug, Default)]
pub struct QuotaTurns {
    state: Mutex<State>,
    /// Signals that the turn has passed to another session.
    passed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The session that has the turn, with the number of its tasks that use it.
    holder: Option<(usize, usize)>,
    /// The tasks that wait, in the order in which they came: number and session.
    waiting: VecDeque<(u64, usize)>,
    /// The number of the next task.
    next: u64,
}

impl State {
    /// Gives a task the turn if it need not wait. Returns whether it has the turn.
    fn enter(&mut self, session: usize) -> bool {
        match &mut self.holder {
            None => self.holder = Some((session, 1)),
            // A newcomer must not pass those who wait, or they could wait without end.
            Some((holder, tasks)) if *holder == session && self.waiting.is_empty() => *tasks += 1,
            Some(_) => return false,
        }
        true
    }
}

impl QuotaTurns {
    /// Returns the turn if session `session` need not wait for it.
    pub fn try_take(&self, session: usize) -> Option<QuotaTurn<'_>> {
        let has_turn = self.state.lock().enter(session);
        has_turn.then(|| QuotaTurn(self))
    }

    /// Waits until session `session` has the turn. The turn ends when the returned value is
    /// dropped, which must not happen before the replies have arrived.
    pub fn take(&self, session: usize) -> QuotaTurn<'_> {
        let mut state = self.state.lock();
        if !state.enter(session) {
            let number = state.next;
            state.next += 1;
            state.waiting.push_back((number, session));
            while state.waiting.iter().any(|(waiting, _)| *waiting == number) {
                self.passed.wait(&mut state);
            }
        }
        QuotaTurn(self)
    }

    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.state.lock().waiting.len()
    }
}

/// The turn to create and delete quota roots.
#[derive(Debug)]
pub struct QuotaTurn<'t>(&'t QuotaTurns);

impl Drop for QuotaTurn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        let State { holder, waiting, .. } = &mut *state;
        if let Some((_, tasks)) = holder
            && *tasks > 1
        {
            *tasks -= 1;
            return;
        }
        // All waiting tasks of the next session get the turn together.
        *holder = waiting.front().map(|(_, session)| (*session, 0));
        if let Some((session, tasks)) = holder {
            let before = waiting.len();
            waiting.retain(|(_, other)| other != session);
            *tasks = before - waiting.len();
            self.0.passed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::thread::{self, Scope};
    use std::time::{Duration, Instant};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// Starts a task of a session that takes the turn, says so, and keeps the turn until `keep` is
    /// dropped. Returns when the task has the turn or waits for it.
    fn start<'s, 'e>(
        scope: &'s Scope<'s, 'e>,
        turns: &'e QuotaTurns,
        session: usize,
        has: &Sender<usize>,
    ) -> Sender<()> {
        let (keep, kept) = mpsc::channel::<()>();
        let (has, before) = (has.clone(), turns.waiting());
        let (entered, in_turn) = mpsc::channel();
        scope.spawn(move || {
            let _turn = turns.take(session);
            let _ = entered.send(());
            has.send(session).unwrap();
            let _ = kept.recv();
        });
        let limit = Instant::now() + LONG;
        while turns.waiting() == before && in_turn.try_recv().is_err() {
            assert!(Instant::now() < limit);
            thread::yield_now();
        }
        keep
    }

    fn next(having: &Receiver<usize>) -> usize {
        having.recv_timeout(LONG).unwrap()
    }

    #[test]
    fn two_sessions_never_change_roots_at_the_same_time() {
        let turns = QuotaTurns::default();
        thread::scope(|scope| {
            let (has, having) = mpsc::channel();
            let first = start(scope, &turns, 1, &has);
            let also_first = start(scope, &turns, 1, &has);
            assert_eq!((next(&having), next(&having)), (1, 1), "tasks of one session");
            let second = start(scope, &turns, 2, &has);
            drop(first);
            assert!(having.try_recv().is_err() && turns.waiting() == 1);
            assert!(turns.try_take(2).is_none() && turns.try_take(1).is_none(), "one waits");
            drop(also_first);
            assert_eq!(next(&having), 2);
            drop(second);
        });
        assert!(turns.try_take(3).is_some());
    }

    #[test]
    fn those_who_wait_are_not_passed_and_tasks_of_one_session_go_on_together() {
        let turns = QuotaTurns::default();
        thread::scope(|scope| {
            let (has, having) = mpsc::channel();
            let first = start(scope, &turns, 1, &has);
            assert_eq!(next(&having), 1);
            let rest = [2, 1, 2, 3].map(|session| start(scope, &turns, session, &has));
            assert_eq!(turns.waiting(), 4, "session 1 has the turn, but 2 came before this task");
            drop(first);
            assert_eq!((next(&having), next(&having)), (2, 2));
            let [second, again, also_second, third] = rest;
            drop((second, also_second));
            assert_eq!(next(&having), 1);
            drop(again);
            assert_eq!(next(&having), 3);
            drop(third);
        });
    }
}
