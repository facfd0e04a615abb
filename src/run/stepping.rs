//! Runs a state machine (daemon or batch) step by step in tests. Inputs and actions are written as
//! words, and no real time passes.

use std::sync::Arc;
use std::time::Duration;

use super::log::channel::{Kept, Taken};
use super::log::entry::LogEntry;
use super::log::read::Logged;
use super::outcome::{Attempt, Outcome, Pending, SessionState};
use super::step::{Action, Asked, Input, LogAction, Machine, Moment, Step, Then, Wait, Work};
use crate::error::{Error, Kind, Result};
use crate::events::{Event, RunEvent};
use crate::names::Namespace;
use crate::settings;
use crate::sync::{Care, Parts, Pass, SharedParts};
use crate::types::Backlog;

/// Returns the rules for mailbox names with default settings.
pub fn names() -> Namespace {
    Namespace::new(&settings::tests::of("").naming)
}

/// Parts of a large task. They contain nothing, because no test takes them.
struct Nothing;

impl Parts for Nothing {
    fn help(&self, _: &mut Pass<'_>, _: &mut dyn FnMut(), _: &dyn Fn() -> bool) {}
}

/// A state machine, the number of its running actions, and a clock that the test sets.
pub struct Stepper<M> {
    machine: M,
    now: Moment,
    /// The number of actions that have not ended.
    under_way: usize,
    care: Vec<Care>,
}

impl<M: Machine<End: std::fmt::Debug>> Stepper<M> {
    /// Makes a stepper for a machine in its initial state, at time zero.
    pub fn new(machine: M) -> Stepper<M> {
        Stepper { machine, now: Moment::ZERO, under_way: 0, care: Vec::new() }
    }

    /// Passes one input to the machine, written as words. Returns the actions that follow, one per
    /// line. The wait that follows is included only if no action is running. `at 2.5` only sets the
    /// clock, in seconds. A word such as `Closed` is the kind of an error.
    ///
    /// - `start`, `over` (the time to wait is over), `logged`, `at 2.5`
    /// - `connected 0`, `connected 0 Connect`
    /// - `done 0`, `done 0 staged`, `failed 0 Locked USER anna`, `lost 0 Closed`, `stopped 0`
    /// - `dead 0`: the session had ended before the task
    /// - `offered 0`
    /// - `released 0`, `released 0 Closed`, `measured 1000`
    /// - `taken nothing`, `taken others`, `taken 0..9`, `taken Io`
    /// - `read none`, `read USER anna, META bert`, `read Io`
    /// - `noted`, `noted log`, `noted Io`, `back`, `back Io`, `counted 3`
    /// - `asked WakeUp`, `asked Stop`, `asked ShutdownFile`
    pub fn step(&mut self, words: &str) -> Vec<String> {
        let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
        let input = match word {
            "at" => {
                self.now = Duration::from_secs_f64(rest.parse().unwrap());
                return Vec::new();
            }
            "start" => Input::Started,
            "over" => Input::TimeOver,
            "logged" => Input::Logged,
            "measured" => Input::Measured(rest.parse().unwrap()),
            "offered" => Input::Offered(rest.parse().unwrap(), SharedParts(Arc::new(Nothing))),
            "connected" => worker(rest, Input::Connected),
            "released" => worker(rest, Input::Released),
            "done" | "failed" | "lost" | "stopped" | "dead" => self.ended(word, rest),
            "taken" => Input::LogTaken(taken(rest)),
            "read" => Input::WorkRead(read(rest)),
            "noted" if rest == "log" => Input::Noted(Ok(Kept::Log)),
            "noted" => Input::Noted(result(rest).map(|()| Kept::Work)),
            "back" => Input::PutBack(result(rest)),
            "counted" => Input::Counted(Backlog { entries: rest.parse().unwrap(), users: 1 }),
            "asked" => Input::Asked(match rest {
                "WakeUp" => Asked::WakeUp,
                "Stop" => Asked::Stop,
                _ => Asked::ShutdownFile,
            }),
            _ => panic!("what is {words}?"),
        };
        let ends = !matches!(
            input,
            Input::Started | Input::TimeOver | Input::Logged | Input::Asked(_) | Input::Offered(..)
        );
        self.under_way -= usize::from(ends);
        let Step { actions, then } = self.machine.step(self.now, input);
        let mut lines: Vec<String> =
            actions.into_iter().map(|action| self.action(action)).collect();
        match then {
            Then::Wait(_) if self.under_way > 0 => {}
            Then::Wait(Wait { until, log }) => {
                let until = until.map_or("long".to_owned(), |until| seconds(until - self.now));
                lines.push(format!("wait {until}{}", if log { " or log" } else { "" }));
            }
            Then::End(Ok(end)) => lines.push(format!("end {end:?}")),
            Then::End(Err(error)) => lines.push(format!("end with {:?}", error.kind())),
        }
        lines
    }

    /// Plays a script: passes each input to the machine and compares the lines that follow.
    pub fn play(&mut self, script: &[(&str, &[&str])]) {
        for (number, (input, expected)) in script.iter().enumerate() {
            let found = self.step(input);
            assert_eq!(found, *expected, "{number}: {input}");
        }
    }

    fn ended(&mut self, word: &str, rest: &str) -> Input {
        let (id, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let gone = SessionState::Gone;
        let open = SessionState::Open { staged: rest == "staged" };
        let (outcome, session) = match word {
            "done" => (Outcome::Done(Vec::new()), open),
            "lost" => (Outcome::Lost(error(rest)), gone),
            "stopped" => (Outcome::Stopped(error("Cancelled")), gone),
            "dead" => (Outcome::NotStarted, gone),
            _ => {
                let (kind, items) = rest.split_once(' ').unwrap();
                let pending = Pending { items: entries(items), error: error(kind) };
                (Outcome::Done(vec![pending]), open)
            }
        };
        let care = self.care.pop().unwrap_or_default();
        Input::Ended(id.parse().unwrap(), Attempt { outcome, care, session })
    }

    fn action(&mut self, action: Action) -> String {
        let ends = !matches!(
            action,
            Action::Notify(_)
                | Action::Settled(..)
                | Action::Abandon(_)
                | Action::Leave(_)
                | Action::Recall(_)
        );
        self.under_way += usize::from(ends);
        match action {
            Action::Connect(worker) => format!("connect {worker}"),
            Action::Release(worker) => format!("release {worker}"),
            Action::Help(worker, other, _) => format!("help {worker}: {other}"),
            Action::Recall(worker) => format!("recall {worker}"),
            Action::Abandon(worker) => format!("abandon {worker}"),
            Action::Leave(worker) => format!("leave {worker}"),
            Action::Measure => "measure".to_owned(),
            Action::Run(worker, Work { goal, care, ahead, .. }) => {
                self.care.push(care);
                let users: Vec<String> = ahead.iter().map(ToString::to_string).collect();
                let ahead =
                    if users.is_empty() { String::new() } else { format!("; ahead {users:?}") };
                format!("run {worker}: {}{ahead}", list(&goal.entries()))
            }
            Action::Log(LogAction::Take(pending)) => format!("take{}", log(&pending)),
            Action::Log(LogAction::Restore(pending)) => format!("restore{}", log(&pending)),
            Action::Log(LogAction::Note(pending)) => format!("note{}", log(&pending)),
            Action::Log(LogAction::PutBack(pending)) => format!("put back{}", log(&pending)),
            Action::Log(LogAction::Read { own, reprocess: true }) => format!("reprocess {own:?}"),
            Action::Log(LogAction::Read { own, .. }) => format!("read {own:?}"),
            Action::Log(LogAction::Count { work }) => format!("count, work: {work}"),
            Action::Settled(goal, pending) => {
                let kinds: Vec<Kind> = pending.iter().map(|pending| pending.error.kind()).collect();
                format!("settled {}: {kinds:?}", list(&goal.entries()))
            }
            Action::Notify(event) => report(&event),
        }
    }
}

fn report(event: &Event) -> String {
    let kind = |error: &Error| format!("{:?}", error.kind());
    match event {
        Event::Unreachable { pause, .. } => format!("event: again in {}", seconds(*pause)),
        Event::Run(event) => match event {
            RunEvent::ConnectFailed { error, .. } => format!("event: {}", kind(error)),
            RunEvent::StillUnreachable { time, attempts, backlog, .. } => {
                format!("event: still unreachable after {}, {attempts}, {backlog}", seconds(*time))
            }
            RunEvent::ReachableAgain { time, attempts, .. } => {
                format!("event: reachable after {}, {attempts}", seconds(*time))
            }
            RunEvent::TryingAllTheSame => "event: all the same".to_owned(),
            RunEvent::LogNotTaken { error } => format!("event: log not taken, {}", kind(error)),
            RunEvent::UnfinishedNotSaved { error } => format!("event: not noted, {}", kind(error)),
            RunEvent::ChannelShared { .. } => "event: lent".to_owned(),
            RunEvent::ReplicaGone { .. } => "event: replica gone".to_owned(),
            RunEvent::TryingAgain { error } => format!("event: trying again, {}", kind(error)),
            RunEvent::StagedFilesReleased => "event: released".to_owned(),
            RunEvent::ReleaseFailed { error } => format!("event: not released, {}", kind(error)),
            RunEvent::LeftForLater { items, tries, next, .. } => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                let (items, next) = (items.join(", "), seconds(*next));
                format!("event: {items} left, try {tries}, next in {next}")
            }
            other => panic!("no machine reports {other:?}"),
        },
        other => panic!("no machine reports {other:?}"),
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

fn list(entries: &[LogEntry]) -> String {
    let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
    entries.join(", ")
}

fn log(lines: &[u8]) -> String {
    let lines = String::from_utf8(lines.to_vec()).unwrap();
    lines.lines().map(|line| format!(" {line};")).collect()
}

/// Parses log entries that are separated by commas.
fn entries(words: &str) -> Vec<LogEntry> {
    let lines = words.split(", ").filter(|line| !line.is_empty());
    lines.map(|line| LogEntry::parse(line.as_bytes()).unwrap().unwrap()).collect()
}

/// Makes an error of the kind with this name.
pub fn error(kind: &str) -> Error {
    let kinds = [
        Kind::Io,
        Kind::Locked,
        Kind::Corrupt,
        Kind::Connect,
        Kind::Auth,
        Kind::Config,
        Kind::Unsupported,
        Kind::Timeout,
        Kind::Closed,
        Kind::Bye,
        Kind::Cancelled,
    ];
    let kind = kinds.into_iter().find(|known| format!("{known:?}") == kind).expect("a kind");
    Error::new(kind, "work on", "it", format!("{kind:?}"))
}

fn result(kind: &str) -> Result<()> {
    if kind.is_empty() { Ok(()) } else { Err(error(kind)) }
}

fn worker(rest: &str, input: fn(usize, Result<()>) -> Input) -> Input {
    let (id, kind) = rest.split_once(' ').unwrap_or((rest, ""));
    input(id.parse().unwrap(), result(kind))
}

fn taken(rest: &str) -> Result<Taken> {
    match rest.split_once("..") {
        Some((from, to)) => Ok(Taken::Work(from.parse().unwrap()..to.parse().unwrap())),
        None if rest == "nothing" => Ok(Taken::Nothing),
        None if rest == "others" => Ok(Taken::Others),
        None => Err(error(rest)),
    }
}

fn read(rest: &str) -> Result<Option<Logged>> {
    match rest {
        "none" => Ok(None),
        "Io" => Err(error(rest)),
        _ => Ok(Some(Logged { entries: entries(rest), since: None })),
    }
}
