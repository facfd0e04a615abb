//! The real environment of a run: workers, the system's clock, notifications of changed files, and
//! requests through [`Cancel`].

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::env::Env;
use super::floor::Floor;
use super::hands::{Hands, Order};
use super::inbox::Said;
use super::log::watch::Watch;
use super::outcome::{Outcome, Pending};
use super::plan::OnStep;
use super::settled;
use super::state::State;
use super::step::{Asked, Input, Moment, Wait, Work};
use super::task::{Goal, WorkerId};
use super::voices::cannot_wait;
use super::worker::Shared;
use crate::events::{Act, Event, FinishedItem, Item, Observer, PlannedStep, RunEvent};
use crate::sync::{Cancel, SharedParts};

/// The maximum duration of a wait without a time limit.
const LONGEST: Moment = Moment::from_secs(24 * 3600);

/// A callback for the final result of a task.
pub type OnSettled<'c> = dyn FnMut(&Goal, Vec<Pending>) + 'c;

/// The minimum interval between reports of the daemon's state. A replica that becomes unreachable
/// or reachable is reported earlier.
const REPORT: Moment = Moment::from_secs(1);

/// A callback that receives the daemon's state and the current time.
pub type OnState = dyn Fn(State, Moment);

/// The parts of the environment that only rolling replication uses.
pub struct RollingEnv {
    /// Reports when something is logged.
    pub watch: Watch,
    /// The shutdown file. The daemon ends once it exists. `None` if no such file is configured.
    pub shutdown_file: Option<PathBuf>,
    /// Receives the state of the daemon for status reports.
    pub on_state: Box<OnState>,
    /// The number of calls of [`Cancel::wake`] before the daemon was started.
    pub wakes: u32,
}

/// When the daemon's state was last reported, and whether it must be reported again.
#[derive(Default)]
struct Reported {
    last: Option<Moment>,
    /// Whether the state may have changed since the last report.
    is_stale: bool,
    /// Whether the next report must not wait for the interval.
    is_urgent: bool,
}

/// The real environment of a run.
pub struct Real<'w, 'h> {
    shared: &'w Shared,
    hands: Box<dyn Hands + 'w>,
    floor: Floor<Line>,
    /// The worker whose task has ended last. Further messages about this task may follow.
    ended: Option<WorkerId>,
    /// The running task of each worker, only in rolling mode. It is needed to report the results of
    /// the entries.
    rolled: HashMap<WorkerId, Arc<Goal>>,
    hear: Hear<'h>,
    rolling: Option<RollingEnv>,
    reported: Reported,
    begin: Instant,
    asked: Signals,
}

/// Callbacks for the results of tasks.
pub struct Hear<'c> {
    /// What is done with the tasks: replicate, plan or verify.
    pub act: Act,
    /// Called for each planned step. `None` unless tasks are planned.
    pub plan: Option<&'c mut OnStep<'c>>,
    /// Called with the result of each task.
    pub settled: &'c mut OnSettled<'c>,
}

/// A message about a task, for the observer or for a callback.
enum Line {
    Event(Box<Event>),
    Step(PlannedStep),
    Settled(Arc<Goal>, Vec<Pending>),
    Item(Box<FinishedItem>),
}

/// The requests from outside that were already returned as an input.
struct Signals {
    cancel: Cancel,
    wakes: u32,
    stop: bool,
    file: bool,
}

impl Signals {
    /// Returns whether there may be a new request. The shutdown file is not checked.
    fn is_there(&self) -> bool {
        self.cancel.wakes() != self.wakes || !self.stop && self.cancel.is_finishing()
    }

    /// Returns the strongest new request, or `None`. `shutdown_file` is the path to check.
    fn next(&mut self, shutdown_file: Option<&Path>) -> Option<Asked> {
        if !self.file && shutdown_file.is_some_and(Path::exists) {
            self.file = true;
            return Some(Asked::ShutdownFile);
        }
        if !self.stop && self.cancel.is_finishing() {
            self.stop = true;
            return Some(Asked::Stop);
        }
        let wakes = self.cancel.wakes();
        if self.wakes != wakes {
            self.wakes = wakes;
            return Some(Asked::WakeUp);
        }
        None
    }
}

impl<'w, 'h> Real<'w, 'h> {
    /// Makes the environment of a batch.
    pub fn new(shared: &'w Shared, hands: Box<dyn Hands + 'w>, hear: Hear<'h>) -> Real<'w, 'h> {
        let cancel = shared.cancel.clone();
        let asked = Signals { wakes: cancel.wakes(), cancel, stop: false, file: false };
        Real {
            shared,
            hands,
            floor: Floor::new(),
            ended: None,
            rolled: HashMap::new(),
            hear,
            rolling: None,
            reported: Reported::default(),
            begin: Instant::now(),
            asked,
        }
    }

    /// Returns the same environment, extended for rolling replication.
    #[must_use]
    pub fn rolling(self, rolling: RollingEnv) -> Real<'w, 'h> {
        let asked = Signals { wakes: rolling.wakes, ..self.asked };
        Real { rolling: Some(rolling), asked, ..self }
    }

    /// Adds a message about a worker's task. It is reported when the messages of all earlier tasks
    /// have been reported.
    fn say(&mut self, worker: WorkerId, line: Line) {
        let lines = self.floor.say(worker, line);
        self.put_out(lines);
    }

    fn put_out(&mut self, lines: Vec<Line>) {
        for line in lines {
            match line {
                Line::Event(event) => self.shared.observer.pass_on(&event),
                Line::Step(step) => {
                    if let Some(each) = &mut self.hear.plan {
                        each(&step);
                    }
                }
                Line::Settled(goal, pending) => self.pass_on(&goal, pending),
                Line::Item(item) => self.shared.observer.item_finished(&item),
            }
        }
    }

    /// Reports the result of a task to the observer and to the caller. Tasks with log entries and
    /// planned tasks have no `Ended` event.
    fn pass_on(&mut self, goal: &Goal, pending: Vec<Pending>) {
        let tally = self.shared.observer.tally();
        if matches!(goal, Goal::User(_) | Goal::Meta(_)) {
            tally.user_ended();
        }
        pending.iter().for_each(|pending| tally.failed(pending.error.kind()));
        let observer = &self.shared.observer;
        settled::items(self.hear.act, goal, &pending, &mut |item| observer.item_finished(&item));
        if self.hear.plan.is_none() && !matches!(goal, Goal::Entries(_)) {
            let error = pending.first().map(|pending| pending.error.clone());
            let item = Item::new(goal.subject(), error.map_or(Ok(()), Err));
            self.shared.observer.pass_on(&Event::Ended(item));
        }
        (self.hear.settled)(goal, pending);
    }

    /// Handles messages of workers. Returns the first one that is an input for the machine, or
    /// `None` if there are no more messages.
    fn ended(&mut self) -> Option<Input> {
        while let Some(said) = self.hands.take() {
            match said {
                // The worker has no task yet, so this event is about an additional connection. Only
                // events about the first connection are reported.
                Said::Event(worker, _) if worker > 0 && !self.floor.has(worker) => {}
                Said::Event(_, event) if cannot_wait(&event) => {
                    self.shared.observer.pass_on(&event);
                }
                Said::Event(worker, event) => self.say(worker, Line::Event(event)),
                Said::Offered(worker, parts) => return Some(Input::Offered(worker, parts)),
                Said::Part(worker, of) => {
                    let lines = self.floor.begin_part(worker, of);
                    self.put_out(lines);
                }
                Said::Ended(input, steps) => {
                    if let Input::Ended(worker, _) = input {
                        steps.into_iter().for_each(|step| self.say(worker, Line::Step(step)));
                        self.rolled(&input);
                        self.ended = Some(worker);
                    }
                    return Some(input);
                }
                Said::Panicked(panic) => {
                    // A worker has panicked. Stop all other workers too.
                    self.asked.cancel.cancel();
                    resume_unwind(panic);
                }
            }
        }
        None
    }

    /// Reports the entries of an ended task that are done, in rolling mode. The failed ones are
    /// reported when they are deferred.
    fn rolled(&mut self, input: &Input) {
        let Input::Ended(worker, attempt) = input else { return };
        let (Some(goal), Outcome::Done(pending)) = (self.rolled.remove(worker), &attempt.outcome)
        else {
            return;
        };
        settled::items(Act::Replicate, &goal, pending, &mut |item| {
            if item.outcome.error().is_none() {
                self.say(*worker, Line::Item(Box::new(item)));
            }
        });
    }

    /// Returns when the next report of the daemon's state is due. Returns `None` if the state has
    /// not changed.
    fn next_report(&self) -> Option<Moment> {
        let Reported { last, is_stale, is_urgent } = self.reported;
        let pause = if is_urgent { Moment::ZERO } else { REPORT };
        (is_stale && self.rolling.is_some()).then(|| last.map_or(Moment::ZERO, |at| at + pause))
    }

    /// Waits until the given time. Returns `None` if there is a request or a message of a worker.
    fn wait(&mut self, wait: Wait) -> Option<Input> {
        let left = |until: Moment| until.saturating_sub(self.begin.elapsed());
        let until = [wait.until, self.next_report()].into_iter().flatten().min();
        let time = until.map_or(LONGEST, left);
        let (hands, asked) = (&self.hands, &self.asked);
        let is_there = || hands.has_news() || asked.is_there();
        let cancel = &asked.cancel;
        let is_logged = match &mut self.rolling {
            Some(rolling) if wait.log => rolling.watch.wait(time, cancel, &is_there),
            _ => cancel.wait_until(None, time, &is_there),
        };
        if is_logged {
            Some(Input::Logged)
        } else if is_there() {
            None
        } else {
            Some(Input::TimeOver)
        }
    }
}

/// Returns whether an event changes the status so much that it is reported at once.
fn matters_at_once(event: &Event) -> bool {
    let Event::Run(event) = event else { return false };
    matches!(event, RunEvent::ConnectFailed { .. } | RunEvent::ReachableAgain { .. })
}

impl Env for Real<'_, '_> {
    fn now(&mut self) -> Moment {
        self.begin.elapsed()
    }

    fn connect(&mut self, worker: WorkerId) {
        self.hands.order(worker, Order::Connect);
    }

    fn run(&mut self, worker: WorkerId, work: Work) {
        let lines = self.floor.begin(worker, work.number);
        // A new task of this worker: no further message about its previous task follows.
        self.ended = self.ended.filter(|ended| *ended != worker);
        self.put_out(lines);
        if self.rolling.is_some() {
            self.rolled.insert(worker, work.goal.clone());
        }
        self.hands.order(worker, Order::Run(Box::new(work)));
    }

    fn help(&mut self, worker: WorkerId, other: WorkerId, parts: SharedParts) {
        self.hands.order(worker, Order::Help(other, parts));
    }

    fn recall(&mut self, worker: WorkerId) {
        self.hands.recall(worker);
    }

    fn release(&mut self, worker: WorkerId) {
        self.hands.order(worker, Order::Release);
    }

    fn abandon(&mut self, worker: WorkerId) {
        self.hands.abandon(worker);
    }

    fn leave(&mut self, worker: WorkerId) {
        self.hands.order(worker, Order::Leave);
    }

    fn exchanged(&mut self) -> u64 {
        self.shared.meter.read()
    }

    fn next(&mut self, wait: Wait) -> Input {
        if let Some(worker) = self.ended.take() {
            let lines = self.floor.end(worker);
            self.put_out(lines);
        }
        loop {
            let rolling = self.rolling.as_ref();
            let file = rolling.and_then(|rolling| rolling.shutdown_file.as_deref());
            if let Some(asked) = self.asked.next(file) {
                return Input::Asked(asked);
            }
            if let Some(input) = self.ended() {
                return input;
            }
            if let Some(input) = self.wait(wait) {
                return input;
            }
        }
    }

    fn report(&mut self, news: bool, state: &dyn Fn() -> Option<State>) {
        let Some(rolling) = &self.rolling else { return };
        self.shared.meter.beat();
        self.reported.is_stale |= news;
        let now = self.begin.elapsed();
        if self.next_report().is_some_and(|at| at <= now)
            && let Some(state) = state()
        {
            (rolling.on_state)(state, now);
            self.reported = Reported { last: Some(now), ..Reported::default() };
        }
    }

    fn notify(&mut self, event: &Event) {
        self.reported.is_urgent |= matters_at_once(event);
        let is_of_task = matches!(
            event,
            Event::Run(RunEvent::TryingAgain { .. } | RunEvent::LeftForLater { .. })
        );
        let items = match event {
            Event::Run(RunEvent::LeftForLater { items, error, .. }) => {
                settled::failed(items, error)
            }
            _ => Vec::new(),
        };
        match self.ended.filter(|_| is_of_task) {
            Some(worker) => {
                self.shared.observer.tally().note(event);
                self.say(worker, Line::Event(Box::new(event.clone())));
                items.into_iter().for_each(|item| self.say(worker, Line::Item(Box::new(item))));
            }
            None => {
                self.shared.observer.event(event);
                items.iter().for_each(|item| self.shared.observer.item_finished(item));
            }
        }
    }

    fn end(&mut self) {
        let lines = self.floor.all();
        self.put_out(lines);
    }

    fn settled(&mut self, goal: &Arc<Goal>, pending: Vec<Pending>) {
        match self.ended {
            Some(worker) => self.say(worker, Line::Settled(goal.clone(), pending)),
            None => self.pass_on(goal, pending),
        }
    }
}
