//! Writes the status file of a channel during rolling replication.

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

/// The maximum time between two writes of the file.
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
    /// The file for metrics, if one is configured.
    pub metrics: Option<PathBuf>,
}

/// Writes the status file. A thread of its own does this, because the main thread may be busy for a
/// long time. The last write records that no client is working on the channel.
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
    /// When the first entry of the last log was written. The last log is the one that was taken
    /// over most recently.
    last_log: Option<SystemTime>,
    is_new: bool,
    is_over: bool,
    /// Whether the next client in this process continues at once, and writes the file itself.
    is_handed_over: bool,
    /// Whether this client is ending because of a panic.
    is_broken: bool,
}

impl Keeper {
    /// Starts the thread that writes the file. If no thread can be started, there is no status
    /// file.
    pub fn start(
        places: Places,
        replica: &ReplicaName,
        names: &Namespace,
        (meter, observer): (Arc<Meter>, Arc<Voices>),
        silence: Option<Silence>,
    ) -> Keeper {
        // Write at once, because an earlier client may have left a file.
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
    /// Ends without a last write, because the next client in this process continues at once.
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
    /// Looks for mail that is not logged. `None` once an entry was logged.
    silence: Option<Silence>,
    log: Counter,
    work: Counter,
    /// The last status. Its backlog does not include entries that are only in the log.
    status: Status,
    /// Hashes of the owners of entries that were taken over.
    owners: HashSet<u64>,
    meter: Arc<Meter>,
    /// The value of [`Meter::beats`] at the last write.
    beats: u64,
    observer: Arc<Voices>,
    /// The current name of the thread.
    name: String,
    /// The last error of writing the file, if it was reported and still persists.
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

    /// Reports once if mail arrives but is not logged.
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
            self.observer.event(&RunEvent::MailNotLogged { mailbox, path, time }.into());
        }
    }

    /// Waits until it is time to write the file. Returns whether the work file was not read yet,
    /// and whether the next write is the last one.
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
            // The daemon does not report a check that finds nothing to do, so record it here.
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

    /// Sets the name of this thread to the client's state, which `ps -L` and `top -H` display. The
    /// name of the process does not change, because scripts search for it.
    fn show(&mut self, name: String) {
        if self.name != name {
            // Ignore errors here: some systems do not have this file.
            let _ = fs::write("/proc/thread-self/comm", &name);
            self.name = name;
        }
    }

    /// Returns the number of users with pending entries.
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
    /// Takes over the daemon's state, except what only this status knows.
    fn take_state(&mut self, state: Status) {
        let known = std::mem::replace(self, state);
        (self.server, self.channel) = (known.server, known.channel);
        (self.pid, self.started) = (known.pid, known.started);
        self.last_success = self.last_success.or(known.last_success);
    }
}

/// Converts the daemon's state to a status. Times become times of day. Fields that the daemon does
/// not know stay empty.
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
    fn the_last_status_reports_no_rolling_client_unless_another_keeper_follows() {
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
