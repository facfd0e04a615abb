//! Shares one session between several tasks. While a task waits for a reply, other tasks send their
//! commands. Replies come in the order of the commands, and each task finds its own by ticket.
//!
//! The first task that waits reads for all. Others can send commands meanwhile.

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

/// The ticket of a command that was not sent. Tickets of a session count from zero.
const LEFT_OUT: Ticket = Ticket(u64::MAX);

struct State {
    session: Session,
    /// Whether a task is reading for all.
    is_read: bool,
    /// The number of tasks that use the session.
    tasks: usize,
    /// The number of requests to the replica to release its staged files.
    restarts: u64,
    /// Whether to send this request as soon as no task needs the staged files.
    restart_is_due: bool,
}

impl State {
    fn submit(&mut self, command: Command<'_>) -> Result<Ticket> {
        if matches!(command, Command::Restart) {
            self.restarts += 1;
            self.restart_is_due = false;
        }
        self.session.submit(command)
    }

    fn end_task(&mut self) {
        self.tasks -= 1;
        // If this fails, the session ends, and the replica releases its staged files anyway.
        if self.tasks == 0
            && self.restart_is_due
            && let Ok(ticket) = self.submit(Command::Restart)
        {
            self.session.discard(ticket);
        }
    }
}

struct Shared {
    state: Mutex<State>,
    /// Signals that replies have arrived, or that nobody reads any more.
    came: Condvar,
    /// The session's socket, for waiting.
    socket: Socket,
}

/// A handle to a shared session.
#[derive(Clone)]
pub struct Lane(Arc<Shared>);

impl Lane {
    /// Makes a session shareable.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new(session: Session) -> Result<Lane> {
        let socket = session.link.socket.try_clone().map_err(|error| {
            Error::new(Kind::Connect, "share connection to", session.link.name(), error.to_string())
        })?;
        let state = Mutex::new(State {
            session,
            is_read: false,
            tasks: 0,
            restarts: 0,
            restart_is_due: false,
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

    /// Starts a task. It ends when the returned value is dropped.
    pub fn begin_task(&self) -> OneTask {
        self.0.state.lock().tasks += 1;
        OneTask(self.0.clone())
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
    /// Returns the number of requests to the replica to release its staged files. If it has
    /// changed, files staged before are gone. While other tasks run, only this task itself can
    /// change it.
    pub fn restarts(&self) -> u64 {
        self.0.state.lock().restarts
    }
}

impl Drop for OneTask {
    fn drop(&mut self) {
        self.0.state.lock().end_task();
    }
}

impl Replica for Lane {
    /// Sends a command. Staged files belong to all tasks of the session. If other tasks are
    /// running, `Restart` is delayed until the last task has ended.
    fn submit(&mut self, command: Command<'_>) -> Result<Ticket> {
        let mut state = self.0.state.lock();
        if matches!(command, Command::Restart) && state.tasks > 1 {
            state.restart_is_due = true;
            return Ok(LEFT_OUT);
        }
        let before = state.session.pipeline.len();
        let submitted = state.submit(command);
        if submitted.is_err() || state.session.pipeline.len() != before + 1 {
            // Replies for other tasks have arrived.
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
                // Another task may have to read from now on.
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
            // Wake the others only if a reply has arrived, or if nobody reads for them any more.
            if progress.is_err() || state.session.pipeline.len() != before {
                came.notify_all();
            }
            // More bytes than those handled so far may have arrived.
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

    use super::super::dialect::{Dialect, Tagger};
    use super::super::link::Link;
    use super::*;
    use crate::error::Peer;
    use crate::events::Silent;

    #[test]
    fn what_is_staged_is_released_once_no_task_needs_it() {
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
        let mut lane = Lane::new(session).unwrap();
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
}
