//! The real environment: workers, the system's clock, notifications of changed files, and
//! [`Cancel`].

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
use super::outcome::{Outcome, Undone};
use super::plan::OnStep;
use super::settled;
use super::state::State;
use super::step::{Asked, Input, Moment, Wait, Work};
use super::task::{Goal, WorkerId};
use super::voices::cannot_wait;
use super::worker::Shared;
use crate::events::{Act, Event, Item, Observer, PlannedStep, RunEvent, Settled};
use crate::sync::{Cancel, Offer};

/// The longest wait without checking the clock.
const LONGEST: Moment = Moment::from_secs(24 * 3600);

/// A callback for the final result of a task.
pub type OnSettled<'c> = dyn FnMut(&Goal, Vec<Undone>) + 'c;

/// The shortest interval between reports of the machine's state, unless something urgent happened.
const REPORT: Moment = Moment::from_secs(1);

/// A callback for the machine's state and the current moment.
pub type OnState = dyn Fn(State, Moment);

/// The parts that only rolling replication has.
pub struct RollingEnv {
    /// Reports when something is logged.
    pub watch: Watch,
    /// A file whose existence asks the daemon to end.
    pub shutdown_file: Option<PathBuf>,
    /// Receives the state of the daemon.
    pub on_state: Box<OnState>,
}

/// When the machine's state was reported.
#[derive(Default)]
struct Reported {
    last: Option<Moment>,
    /// Whether the state may have changed since then.
    is_stale: bool,
    /// Whether the change is urgent.
    is_urgent: bool,
}

/// The real environment of one client.
pub struct Real<'w, 'h> {
    shared: &'w Shared,
    hands: Box<dyn Hands + 'w>,
    floor: Floor<Line>,
    /// The worker whose task has just ended. Its final messages still belong to that task.
    ended: Option<WorkerId>,
    /// The task of each worker, in rolling mode: the results of its items are reported from it.
    rolled: HashMap<WorkerId, Arc<Goal>>,
    hear: Hear<'h>,
    rolling: Option<RollingEnv>,
    reported: Reported,
    begin: Instant,
    asked: Signals,
}

/// Callbacks for the results of tasks.
pub struct Hear<'c> {
    /// What the run does with its tasks.
    pub act: Act,
    /// Called for each planned step, when tasks are only planned.
    pub plan: Option<&'c mut OnStep<'c>>,
    /// Called with the result of each task.
    pub settled: &'c mut OnSettled<'c>,
}

/// A message of a task.
enum Line {
    Event(Box<Event>),
    Step(PlannedStep),
    Settled(Arc<Goal>, Vec<Undone>),
    Item(Box<Settled>),
}

/// The requests from outside that were already passed on.
struct Signals {
    cancel: Cancel,
    wakes: u32,
    stop: bool,
    file: bool,
}

impl Signals {
    /// Returns whether there may be a new request. Does not check the shutdown file.
    fn is_there(&self) -> bool {
        self.cancel.wakes() != self.wakes || !self.stop && self.cancel.is_finishing()
    }

    /// Returns a request that was not passed on yet, the strongest first.
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

    /// Returns the same environment with a watch on the channel's log.
    #[must_use]
    pub fn rolling(self, rolling: RollingEnv) -> Real<'w, 'h> {
        Real { rolling: Some(rolling), ..self }
    }

    /// Adds a message of a worker's task, which is passed on when it is that task's turn.
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
                Line::Settled(goal, undone) => self.pass_on(&goal, undone),
                Line::Item(item) => self.shared.observer.settled(&item),
            }
        }
    }

    /// Passes on the result of a task. Tasks with log entries and planned tasks have no final
    /// event.
    fn pass_on(&mut self, goal: &Goal, undone: Vec<Undone>) {
        let tally = self.shared.observer.tally();
        if matches!(goal, Goal::User(_) | Goal::Meta(_)) {
            tally.user_ended();
        }
        undone.iter().for_each(|undone| tally.failed(undone.error.kind()));
        let observer = &self.shared.observer;
        settled::items(self.hear.act, goal, &undone, &mut |item| observer.settled(&item));
        if self.hear.plan.is_none() && !matches!(goal, Goal::Entries(_)) {
            let error = undone.first().map(|undone| undone.error.clone());
            let item = Item::new(goal.subject(), error.map_or(Ok(()), Err));
            self.shared.observer.pass_on(&Event::Ended(item));
        }
        (self.hear.settled)(goal, undone);
    }

    /// Handles messages of workers until one of them is an input for the machine.
    fn ended(&mut self) -> Option<Input> {
        while let Some(said) = self.hands.take() {
            match said {
                // This is about an additional connection. It is made like the first one, so it is
                // not reported.
                Said::Event(worker, _) if worker > 0 && !self.floor.has(worker) => {}
                Said::Event(_, event) if cannot_wait(&event) => {
                    self.shared.observer.pass_on(&event);
                }
                Said::Event(worker, event) => self.say(worker, Line::Event(event)),
                Said::Offered(worker, offer) => return Some(Input::Offered(worker, offer)),
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
                    // Stop all other workers too.
                    self.asked.cancel.cancel();
                    resume_unwind(panic);
                }
            }
        }
        None
    }

    /// Reports what of a task is done, while rolling. What is left for later is reported when that
    /// is decided.
    fn rolled(&mut self, input: &Input) {
        let Input::Ended(worker, attempt) = input else { return };
        let (Some(goal), Outcome::Done(undone)) = (self.rolled.remove(worker), &attempt.outcome)
        else {
            return;
        };
        settled::items(Act::Replicate, &goal, undone, &mut |item| {
            if item.outcome.error().is_none() {
                self.say(*worker, Line::Item(Box::new(item)));
            }
        });
    }

    /// Returns when the machine's state must be reported, even if nothing happens.
    fn next_report(&self) -> Option<Moment> {
        let Reported { last, is_stale, is_urgent } = self.reported;
        let pause = if is_urgent { Moment::ZERO } else { REPORT };
        (is_stale && self.rolling.is_some()).then(|| last.map_or(Moment::ZERO, |at| at + pause))
    }

    /// Waits. Returns `None` if there is a request or a message of a worker.
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

/// Returns whether a status report should show this event soon.
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
        // The worker's previous task is over once it starts this one.
        self.ended = self.ended.filter(|ended| *ended != worker);
        self.put_out(lines);
        if self.rolling.is_some() {
            self.rolled.insert(worker, work.goal.clone());
        }
        self.hands.order(worker, Order::Run(Box::new(work)));
    }

    fn help(&mut self, worker: WorkerId, other: WorkerId, offer: Offer) {
        self.hands.order(worker, Order::Help(other, offer));
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

    fn tell(&mut self, event: &Event) {
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
                items.iter().for_each(|item| self.shared.observer.settled(item));
            }
        }
    }

    fn end(&mut self) {
        let lines = self.floor.all();
        self.put_out(lines);
    }

    fn settled(&mut self, goal: &Arc<Goal>, undone: Vec<Undone>) {
        match self.ended {
            Some(worker) => self.say(worker, Line::Settled(goal.clone(), undone)),
            None => self.pass_on(goal, undone),
        }
    }
}
