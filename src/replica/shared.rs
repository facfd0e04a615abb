//! Shares one session between several tasks. While a task waits for a reply, other tasks can send
//! commands. Replies arrive in the order of the commands, and each task finds its own reply by its
//! ticket.
//!
//! The first task that waits reads the replies for all tasks.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::capabilities::Capabilities;
use super::commands::Replica;
use super::link::Fill;
use super::patience::TICK;
use super::session::Session;
use super::socket::Socket;
use super::traffic::Traffic;
use crate::error::{Error, Kind, Result};
use crate::protocol::{Command, Reply, Ticket};
use crate::sys::poll;

/// The ticket of a command that was not sent. The tickets of a session count from zero and never
/// become that high.
const LEFT_OUT: Ticket = Ticket(u64::MAX);

/// How long `RESTART` is delayed before new tasks wait for it, and the time between such waits.
const DELAY: Duration = Duration::from_secs(60);

/// How long a new task waits for the running tasks to end, so that `RESTART` can be sent. A large
/// task may run for hours, and must not stop the others for that long.
const PAUSE: Duration = Duration::from_secs(2);

struct State {
    session: Session,
    /// Whether a task is reading the replies for all tasks.
    is_read: bool,
    /// The number of tasks that use the session.
    tasks: usize,
    /// How often `RESTART` was sent. This command makes the replica release its staged files: the
    /// message files that it has received, but that no mailbox contains yet.
    restarts: u64,
    /// Set if `RESTART` must be sent when the last task has ended: when new tasks wait for it next.
    restart_due: Option<Instant>,
    /// How long new tasks wait: [`PAUSE`].
    pause: Duration,
}

impl State {
    fn submit(&mut self, command: Command<'_>) -> Result<Ticket> {
        if matches!(command, Command::Restart) {
            self.restarts += 1;
            self.restart_due = None;
        }
        self.session.submit(command)
    }

    fn end_task(&mut self) {
        self.tasks -= 1;
        // If the command cannot be sent, the session ends, and the replica releases its staged
        // files anyway.
        if self.tasks == 0
            && self.restart_due.is_some()
            && let Ok(ticket) = self.submit(Command::Restart)
        {
            self.session.discard(ticket);
        }
    }
}

struct Shared {
    state: Mutex<State>,
    /// Signals that replies have arrived, or that no task is reading any more.
    came: Condvar,
    /// The session's socket, for waiting.
    socket: Socket,
}

/// A handle to a shared session.
#[derive(Clone)]
pub struct Lane(Arc<Shared>);

impl Lane {
    /// Makes a session that tasks can share.
    ///
    /// # Errors
    /// If the system cannot duplicate the handle of the socket.
    pub fn new(session: Session) -> Result<Lane> {
        let socket = session.link.socket.try_clone().map_err(|error| {
            Error::new(Kind::Connect, "share connection to", session.link.name(), error.to_string())
        })?;
        let state = Mutex::new(State {
            session,
            is_read: false,
            tasks: 0,
            restarts: 0,
            restart_due: None,
            pause: PAUSE,
        });
        Ok(Lane(Arc::new(Shared { state, came: Condvar::new(), socket })))
    }

    /// Returns whether the connection cannot be used any more.
    pub fn is_dead(&self) -> bool {
        self.0.state.lock().session.is_dead()
    }

    /// Returns the bytes transferred so far.
    pub fn traffic(&self) -> Traffic {
        self.0.state.lock().session.traffic()
    }

    /// Starts a task. The task ends when the returned value is dropped.
    ///
    /// Waits a short time for other tasks if `RESTART` is overdue. Otherwise tasks that overlap could
    /// delay it without end, and staged files would fill the replica's disk.
    pub fn begin_task(&self) -> OneTask {
        let Shared { state, came, .. } = &*self.0;
        let mut state = state.lock();
        let now = Instant::now();
        if state.restart_due.is_some_and(|due| due <= now) {
            let until = now + state.pause;
            while state.tasks > 0 && state.restart_due.is_some() {
                if came.wait_until(&mut state, until).timed_out() {
                    state.restart_due = state.restart_due.map(|_| Instant::now() + DELAY);
                    break;
                }
            }
        }
        state.tasks += 1;
        OneTask(self.0.clone())
    }

    /// Returns a number that no other open session has.
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Returns how many handles to the session exist.
    pub fn sharers(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// Returns a weak handle, which does not keep the session open.
    pub fn weak(&self) -> WeakLane {
        WeakLane(Arc::downgrade(&self.0))
    }

    /// Ends the session, if this is the last handle.
    pub fn close(self) {
        if let Some(shared) = Arc::into_inner(self.0) {
            shared.state.into_inner().session.close();
        }
    }
}

/// A weak handle to a session.
pub struct WeakLane(Weak<Shared>);

impl WeakLane {
    /// Returns the session, if it is still open.
    pub fn get(&self) -> Option<Lane> {
        self.0.upgrade().map(Lane)
    }
}

/// A task that uses the session.
pub struct OneTask(Arc<Shared>);

impl OneTask {
    /// Returns how often `RESTART` was sent. If the number has changed, the replica has released
    /// the files that were staged before. During a task, only this task itself can send `RESTART`.
    pub fn restarts(&self) -> u64 {
        self.0.state.lock().restarts
    }
}

impl Drop for OneTask {
    fn drop(&mut self) {
        self.0.state.lock().end_task();
        // Tasks may wait for the end of this one.
        self.0.came.notify_all();
    }
}

impl Replica for Lane {
    /// Sends a command. Staged files belong to all tasks of the session, so `Restart` is delayed
    /// until the last task has ended if other tasks are running.
    fn submit(&mut self, command: Command<'_>) -> Result<Ticket> {
        let mut state = self.0.state.lock();
        if matches!(command, Command::Restart) && state.tasks > 1 {
            state.restart_due.get_or_insert_with(|| Instant::now() + DELAY);
            return Ok(LEFT_OUT);
        }
        let before = state.session.pipeline.len();
        let submitted = state.submit(command);
        if submitted.is_err() || state.session.pipeline.len() != before + 1 {
            // Replies for other tasks may have arrived.
            self.0.came.notify_all();
        }
        submitted
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        if ticket == LEFT_OUT {
            return Ok(Reply::default());
        }
        let Shared { state, came, socket } = &*self.0;
        let mut waited = Duration::ZERO;
        let mut state = state.lock();
        loop {
            if let Some(answer) = state.session.answered(ticket).transpose() {
                // Wake another task, which has to read the replies from now on.
                came.notify_one();
                return answer;
            }
            let is_inflating = state.session.link.coding().is_inflating();
            let fill = if state.is_read && !is_inflating {
                Fill::Not
            } else {
                Fill::Now(std::mem::take(&mut waited))
            };
            let before = state.session.pipeline.len();
            let progress = state.session.progress(ticket, fill);
            // Wake the other tasks only if a reply has arrived, or if this task fails.
            if progress.is_err() || state.session.pipeline.len() != before {
                came.notify_all();
            }
            // Continue if the reply has arrived, or if there may be more bytes to decompress.
            if progress? || state.session.link.coding().is_inflating() {
                continue;
            }
            if state.is_read {
                came.wait_for(&mut state, TICK);
                continue;
            }
            state.is_read = true;
            MutexGuard::unlocked(&mut state, || {
                let begun = Instant::now();
                // Ignore errors here: the next read returns them.
                let _ = poll::wait(socket, false, TICK);
                waited = begun.elapsed();
            });
            state.is_read = false;
        }
    }

    fn discard(&mut self, ticket: Ticket) {
        if ticket != LEFT_OUT {
            self.0.state.lock().session.discard(ticket);
        }
    }

    fn expect(&mut self, bytes: u64) {
        self.0.state.lock().session.expect(bytes);
    }

    fn capabilities(&self) -> Capabilities {
        self.0.state.lock().session.capabilities()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc;
    use std::thread::JoinHandle;

    use super::super::dialect::{Dialect, Tagger};
    use super::super::link::Link;
    use super::*;
    use crate::error::Peer;
    use crate::events::Silent;

    /// Makes a shared session. The other end answers OK to every command. Its thread returns the
    /// commands.
    fn lane() -> (Lane, JoinHandle<Vec<String>>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let link = Link::new(
            Socket::Unix(ours),
            Peer::replica(""),
            Duration::from_secs(20),
            Arc::default(),
        );
        let session = Session::new(link.unwrap(), Tagger::new(Dialect::Csync), Arc::new(Silent));
        let peer = std::thread::spawn(move || {
            let mut said = Vec::new();
            for line in BufReader::new(theirs.try_clone().unwrap()).lines() {
                said.push(line.unwrap());
                (&theirs).write_all(b"OK success\r\n").unwrap();
            }
            said
        });
        (Lane::new(session).unwrap(), peer)
    }

    #[test]
    fn staged_files_are_released_when_no_task_needs_them() {
        let (mut lane, peer) = lane();
        let (one, other) = (lane.begin_task(), lane.begin_task());
        let ticket = lane.submit(Command::Restart).unwrap();
        assert!(lane.wait(ticket).unwrap().items.is_empty());
        assert_eq!(one.restarts(), 0, "another task goes on");
        drop(one);
        let mut get = |name: &str| {
            let ticket = lane.submit(Command::GetUser(&name.into())).unwrap();
            lane.wait(ticket).unwrap();
        };
        get("a");
        drop(other);
        get("b");
        let next = lane.begin_task();
        assert_eq!(next.restarts(), 1);
        drop((next, lane));
        assert_eq!(peer.join().unwrap(), ["GET USER a", "RESTART", "GET USER b"]);
    }

    #[test]
    fn a_new_task_waits_for_an_overdue_release_but_not_for_a_long_task() {
        let (mut lane, peer) = lane();
        let (one, other) = (lane.begin_task(), lane.begin_task());
        lane.submit(Command::Restart).unwrap();
        let new = lane.begin_task();
        assert_eq!(new.restarts(), 0, "it is not overdue yet");
        drop((one, new));
        let overdue = |pause| {
            let mut state = lane.0.state.lock();
            (state.restart_due, state.pause) = (Some(Instant::now()), pause);
        };
        overdue(Duration::from_millis(100));
        // The other task does not end meanwhile.
        let new = lane.begin_task();
        assert!(lane.0.state.lock().restart_due.is_some_and(|due| due > Instant::now()));
        assert_eq!(new.restarts(), 0);
        drop(new);

        overdue(Duration::from_secs(600));
        let (begun, began) = mpsc::channel();
        let beginning = lane.clone();
        let waiting = std::thread::spawn(move || {
            let task = beginning.begin_task();
            begun.send(()).unwrap();
            task.restarts()
        });
        began.recv_timeout(Duration::from_millis(100)).expect_err("it waits");
        drop(other);
        assert_eq!(waiting.join().unwrap(), 1);
        let ticket = lane.submit(Command::GetUser(&"a".into())).unwrap();
        lane.wait(ticket).unwrap();
        drop(lane);
        assert_eq!(peer.join().unwrap(), ["RESTART", "GET USER a"]);
    }
}
