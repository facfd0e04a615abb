//! Keeps the status file of a channel while a client rolls.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};

use super::silence::Silence;
use crate::error::Error;
use crate::events::{Observer, RunEvent};
use crate::names::Namespace;
use crate::run::contact;
use crate::run::interrupt::Meter;
use crate::run::log::backlog::Counter;
use crate::run::real::OnState;
use crate::run::state::{self, State};
use crate::run::step::Moment;
use crate::run::voices::Voices;
use crate::status::{Contact, Deferred, Status, brief, file, metrics, unix_seconds};
use crate::types::{Backlog, ReplicaName};

/// Longest time between two writes of the file.
const EVERY: Duration = Duration::from_secs(5);

/// The paths of a channel's logs, status file and metrics.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The log.
    pub log: PathBuf,
    /// The work file.
    pub work: PathBuf,
    /// The status file.
    pub status: PathBuf,
    /// A file for metrics.
    pub metrics: Option<PathBuf>,
}

/// Writes the status file from a thread of its own, because the thread that rolls may be busy for
/// long. In the end it records in the file that no client rolls any more.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    known: Mutex<Known>,
    changed: Condvar,
}

/// The last state that the daemon reported.
#[derive(Default)]
struct Known {
    state: Option<Status>,
    owners: HashSet<u64>,
    has_unread: bool,
    /// When the log that was last taken over was begun.
    last_log: Option<SystemTime>,
    is_new: bool,
    is_over: bool,
    /// Whether another keeper follows at once.
    is_handed_over: bool,
    /// Whether it ends because of a bug.
    is_broken: bool,
}

impl Keeper {
    /// Starts the thread that keeps the file. If the system cannot start a thread, there is no
    /// status file.
    pub fn start(
        places: Places,
        replica: &ReplicaName,
        names: &Namespace,
        (meter, observer): (Arc<Meter>, Arc<Voices>),
        silence: Option<Silence>,
    ) -> Keeper {
        // Write at once: the file of an earlier client is no longer valid.
        let known = Known { is_new: true, ..Known::default() };
        let shared = Arc::new(Shared { known: Mutex::new(known), changed: Condvar::new() });
        let writer = Writer {
            shared: shared.clone(),
            log: Counter::new(&places.log, names),
            work: Counter::new(&places.work, names),
            silence,
            log_path: places.log,
            path: places.status,
            metrics: places.metrics,
            status: Status {
                pid: Some(process::id()),
                started: Some(unix_seconds(SystemTime::now())),
                ..Status::unknown(&replica.server, replica.channel.as_deref())
            },
            owners: HashSet::new(),
            meter,
            beats: 0,
            observer,
            name: String::new(),
            failed: None,
        };
        let spawned = Builder::new().name("status".into()).spawn(move || writer.run());
        Keeper { shared, thread: spawned.ok() }
    }

    /// Returns the callback that receives the daemon's state.
    pub fn listener(&self) -> Box<OnState> {
        let shared = self.shared.clone();
        Box::new(move |state, now| {
            let (has_unread, last_log) = (state.has_unread, state.last_log);
            let mut known = shared.known.lock();
            known.owners.clone_from(&state.owners);
            known.state = Some(described(state, now));
            known.has_unread = has_unread;
            known.last_log = last_log;
            known.is_new = true;
            shared.changed.notify_one();
        })
    }
}

impl Keeper {
    /// Ends without a last write, because another keeper follows at once.
    pub fn hand_over(self) {
        self.shared.known.lock().is_handed_over = true;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let mut known = self.shared.known.lock();
        (known.is_over, known.is_broken) = (true, thread::panicking());
        drop(known);
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Writer {
    shared: Arc<Shared>,
    log_path: PathBuf,
    path: PathBuf,
    metrics: Option<PathBuf>,
    /// Looks for unlogged mail, as long as nothing was logged.
    silence: Option<Silence>,
    log: Counter,
    work: Counter,
    /// The last status, without the entries that are only logged.
    status: Status,
    /// The marks of the owners of the entries that are taken over.
    owners: HashSet<u64>,
    meter: Arc<Meter>,
    /// The meter's count at the last write.
    beats: u64,
    observer: Arc<Voices>,
    /// The name of the thread.
    name: String,
    /// Why the file could not be written, if that has been reported.
    failed: Option<String>,
}

impl Writer {
    fn run(mut self) {
        loop {
            let (has_unread, is_over) = self.wait();
            if !(is_over && self.shared.known.lock().is_handed_over) {
                self.write(has_unread, is_over);
            }
            if is_over {
                return;
            }
            self.look_for_silence();
        }
    }

    /// Reports once if mail comes in and no program logs it.
    fn look_for_silence(&mut self) {
        let Some(silence) = &mut self.silence else { return };
        let now = Instant::now();
        let last_log = self.shared.known.lock().last_log;
        if silence.is_broken_by(last_log) || silence.is_broken_by(self.log.since()) {
            self.silence = None;
        } else if let Some(mailbox) = silence.unlogged(now) {
            let time = silence.age();
            let path = self.log_path.clone();
            self.silence = None;
            self.observer.event(&RunEvent::NobodyLogs { mailbox, path, time }.into());
        }
    }

    /// Waits until the file must be written. Returns whether to count the work file, and whether
    /// this was the last write.
    fn wait(&mut self) -> (bool, bool) {
        let mut known = self.shared.known.lock();
        if !known.is_new && !known.is_over {
            self.shared.changed.wait_for(&mut known, EVERY);
        }
        known.is_new = false;
        if let Some(state) = known.state.take() {
            self.status.take_state(state);
            self.owners = std::mem::take(&mut known.owners);
        }
        (known.has_unread, known.is_over)
    }

    fn write(&mut self, has_unread: bool, is_over: bool) {
        let logged = self.log.count();
        let left = if has_unread { self.work.count() } else { Backlog::default() };
        let since = [self.log.since(), self.work.since().filter(|_| has_unread)];
        let since = since.into_iter().flatten().map(unix_seconds);
        let mut status = self.status.clone();
        status.written = unix_seconds(SystemTime::now());
        status.oldest = since.chain(status.oldest).min();
        status.backlog = Backlog {
            entries: status.backlog.entries + logged.entries + left.entries,
            users: self.users(has_unread),
        };
        let is_idle = status.backlog.entries == 0 && status.deferred_count == 0;
        if is_idle && matches!(status.contact, Contact::Connected { .. }) {
            // A check that finds nothing to do is not reported each time.
            status.last_success = Some(status.written);
        }
        let tally = self.observer.tally();
        status.totals = tally.totals();
        status.failures_by_kind = tally.failures_by_kind();
        if is_over {
            status.ended = !self.shared.known.lock().is_broken;
            status.pid = None;
            status.contact = Contact::Unknown;
            status.running = Vec::new();
        }
        let beats = self.meter.beats();
        let is_alive = std::mem::replace(&mut self.beats, beats) != beats;
        self.observer.status(&status, is_alive);
        self.show(brief(&status, status.written));
        let written = file::write(&self.path, &status);
        let metrics = self.metrics.as_ref();
        let metrics = metrics.map_or(Ok(()), |p| metrics::write(p, &status, status.written));
        match written.and(metrics) {
            Ok(()) => self.failed = None,
            Err(error) => self.report(error),
        }
    }

    /// Gives this thread a name that shows the client's state, so that `ps -L` and `top -H` display
    /// it. The process keeps its name, by which scripts find it.
    fn show(&mut self, name: String) {
        if self.name != name {
            // Systems without this file do not display the name.
            let _ = fs::write("/proc/thread-self/comm", &name);
            self.name = name;
        }
    }

    /// Returns the number of users whose entries wait.
    fn users(&self, has_unread: bool) -> u64 {
        let left = has_unread.then(|| self.work.users().iter()).into_iter().flatten();
        let others = self.log.users().iter().chain(left);
        let others: HashSet<&u64> = others.filter(|mark| !self.owners.contains(mark)).collect();
        (self.owners.len() + others.len()) as u64
    }

    fn report(&mut self, error: Error) {
        let reason = error.to_string();
        if self.failed.as_ref() != Some(&reason) {
            self.failed = Some(reason);
            self.observer.event(&RunEvent::StatusNotWritten { error }.into());
        }
    }
}

impl Status {
    /// Takes over the daemon's state.
    fn take_state(&mut self, state: Status) {
        let known = std::mem::replace(self, state);
        (self.server, self.channel) = (known.server, known.channel);
        (self.pid, self.started) = (known.pid, known.started);
        self.last_success = self.last_success.or(known.last_success);
    }
}

/// Converts a state to a status with times of day; unknown fields stay empty.
fn described(state: State, now: Moment) -> Status {
    let clock = SystemTime::now();
    let at = |moment: Moment| {
        let time = if moment <= now {
            clock.checked_sub(now - moment)
        } else {
            clock.checked_add(moment - now)
        };
        unix_seconds(time.unwrap_or(clock))
    };
    let contact = match state.contact {
        contact::Contact::Unknown => Contact::Unknown,
        contact::Contact::Reached { since } => Contact::Connected { since: at(since) },
        contact::Contact::Lost(outage) => Contact::Unreachable {
            since: at(outage.since),
            attempts: outage.attempts,
            next: outage.next.map(at),
            reason: outage.error.to_string(),
        },
    };
    let deferred = |task: state::Deferred| Deferred {
        items: task.items.iter().map(ToString::to_string).collect(),
        tries: task.tries,
        next: at(task.due),
        reason: task.error.to_string(),
        is_locked: task.error.kind().is_locked(),
    };
    Status {
        contact,
        oldest: state.oldest.map(unix_seconds),
        backlog: state.queued,
        running: state.running.iter().map(ToString::to_string).collect(),
        deferred: state.deferred.into_iter().map(deferred).collect(),
        deferred_count: state.deferred_count,
        locked_count: state.locked_count,
        last_success: state.last_success.map(at),
        ..Status::unknown("", None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Silent;
    use crate::settings;

    #[test]
    fn the_file_says_at_the_end_that_nobody_rolls_unless_another_keeper_follows() {
        let dir = tempfile::tempdir().unwrap();
        let [log, work, status] =
            ["log", "log-run", "log-status"].map(|name| dir.path().join(name));
        let settings = settings::tests::of("sync_host: mx2\n");
        let names = Namespace::new(&settings.naming);
        let start = || {
            let (log, work, status) = (log.clone(), work.clone(), status.clone());
            let places = Places { log, work, status, metrics: None };
            let observer = Arc::new(Voices::new(Arc::new(Silent)));
            let replica = settings.replication.replica_name();
            Keeper::start(places, &replica, &names, (Arc::default(), observer), None)
        };
        let is_there = || {
            while !status.exists() {
                thread::yield_now();
            }
        };
        let pid = || file::read(&status).unwrap().unwrap().pid;
        let keeper = start();
        is_there();
        keeper.hand_over();
        assert_eq!(pid(), Some(process::id()));
        drop(start());
        assert_eq!(pid(), None);
    }
}
