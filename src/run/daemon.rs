//! Rolling replication (`do_daemon` in Cyrus's `imap/sync_client.c`). The daemon takes over a
//! channel's log, runs the tasks in the log, and waits for new entries. The entries of a failed
//! task stay in the work file, and the task is retried after growing pauses. Other tasks continue
//! meanwhile. Pure: a state machine without I/O and clock.

use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use super::executor::{Executor, Settled};
use super::grouping;
use super::hand_over::{HandOver, TakeOver};
use super::log::entry::LogEntry;
use super::log::read::Logged;
use super::outcome::{Ended, Pending};
use super::queue;
use super::rules::Rules;
use super::state::State;
use super::step::{Action, Asked, Input, LogAction, Machine, Moment, Step, Then, Wait};
use super::task::{Goal, Task, WorkerId};
use crate::error::{Error, Kind, Result};
use crate::events::RunEvent;
use crate::names::Namespace;
use crate::sync::TICK;
use crate::types::ReplicaName;

/// The interval between checks for the shutdown file.
const LOOK: Duration = Duration::from_millis(1_100);
/// The interval between checks of the log if the system reports changes. Checks are needed because
/// the system may miss a change.
const LOOK_FOR_LOG: Duration = Duration::from_secs(10);
/// The shortest interval between writes of the remaining entries of a long log to disk.
const NOTE_EVERY: Duration = Duration::from_secs(2);
/// A change counts as complete if no further entry is logged within this time.
const QUIET: Duration = Duration::from_millis(5);
/// The maximum number of waits for further entries of a change.
const QUIET_TRIES: u32 = 3;
/// A worker disconnects after this idle time. The last connected worker stays connected.
const LEAVE: Duration = Duration::from_secs(30);
/// Pause after a failure to write the log or the work file.
const DISK_PAUSE: Duration = Duration::from_secs(10);

/// The phase of the daemon.
#[derive(Debug)]
enum Phase {
    /// Waiting for the first connection. No log is read before there is a connection.
    Connecting,
    /// Reading the work file that an earlier client left behind.
    Reading,
    /// Taking over the log and running tasks.
    Rolling,
    /// Waiting until all workers are idle.
    Ending {
        /// The result. `None` if `Daemon::asked` decides the result.
        how: Option<Result<Ended>>,
        /// Whether an attempt was made to write the pending entries to disk.
        is_noted: bool,
    },
}

/// Rolling replication of one channel.
#[derive(Debug)]
pub struct Daemon<'n> {
    rules: Rules,
    names: &'n Namespace,
    executor: Executor,
    log: HandOver,
    phase: Phase,
    /// The strongest request from outside (stop, wake up) so far.
    asked: Option<Asked>,
    /// Whether a take-over of the log was ever started.
    taken: bool,
    /// When the log was last taken over.
    last_take: Option<Moment>,
    /// When the log was last found empty. `None` after a report that something was logged.
    missed: Option<Moment>,
    /// Number of further waits for more entries after something was logged.
    quiet_tries: u32,
    /// When the pending entries were last written to disk.
    last_noted: Moment,
    /// Whether the pending entries may differ from those on disk.
    is_stale: bool,
    /// The worker that tells the replica to release its staged files because the time of `-t` is
    /// over.
    releasing: Option<WorkerId>,
    /// Whether the replica ended the last session with `BYE`.
    goodbye: bool,
    /// When a task last succeeded completely, or the log was last found empty with no task left.
    last_success: Option<Moment>,
    /// When the first entry of the log that was last taken over was written.
    last_log: Option<SystemTime>,
}

impl<'n> Daemon<'n> {
    /// Makes a daemon in its initial state.
    ///
    /// `replica` and `work`, the path of the work file, are for messages.
    pub fn new(
        rules: Rules,
        names: &'n Namespace,
        replica: &ReplicaName,
        work: PathBuf,
    ) -> Daemon<'n> {
        Daemon {
            rules,
            names,
            executor: Executor::new(rules.jobs, rules.open, rules.policy(), replica),
            log: HandOver::new(work),
            phase: Phase::Connecting,
            asked: None,
            taken: false,
            last_take: None,
            missed: None,
            quiet_tries: 0,
            last_noted: Moment::ZERO,
            is_stale: false,
            releasing: None,
            goodbye: false,
            last_success: None,
            last_log: None,
        }
    }

    fn note_input(&mut self, now: Moment, input: Input, out: &mut Vec<Action>) {
        match input {
            Input::Started => {}
            Input::Connected(worker, result) => {
                let connected = self.executor.connected(worker, result, now, self.goodbye, out);
                connected.unwrap_or_else(|error| self.not_connected(error, out));
            }
            Input::Ended(worker, attempt) => {
                if let Some(settled) = self.executor.ended(worker, attempt, now, out) {
                    self.settled(settled, now, out);
                }
            }
            Input::Released(worker, result) => {
                self.executor.team.released(worker, result.is_ok());
                match result {
                    Err(error) if is_cancelled(&error) => self.end(None),
                    Err(error) => notify(RunEvent::ReleaseFailed { error }, out),
                    Ok(()) if self.releasing == Some(worker) => {
                        self.releasing = None;
                        notify(RunEvent::StagedFilesReleased, out);
                    }
                    Ok(()) => {}
                }
            }
            Input::LogTaken(taken) => {
                let taken = self.log.taken(taken, self.executor.queue.pending(), now, out);
                self.taken_over(taken, now, out);
            }
            Input::PutBack(result) if self.log.is_giving_back() => {
                match self.log.given_back(result) {
                    Ok(()) => self.executor.queue.clear(),
                    Err(error) => self.fail(error),
                }
            }
            Input::PutBack(result) => {
                let taken = self.log.put_back(result, now, out);
                self.taken_over(taken, now, out);
            }
            Input::WorkRead(entries) => {
                let taken = self.log.work_read(entries);
                self.taken_over(taken, now, out);
            }
            Input::Noted(kept) => match self.log.noted(kept, out) {
                Err(error) if self.is_ending() || is_cancelled(&error) => self.fail(error),
                Err(error) => notify(RunEvent::UnfinishedNotSaved { error }, out),
                Ok(()) => {}
            },
            Input::Logged => {
                self.missed = None;
                // One change writes several entries in quick succession. Wait for all of them, so
                // that they are taken over together.
                self.quiet_tries = match self.quiet_tries {
                    _ if self.rules.sync_repeat_interval.is_zero() => 0,
                    0 => QUIET_TRIES,
                    tries => tries - 1,
                };
            }
            Input::TimeOver => self.quiet_tries = 0,
            Input::Counted(logged) => self.executor.remind(logged, now, out),
            Input::Measured(done) => self.executor.measured(done, now),
            Input::Offered(worker, parts) => self.executor.offered(worker, parts),
            Input::Asked(asked) => {
                self.asked = self.asked.max(Some(asked));
                self.end(None);
            }
        }
    }

    fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Ending { .. })
    }

    /// Starts to end with this result, unless the daemon is ending already.
    fn end(&mut self, how: Option<Result<Ended>>) {
        if !self.is_ending() {
            self.phase = Phase::Ending { how, is_noted: false };
        }
    }

    /// Ends with this error of the files, unless another error came first. If a stop ended a wait
    /// for the files, the daemon stops. The files are unchanged.
    fn fail(&mut self, error: Error) {
        let is_stop = is_cancelled(&error);
        self.asked = self.asked.max(is_stop.then_some(Asked::Stop));
        let end = (!is_stop).then_some(Err(error));
        match &mut self.phase {
            Phase::Ending { how: Some(Err(_)), .. } => {}
            Phase::Ending { how, .. } => *how = end,
            _ => self.end(end),
        }
    }

    fn not_connected(&mut self, error: Error, out: &mut Vec<Action>) {
        if is_cancelled(&error) {
            self.end(None);
        } else if self.goodbye && error.is_connection() {
            notify(RunEvent::ReplicaGone { error }, out);
            self.end(Some(Ok(Ended::Goodbye)));
        } else {
            self.end(Some(Err(error)));
        }
    }

    fn settled(&mut self, settled: Settled, now: Moment, out: &mut Vec<Action>) {
        self.is_stale = true;
        match settled {
            Settled::Done(task, pending) => {
                if pending.is_empty() {
                    self.last_success = Some(now);
                }
                pending.into_iter().for_each(|pending| self.defer(&task, pending, now, out));
            }
            Settled::Lost(task, error) => {
                let pending = Pending::whole(&task.goal, error);
                self.goodbye = pending.error.kind() == Kind::Bye;
                self.defer(&task, pending, now, out);
            }
            Settled::Again(kind) => self.goodbye = kind == Kind::Bye,
            Settled::Stopped(_) => self.end(None),
        }
    }

    fn defer(&mut self, task: &Task, pending: Pending, now: Moment, out: &mut Vec<Action>) {
        let Pending { mut items, error } = pending;
        let queue = &mut self.executor.queue;
        queue.absorb(&mut items);
        if items.is_empty() {
            return;
        }
        let tries = task.tries + 1;
        let left = items.iter().map(LogEntry::text).collect();
        let goal = Goal::Entries(items);
        let task = Task { tries, logged: task.logged, ..Task::new(goal, self.names) };
        let next = queue.defer(task, error.clone(), now);
        notify(RunEvent::LeftForLater { items: left, tries, next, error }, out);
    }

    /// Handles a step of a take-over, or the contents of the work file of an earlier client.
    fn taken_over(&mut self, result: Result<TakeOver>, now: Moment, out: &mut Vec<Action>) {
        match result {
            Ok(TakeOver::Goes) => {}
            Ok(TakeOver::Nothing) => {
                self.missed = Some(now);
                let queue = &self.executor.queue;
                if queue.is_idle() && queue.deferred() == (0, 0) {
                    self.last_success = Some(now);
                }
            }
            Ok(TakeOver::Entries(logged)) => self.enqueue(logged, now),
            Err(error) if self.rules.rolling_once || is_cancelled(&error) => self.fail(error),
            Err(error) if matches!(self.phase, Phase::Reading) => self.fail(error),
            // The disk may be full. The log is unchanged, so no entry is lost.
            Err(error) => {
                notify(RunEvent::LogNotTaken { error }, out);
                self.last_take = Some(now.saturating_add(DISK_PAUSE));
            }
        }
    }

    fn enqueue(&mut self, logged: Logged, now: Moment) {
        let Logged { mut entries, mut since } = logged;
        if matches!(self.phase, Phase::Reading) {
            // The work file may be younger than its entries, because they were copied from an older
            // file.
            since = [since, self.rules.waiting_since].into_iter().flatten().min();
        }
        self.executor.queue.absorb(&mut entries);
        for goal in grouping::goals(entries, self.names) {
            self.executor.queue.push(Task { logged: since, ..Task::new(goal, self.names) });
        }
        self.log.queued(self.executor.queue.pending());
        self.is_stale = true;
        self.last_noted = now;
        if matches!(self.phase, Phase::Reading) {
            self.phase = Phase::Rolling;
        } else {
            self.last_take = Some(now);
            self.last_log = since;
        }
    }
}

/// Decisions about the next actions.
impl Daemon<'_> {
    fn proceed(&mut self, now: Moment, out: &mut Vec<Action>) -> Then<Ended> {
        if self.executor.is_reminder_due(now) && !self.is_ending() {
            let work = !matches!(self.phase, Phase::Rolling);
            out.push(Action::Log(LogAction::Count { work }));
            return Then::Wait(Wait { until: None, log: false });
        }
        if self.log.is_busy() {
            return Then::Wait(Wait { until: None, log: false });
        }
        match self.phase {
            Phase::Connecting if self.executor.connect_first(now, out) => {
                self.phase = Phase::Reading;
                out.push(Action::Log(self.log.read_first()));
            }
            Phase::Rolling => self.roll(now, out),
            _ => {}
        }
        if self.is_ending() && !self.log.is_busy() {
            return self.finish(out);
        }
        Then::Wait(self.wait(now))
    }

    fn roll(&mut self, now: Moment, out: &mut Vec<Action>) {
        if let Some(note) = self.note_if_due(now) {
            out.push(Action::Log(note));
            return;
        }
        if self.executor.queue.is_idle() && self.executor.team.release_staged(out) {
            return;
        }
        if self.executor.is_hungry() && self.may_take(now) {
            self.taken = true;
            out.push(Action::Log(self.log.take(self.executor.queue.pending())));
            return;
        }
        self.executor.queue.make_due(now);
        if !self.executor.queue.is_idle() {
            self.executor.dispatch(now, out);
        } else if let Some(restore) = self.restore_if_due(now) {
            out.push(Action::Log(restore));
        } else {
            self.rest(now, out);
        }
    }

    fn note_if_due(&mut self, now: Moment) -> Option<LogAction> {
        let is_due = now.saturating_sub(self.last_noted) >= NOTE_EVERY;
        if !self.is_stale || !(is_due || self.executor.queue.is_idle()) {
            return None;
        }
        self.is_stale = false;
        self.last_noted = now;
        self.log.note(self.executor.queue.pending())
    }

    /// Checks at most every two seconds that the work file still exists, because another client may
    /// remove it.
    fn restore_if_due(&mut self, now: Moment) -> Option<LogAction> {
        if now.saturating_sub(self.last_noted) < NOTE_EVERY {
            return None;
        }
        self.last_noted = now;
        self.log.restore()
    }

    fn may_take(&self, now: Moment) -> bool {
        if self.rules.rolling_once {
            return !self.taken;
        }
        let is_too_soon = self.next_take().is_some_and(|next| now < next);
        // The system usually reports when something is logged, so check rarely.
        let look = if self.rules.is_blind { TICK } else { LOOK_FOR_LOG };
        let looked = self.missed.is_some_and(|at| now < at.saturating_add(look));
        !is_too_soon && !looked && self.quiet_tries == 0
    }

    fn next_take(&self) -> Option<Moment> {
        self.last_take.map(|last| last.saturating_add(self.rules.sync_repeat_interval))
    }

    /// Handles idle time: disconnects idle workers, ends a run with `rolling_once`, and has staged
    /// files released after the time of `-t`.
    fn rest(&mut self, now: Moment, out: &mut Vec<Action>) {
        self.executor.leave_idle(LEAVE, now, out);
        let after = self.rules.release_staged_after;
        if self.rules.rolling_once {
            let (deferred, failed) = self.executor.queue.deferred();
            self.end(Some(Ok(Ended::Once { deferred, failed })));
            let pending = self.executor.queue.pending();
            if pending.is_empty() || self.log.is_lent() {
                self.executor.queue.clear();
            } else {
                out.push(Action::Log(self.log.give_back(pending)));
            }
        } else if !after.is_zero() {
            // The request to release files also shows whether the replica is still reachable.
            let releasing = self.executor.team.release_older(after, now, out);
            self.releasing = releasing.or(self.releasing);
        }
    }

    /// Ends the run once all workers are idle, and writes the pending entries to disk first. If
    /// this write fails, the old file stays in place.
    fn finish(&mut self, out: &mut Vec<Action>) -> Then<Ended> {
        let waits = Then::Wait(Wait { until: None, log: false });
        let ended_by = self.ended_by();
        let Phase::Ending { how, is_noted } = &mut self.phase else { return waits };
        self.executor.team.abandon(out);
        if !self.executor.team.is_at_rest() {
            return waits;
        }
        if how.is_none() && self.executor.team.release_staged(out) {
            return waits;
        }
        if !*is_noted {
            *is_noted = true;
            let note = self.log.note(self.executor.queue.pending());
            if let Some(note) = note.or_else(|| self.log.restore()) {
                out.push(Action::Log(note));
                return waits;
            }
        }
        Then::End(how.take().unwrap_or(Ok(ended_by)))
    }

    fn ended_by(&self) -> Ended {
        match self.asked {
            Some(Asked::WakeUp) => Ended::Woken,
            Some(Asked::ShutdownFile) => Ended::ShutdownFile,
            Some(Asked::Stop) | None => Ended::Stopped,
        }
    }

    /// Returns how long to wait and whether a change of the log ends the wait.
    fn wait(&self, now: Moment) -> Wait {
        if self.quiet_tries > 0 {
            return Wait { until: Some(now.saturating_add(QUIET)), log: true };
        }
        let look = match (self.rules.is_blind, self.rules.has_shutdown_file) {
            (true, _) => TICK,
            (false, true) => LOOK,
            (false, false) => LOOK_FOR_LOG,
        };
        let free = self.next_take().filter(|next| *next > now);
        let after = self.rules.release_staged_after;
        let queue = &self.executor.queue;
        // Workers disconnect, and the replica releases files, only while there is no task to run.
        let team = Some(&self.executor.team).filter(|_| queue.is_idle());
        let release = team.filter(|_| !after.is_zero()).and_then(|team| team.next_release(after));
        let leave = team.and_then(|team| team.next_leave(LEAVE));
        let moments = [free, release, leave, queue.next_due(), self.executor.next_turn(now)];
        let until = moments.into_iter().flatten().fold(now.saturating_add(look), Moment::min);
        // Changes of the log end the wait only if the log can be taken over.
        Wait { until: Some(until), log: free.is_none() && self.executor.is_hungry() }
    }
}

fn is_cancelled(error: &Error) -> bool {
    error.kind() == Kind::Cancelled
}

fn notify(event: RunEvent, out: &mut Vec<Action>) {
    out.push(Action::Notify(event.into()));
}

impl Machine for Daemon<'_> {
    type End = Ended;

    fn step(&mut self, now: Moment, input: Input) -> Step<Ended> {
        let mut actions = Vec::new();
        self.executor.team.end_pauses(now);
        self.note_input(now, input, &mut actions);
        let then = self.proceed(now, &mut actions);
        Step { actions, then }
    }

    fn state(&self) -> Option<State> {
        let mut state = State {
            contact: self.executor.contact.clone(),
            has_unread: matches!(self.phase, Phase::Connecting | Phase::Reading),
            last_success: self.last_success,
            last_log: self.last_log,
            ..State::default()
        };
        queue::describe(&self.executor.queue, &mut state);
        Some(state)
    }
}
