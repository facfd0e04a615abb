//! The real world: workers, the system's clock, its notice of changed files, and [`Cancel`].

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::env::Env;
use super::floor::Floor;
use super::hands::{Hands, Order};
use super::inbox::Said;
use super::log::watch::Watch;
use super::outcome::Undone;
use super::plan::OnStep;
use super::state::State;
use super::step::{Asked, Input, Moment, Wait, Work};
use super::task::{Goal, WorkerId};
use super::voices::cannot_wait;
use super::worker::Shared;
use crate::events::{Event, Item, Observer, PlannedStep, RunEvent};
use crate::sync::{Cancel, Offer};

/// Longest wait without a look at the clock.
const LONGEST: Moment = Moment::from_secs(24 * 3600);

/// Takes the final outcome of a task.
pub type OnSettled<'c> = dyn FnMut(&Goal, Vec<Undone>) + 'c;

/// How often what the machine is at is reported, unless it is something that matters at once.
const REPORT: Moment = Moment::from_secs(1);

/// Takes what the machine is at, and the present moment.
pub type OnState = dyn Fn(State, Moment);

/// What only rolling replication has.
pub struct RollingEnv {
    /// Tells that something was logged.
    pub watch: Watch,
    /// A file that asks for the end by being there.
    pub shutdown_file: Option<PathBuf>,
    /// Takes what the daemon is at.
    pub on_state: Box<OnState>,
}

/// What of the machine's state was reported.
#[derive(Default)]
struct Reported {
    last: Option<Moment>,
    /// Whether it may be another by now.
    is_stale: bool,
    /// Whether that matters at once.
    is_urgent: bool,
}

/// The real world of one client.
pub struct Real<'w, 'h> {
    shared: &'w Shared,
    hands: Box<dyn Hands + 'w>,
    floor: Floor<Line>,
    /// The worker whose task ended last: what is said of that still belongs to it.
    ended: Option<WorkerId>,
    hear: Hear<'h>,
    rolling: Option<RollingEnv>,
    reported: Reported,
    begin: Instant,
    asked: Signals,
}

/// Who takes what comes of tasks.
pub struct Hear<'c> {
    /// What would be done for a task, where nothing is done.
    pub plan: Option<&'c mut OnStep<'c>>,
    /// How a task ended.
    pub settled: &'c mut OnSettled<'c>,
}

/// What is said of a task.
enum Line {
    Event(Box<Event>),
    Step(PlannedStep),
    Settled(Arc<Goal>, Vec<Undone>),
}

/// What was passed on of what others ask for.
struct Signals {
    cancel: Cancel,
    wakes: u32,
    stop: bool,
    file: bool,
}

impl Signals {
    /// Whether there may be something, but for the shutdown file.
    fn is_there(&self) -> bool {
        self.cancel.nudges() != self.wakes || !self.stop && self.cancel.is_finishing()
    }

    /// What somebody asks for that was not passed on yet, the strongest first.
    fn next(&mut self, shutdown_file: Option<&Path>) -> Option<Asked> {
        if !self.file && shutdown_file.is_some_and(Path::exists) {
            self.file = true;
            return Some(Asked::ShutdownFile);
        }
        if !self.stop && self.cancel.is_finishing() {
            self.stop = true;
            return Some(Asked::Stop);
        }
        let wakes = self.cancel.nudges();
        if self.wakes != wakes {
            self.wakes = wakes;
            return Some(Asked::WakeUp);
        }
        None
    }
}

impl<'w, 'h> Real<'w, 'h> {
    /// The world of a batch.
    pub fn new(shared: &'w Shared, hands: Box<dyn Hands + 'w>, hear: Hear<'h>) -> Real<'w, 'h> {
        let cancel = shared.cancel.clone();
        let asked = Signals { wakes: cancel.nudges(), cancel, stop: false, file: false };
        Real {
            shared,
            hands,
            floor: Floor::new(),
            ended: None,
            hear,
            rolling: None,
            reported: Reported::default(),
            begin: Instant::now(),
            asked,
        }
    }

    /// The same where the channel's log is watched.
    #[must_use]
    pub fn rolling(self, rolling: RollingEnv) -> Real<'w, 'h> {
        Real { rolling: Some(rolling), ..self }
    }

    /// Says something that belongs to a worker's task when it is that one's turn.
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
            }
        }
    }

    /// Passes on how a task ended. What a log says has no end of its own, and what was only planned
    /// none at all.
    fn pass_on(&mut self, goal: &Goal, undone: Vec<Undone>) {
        let tally = self.shared.observer.tally();
        if matches!(goal, Goal::User(_) | Goal::Meta(_)) {
            tally.user_ended();
        }
        undone.iter().for_each(|undone| tally.failed(undone.error.kind()));
        if self.hear.plan.is_none() && !matches!(goal, Goal::Entries(_)) {
            let error = undone.first().map(|undone| undone.error.clone());
            let item = Item::new(goal.subject(), error.map_or(Ok(()), Err));
            self.shared.observer.pass_on(&Event::Ended(item));
        }
        (self.hear.settled)(goal, undone);
    }

    /// Takes what workers said until one has ended what it was asked for.
    fn ended(&mut self) -> Option<Input> {
        while let Some(said) = self.hands.take() {
            match said {
                // Of another connection, which is made like the first.
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
                        self.ended = Some(worker);
                    }
                    return Some(input);
                }
                Said::Panicked(panic) => {
                    // All others are to end too.
                    self.asked.cancel.cancel();
                    resume_unwind(panic);
                }
            }
        }
        None
    }

    /// When the machine's state is to be reported although nothing happens.
    fn next_report(&self) -> Option<Moment> {
        let Reported { last, is_stale, is_urgent } = self.reported;
        let pause = if is_urgent { Moment::ZERO } else { REPORT };
        (is_stale && self.rolling.is_some()).then(|| last.map_or(Moment::ZERO, |at| at + pause))
    }

    /// Waits. Returns `None` if somebody asks for something, or a worker has something to say.
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

/// Whether somebody who asks how replication is doing should know it soon.
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
        // What it ended is over: only now does it begin with this.
        self.ended = self.ended.filter(|ended| *ended != worker);
        self.put_out(lines);
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
        match self.ended.filter(|_| is_of_task) {
            Some(worker) => {
                self.shared.observer.tally().note(event);
                self.say(worker, Line::Event(Box::new(event.clone())));
            }
            None => self.shared.observer.event(event),
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
