//! The tasks of an executor: ready to run, running, or deferred after a failure. Pure: no I/O, no
//! clock.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use super::log::entry::LogEntry;
use super::retry::{self, Why};
use super::state::{self, MOST_DEFERRED, State};
use super::step::{Moment, Work};
use super::task::{Goal, Owner, Task, WorkerId};
use crate::error::Error;
use crate::types::{Backlog, UserId};

/// The maximum number of further users whose state a worker requests from the replica in advance.
/// Their tasks then start without waiting for a reply.
const USERS_AHEAD: usize = 3;

/// The state of the workers, as far as it affects which task a worker gets.
#[derive(Clone, Copy)]
pub struct Crowd<'c> {
    /// The number of connected workers.
    pub size: usize,
    /// Whether the worker may get a task that lost its connection. Such a task is retried with
    /// care: each mailbox is completed before the next one begins.
    pub careful: bool,
    /// Returns whether a worker has been busy for so long that other workers may take the users
    /// that it has reserved.
    pub is_stuck: &'c dyn Fn(WorkerId) -> bool,
}

/// A task that can run.
#[derive(Debug)]
struct Ready {
    task: Task,
    /// The worker that has reserved this task: it has already requested the user's state from the
    /// replica.
    worker: Option<WorkerId>,
}

/// A task that failed and waits for its next attempt.
#[derive(Debug)]
struct Deferred {
    task: Task,
    why: Why,
    error: Error,
    since: Moment,
    due: Moment,
}

impl Deferred {
    fn described(&self) -> state::Deferred {
        state::Deferred {
            items: self.task.goal.entries().iter().map(LogEntry::text).collect(),
            tries: self.task.tries,
            due: self.due,
            error: self.error.clone(),
        }
    }
}

/// Adds the state of all tasks to a status report.
pub fn describe(queue: &Queue, state: &mut State) {
    state.queued = queue.backlog();
    state.owners = queue.tasks().flat_map(|task| task.owners.iter()).map(Owner::mark).collect();
    state.oldest = queue.tasks().filter_map(|task| task.logged).min();
    state.running = queue.running.iter().filter_map(|(_, task)| task.goal.first()).collect();
    let (failed, locked): (Vec<&Deferred>, Vec<&Deferred>) =
        queue.deferred.iter().partition(|deferred| deferred.why == Why::Failed);
    state.deferred_count = queue.deferred.len() as u64;
    state.locked_count = locked.len() as u64;
    let deferred = failed.into_iter().chain(locked).take(MOST_DEFERRED);
    state.deferred = deferred.map(Deferred::described).collect();
}

/// The tasks of one executor. Tasks with the same owner never run at the same time.
#[derive(Debug, Default)]
pub struct Queue {
    ready: VecDeque<Ready>,
    running: Vec<(WorkerId, Task)>,
    deferred: Vec<Deferred>,
    /// Number of tasks that had no number when they were started. This is the next number.
    begun: u64,
}

impl Queue {
    /// Adds a task at the end of the ready tasks.
    pub fn push(&mut self, task: Task) {
        self.ready.push_back(Ready { task, worker: None });
    }

    /// Returns how many tasks could be started at the same time, up to `most`.
    pub fn startable(&self, most: usize) -> usize {
        self.startable_of(most, |_| true)
    }

    /// Like [`Queue::startable`], but counts only tasks that a free worker could start at present.
    /// Reserved tasks count only if the worker that reserved them is stuck. Tasks that are retried
    /// with care count only if `careful` is set.
    pub fn startable_now(&self, most: usize, Crowd { careful, is_stuck, .. }: Crowd<'_>) -> usize {
        self.startable_of(most, |ready| {
            (careful || !ready.task.again) && ready.worker.is_none_or(is_stuck)
        })
    }

    fn startable_of(&self, most: usize, may: impl Fn(&Ready) -> bool) -> usize {
        let mut held: Vec<&Owner> =
            self.running.iter().flat_map(|(_, task)| task.owners.iter()).collect();
        let mut count = 0;
        for ready in self.ready.iter().filter(|ready| may(ready)) {
            if count == most {
                break;
            }
            let waits = !ready.task.waits_for.is_empty() && !self.is_free(ready);
            if !waits && !ready.task.owners.iter().any(|owner| held.contains(&owner)) {
                held.extend(ready.task.owners.iter());
                count += 1;
            }
        }
        count
    }

    /// Starts the first task that this worker may run. Returns `None` if there is no such task.
    pub fn start(&mut self, worker: WorkerId, crowd: Crowd<'_>) -> Option<Work> {
        let Ready { mut task, .. } = self.ready.remove(self.first_for(worker, crowd)?)?;
        let care = std::mem::take(&mut task.care);
        let goal = task.goal.clone();
        let number = *task.number.get_or_insert_with(|| {
            self.begun += 1;
            self.begun - 1
        });
        let looks_ahead = matches!(*goal, Goal::User(_)) && !task.again;
        self.running.push((worker, task));
        let most = USERS_AHEAD.min(self.ready.len() / crowd.size.max(1));
        let ahead = if looks_ahead { self.ask_ahead(worker, most) } else { Vec::new() };
        Some(Work { number, goal, care, ahead })
    }

    /// Finds the first task that is free or that this worker has reserved. If there is no such
    /// task, finds the first one that a stuck worker has reserved.
    fn first_for(&self, worker: WorkerId, crowd: Crowd<'_>) -> Option<usize> {
        let may = |ready: &Ready| crowd.careful || !ready.task.again;
        let stuck = |ready: &Ready| ready.worker.is_some_and(|other| (crowd.is_stuck)(other));
        let own = self.ready.iter().position(|ready| may(ready) && self.may_run(ready, worker));
        let others = |ready| may(ready) && stuck(ready) && self.is_free(ready);
        own.or_else(|| self.ready.iter().position(others))
    }

    fn may_run(&self, ready: &Ready, worker: WorkerId) -> bool {
        ready.worker.is_none_or(|other| other == worker) && self.is_free(ready)
    }

    /// Returns whether a task can start: no running task has the same owner, and no running task is
    /// one that it waits for.
    fn is_free(&self, ready: &Ready) -> bool {
        let held = |owner: &Owner| self.running.iter().any(|(_, task)| task.owners.contains(owner));
        let waits_for = &ready.task.waits_for;
        let is_awaited = |task: &Task| task.number.is_some_and(|n| waits_for.contains(&n));
        !ready.task.owners.iter().any(held)
            && (waits_for.is_empty() || !self.running.iter().any(|(_, task)| is_awaited(task)))
    }

    /// Reserves the next users for this worker: users that it has reserved already, and further
    /// ones up to `most` in total.
    fn ask_ahead(&mut self, worker: WorkerId, most: usize) -> Vec<UserId> {
        let mut users = Vec::new();
        for at in 0..self.ready.len() {
            let Some(ready) = self.ready.get(at).filter(|ready| self.may_run(ready, worker)) else {
                continue;
            };
            let Goal::User(user) = &*ready.task.goal else { break };
            // Users that this worker reserved earlier stay reserved.
            if users.len() >= most && ready.worker.is_none() {
                break;
            }
            users.push(user.clone());
            if let Some(ready) = self.ready.get_mut(at) {
                ready.worker = Some(worker);
            }
        }
        users
    }

    /// Removes the running task of this worker and returns it.
    pub fn end(&mut self, worker: WorkerId) -> Option<Task> {
        let at = self.running.iter().position(|(running, _)| *running == worker)?;
        Some(self.running.swap_remove(at).1)
    }

    /// Puts a task back as the first ready task.
    pub fn put_back(&mut self, task: Task) {
        self.ready.push_front(Ready { task, worker: None });
    }

    /// Puts a task back as the first ready task. It waits until all running tasks have ended,
    /// because one of them holds a user or mailbox that it needs.
    pub fn put_off(&mut self, task: Task) {
        let waits_for = self.running.iter().filter_map(|(_, task)| task.number).collect();
        self.put_back(Task { waits_for, ..task });
    }

    /// Returns whether no task is ready or running.
    pub fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.running.is_empty()
    }

    /// Returns whether a ready or running task is one that is retried with care.
    pub fn has_careful(&self) -> bool {
        let ready = self.ready.iter().map(|ready| &ready.task);
        ready.chain(self.running.iter().map(|(_, task)| task)).any(|task| task.again)
    }

    /// Returns whether a ready task is reserved by a worker.
    pub fn has_reserved(&self) -> bool {
        self.ready.iter().any(|ready| ready.worker.is_some())
    }

    /// Returns how many tasks are ready.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Defers a task after an error. Returns the pause before its next attempt.
    pub fn defer(&mut self, task: Task, error: Error, now: Moment) -> Duration {
        let why = Why::of(&error);
        let pause = retry::pause(why, task.tries);
        let due = now.saturating_add(pause);
        self.deferred.push(Deferred { task, why, error, since: now, due });
        pause
    }

    /// Makes deferred tasks ready whose pause is over.
    pub fn make_due(&mut self, now: Moment) {
        let due = self.deferred.extract_if(.., |deferred| deferred.due <= now);
        self.ready.extend(due.map(|deferred| Ready { task: deferred.task, worker: None }));
    }

    /// Returns when the next pause of a deferred task ends.
    pub fn next_due(&self) -> Option<Moment> {
        self.deferred.iter().map(|deferred| deferred.due).min()
    }

    /// Removes the entries from `entries` that are deferred already. Otherwise a failing mailbox
    /// would be retried with every new message. The next attempt of such a deferred task is at the
    /// latest 15 seconds after its failure, because something has changed.
    pub fn absorb(&mut self, entries: &mut Vec<LogEntry>) {
        if self.deferred.is_empty() {
            return;
        }
        let new: HashSet<&LogEntry> = entries.iter().collect();
        let mut known: HashSet<LogEntry> = HashSet::new();
        for deferred in &mut self.deferred {
            let Goal::Entries(waiting) = &*deferred.task.goal else { continue };
            let before = known.len();
            known.extend(waiting.iter().filter(|entry| new.contains(entry)).cloned());
            if known.len() > before {
                deferred.due = deferred.due.min(deferred.since.saturating_add(retry::hastened()));
            }
        }
        entries.retain(|entry| !known.contains(entry));
    }

    /// Returns how many tasks are deferred because of locks, and how many because of failures.
    pub fn deferred(&self) -> (usize, usize) {
        let locked = self.deferred.iter().filter(|deferred| deferred.why == Why::Locked).count();
        (locked, self.deferred.len() - locked)
    }

    /// Returns the number of entries and users of all tasks.
    pub fn backlog(&self) -> Backlog {
        let entries: usize = self.tasks().map(|task| task.goal.count()).sum();
        let users: HashSet<&Owner> = self.tasks().flat_map(|task| task.owners.iter()).collect();
        Backlog { entries: entries as u64, users: users.len() as u64 }
    }

    /// Returns all tasks: running, ready and deferred.
    fn tasks(&self) -> impl Iterator<Item = &Task> {
        let running = self.running.iter().map(|(_, task)| task);
        let ready = self.ready.iter().map(|ready| &ready.task);
        running.chain(ready).chain(self.deferred.iter().map(|deferred| &deferred.task))
    }

    /// Returns the entries of all tasks, in the format of a log.
    pub fn pending(&self) -> Vec<u8> {
        let mut pending = Vec::new();
        self.tasks().for_each(|task| task.goal.write(&mut pending));
        pending
    }

    /// Removes all tasks.
    pub fn clear(&mut self) {
        *self = Queue::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::names::Namespace;
    use crate::settings;

    fn names() -> Namespace {
        Namespace::new(&settings::tests::of("").naming)
    }

    fn entries(mailboxes: &[&str]) -> Vec<LogEntry> {
        mailboxes.iter().map(|name| LogEntry::Mailbox((*name).into())).collect()
    }

    fn task(mailboxes: &[&str], tries: u32) -> Task {
        Task { tries, ..Task::new(Goal::Entries(entries(mailboxes)), &names()) }
    }

    fn locked() -> Error {
        Error::new(Kind::Locked, "lock", "fred", "somebody else has it")
    }

    fn failed() -> Error {
        Error::new(Kind::Corrupt, "open mailbox", "fred", "bad")
    }

    fn user(name: &str) -> Task {
        Task::new(Goal::User(name.into()), &names())
    }

    /// Starts a task. Returns its entries, and the users to request in advance.
    fn start(queue: &mut Queue, worker: WorkerId) -> Option<(String, Vec<String>)> {
        let crowd = Crowd { size: 1, careful: true, is_stuck: &|_| true };
        let work = queue.start(worker, crowd)?;
        let text: Vec<String> = work.goal.entries().iter().map(ToString::to_string).collect();
        Some((text.join(", "), work.ahead.iter().map(ToString::to_string).collect()))
    }

    fn text(work: Option<(String, Vec<String>)>) -> Option<String> {
        work.map(|(text, _)| text)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn tasks_of_one_owner_never_run_at_once_and_the_rest_is_free() {
        let mut queue = Queue::default();
        for mailboxes in [&["user.a"][..], &["user.a.x"], &["shared.x"], &["shared.y"], &["user.b"]]
        {
            queue.push(task(mailboxes, 0));
        }
        queue.push(task(&["user.b.x", "user.c"], 0));
        assert_eq!(text(start(&mut queue, 0)).unwrap(), "MAILBOX user.a");
        assert_eq!(text(start(&mut queue, 1)).unwrap(), "MAILBOX shared.x", "user.a is held");
        assert_eq!(text(start(&mut queue, 2)).unwrap(), "MAILBOX user.b");
        assert!(queue.startable(9) == 0 && start(&mut queue, 3).is_none(), "all others are held");
        queue.end(0).unwrap();
        assert_eq!(text(start(&mut queue, 0)).unwrap(), "MAILBOX user.a.x");
        queue.end(2).unwrap();
        assert_eq!(text(start(&mut queue, 2)).unwrap(), "MAILBOX user.b.x, MAILBOX user.c");
        assert_eq!(queue.running.len(), 3);
    }

    #[test]
    fn users_are_requested_ahead_by_the_worker_that_replicates_them() {
        let mut queue = Queue::default();
        ["a", "b", "c", "d", "e", "f"].iter().for_each(|name| queue.push(user(name)));
        let ahead = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let first = start(&mut queue, 0).unwrap();
        assert_eq!(first, ("USER a".to_owned(), ahead(&["b", "c", "d"])));
        let other = start(&mut queue, 1).unwrap();
        assert_eq!(other, ("USER e".to_owned(), ahead(&["f"])), "b, c and d are another's");
        queue.end(0).unwrap();
        assert_eq!(start(&mut queue, 0).unwrap(), ("USER b".to_owned(), ahead(&["c", "d"])));
        let again = Task { again: true, ..queue.end(0).unwrap() };
        queue.put_back(again);
        let with_care = start(&mut queue, 0).unwrap();
        assert_eq!(with_care, ("USER b".to_owned(), ahead(&[])), "nothing but itself");
    }

    #[test]
    fn a_due_task_is_returned_once() {
        let mut queue = Queue::default();
        queue.defer(task(&["user.locked"], 1), locked(), Moment::ZERO);
        queue.defer(task(&["user.failed"], 2), failed(), Moment::ZERO);
        assert_eq!(queue.next_due(), Some(SECOND));
        assert_eq!(queue.deferred(), (1, 1));
        queue.make_due(SECOND / 2);
        assert_eq!(queue.ready(), 0);
        queue.make_due(SECOND);
        assert_eq!(text(start(&mut queue, 0)).unwrap(), "MAILBOX user.locked");
        assert_eq!(queue.end(0).unwrap().tries, 1);
        assert_eq!(queue.next_due(), Some(30 * SECOND));
        queue.make_due(30 * SECOND);
        assert_eq!(text(start(&mut queue, 0)).unwrap(), "MAILBOX user.failed");
        assert_eq!(queue.deferred(), (0, 0));
    }

    #[test]
    fn news_of_what_waits_hastens_it_but_is_no_other_try() {
        let mut queue = Queue::default();
        queue.defer(task(&["user.a", "user.b"], 5), failed(), Moment::ZERO);
        queue.defer(task(&["user.c"], 5), failed(), Moment::ZERO);
        let mut new = entries(&["user.x", "user.b"]);
        queue.absorb(&mut new);
        assert_eq!(new, entries(&["user.x"]));
        assert_eq!(queue.next_due(), Some(15 * SECOND));
        queue.make_due(15 * SECOND);
        start(&mut queue, 0).unwrap();
        queue.end(0).unwrap();
        assert_eq!(queue.pending(), b"MAILBOX user.c\n");
        assert_eq!(queue.deferred(), (0, 1));
    }

    #[test]
    fn all_that_is_not_done_is_written_whatever_it_waits_for() {
        let mut queue = Queue::default();
        queue.defer(task(&["user.deferred"], 1), failed(), Moment::ZERO);
        queue.push(task(&["user.running"], 0));
        queue.push(task(&["user.ready"], 0));
        start(&mut queue, 0).unwrap();
        let pending = "MAILBOX user.running\nMAILBOX user.ready\nMAILBOX user.deferred\n";
        assert_eq!(queue.pending(), pending.as_bytes());
    }

    #[test]
    fn failed_tasks_are_listed_before_locked_ones() {
        let mut queue = Queue::default();
        for number in 0..2 * MOST_DEFERRED {
            queue.defer(task(&[&format!("user.{number}")], 1), locked(), Moment::ZERO);
        }
        queue.defer(task(&["user.failed"], 1), failed(), Moment::ZERO);
        let mut state = State::default();
        describe(&queue, &mut state);
        assert_eq!(state.deferred.len(), MOST_DEFERRED);
        assert_eq!(state.deferred[0].items, ["MAILBOX user.failed"]);
        let locked = 2 * MOST_DEFERRED as u64;
        assert_eq!((state.deferred_count, state.locked_count), (locked + 1, locked));
    }
}
