//! The simulated client: workers with sessions over connections that can break, and the environment
//! of the state machine.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::baton::Baton;
use super::link::{Hear, Link};
use super::master::Master;
use super::own::Own;
use super::plant::Plant;
use super::spool::owner;
use super::world::Shared;
use crate::error::{Error, Kind, Result};
use crate::events::{Event, Observer, line};
use crate::names::Namespace;
use crate::protocol::RemoteFolder;
use crate::run::asked_ahead::AskedAhead;
use crate::run::carry_out;
use crate::run::env::Env;
use crate::run::log::entry::LogEntry;
use crate::run::outcome::{Attempt, Outcome, Pending, SessionState};
use crate::run::step::{Asked, Input, Moment, Wait, Work};
use crate::run::task::{Goal, WorkerId};
use crate::settings::Replication;
use crate::sync::{Cache, Cancel, Care, Pass, SharedParts, Staged, is_locked};
use crate::types::{MboxName, UserId};

/// The data that all workers share.
pub(super) struct Client {
    pub world: Shared,
    pub store: Master,
    pub names: Namespace,
    pub settings: Replication,
    pub cancel: Cancel,
}

/// An observer that adds events to the story of the history.
struct TraceEvents(Shared);

impl Observer for TraceEvents {
    fn event(&self, event: &Event) {
        if let Some(line) = line(event) {
            self.0.look().trace(|| format!("client: {}", line.text));
        }
    }
}

/// The cache of the replica's state. Like a file on disk, it stays when the client is killed.
struct Memory(Shared);

impl Cache for Memory {
    fn get(&mut self, name: &MboxName) -> Option<RemoteFolder> {
        self.0.look().remembered.get(name).cloned()
    }

    fn put(&mut self, folder: &RemoteFolder) {
        let mut world = self.0.look();
        if !world.is_dead {
            world.remembered.insert(folder.name.clone(), folder.clone());
        }
    }

    fn forget(&mut self, name: &MboxName) {
        let mut world = self.0.look();
        if !world.is_dead {
            world.remembered.remove(name);
        }
    }
}

/// A worker: its session, if it has one, and the state of this session.
struct Worker {
    link: Option<Link>,
    staged: Staged,
    asked: AskedAhead,
    memory: Memory,
    own: Own,
}

impl Worker {
    fn new(world: &Shared) -> Worker {
        Worker {
            link: None,
            staged: Staged::default(),
            asked: AskedAhead::default(),
            memory: Memory(world.clone()),
            own: Own::new(world),
        }
    }

    fn connect(&mut self, client: &Client) -> Result<()> {
        let mut world = client.world.enter();
        world.advance(Duration::from_millis(20));
        let one_in = world.faults.unreachable;
        if world.is_dead || world.chance.strikes(one_in) {
            world.trace(|| "client: cannot connect".to_owned());
            let detail = "the replica does not listen";
            return Err(Error::new(Kind::Connect, "connect to", "the replica", detail));
        }
        world.trace(|| "client: connects".to_owned());
        self.open(&client.world, None);
        Ok(())
    }

    fn open(&mut self, world: &Shared, hear: Option<Box<Hear>>) {
        self.link = Some(Link::new(world, hear));
        self.staged = Staged::default();
        self.asked.clear();
    }

    fn with_pass<T>(
        &mut self,
        client: &Client,
        care: &mut Care,
        work: impl FnOnce(&mut Pass<'_>) -> Result<T>,
    ) -> Result<T> {
        let reported = TraceEvents(client.world.clone());
        let Some(link) = &mut self.link else {
            return Err(Error::new(Kind::Internal, "use", "connection", "there is none"));
        };
        let mut pass = Pass::new(
            &client.store,
            &client.names,
            link,
            &client.settings,
            &reported,
            &client.cancel,
            &mut self.staged,
        );
        pass.cache = Some(&mut self.memory);
        pass.master = Some(&mut self.own);
        pass.care = Some(care);
        work(&mut pass)
    }

    fn run(&mut self, client: &Client, work: Work) -> Attempt {
        let Work { goal, mut care, ahead, .. } = work;
        client.world.look().trace(|| format!("begins {goal:?}"));
        let mut asked = std::mem::take(&mut self.asked);
        let reported = TraceEvents(client.world.clone());
        let result = self.with_pass(client, &mut care, |pass| {
            asked.ask(&goal, &ahead, pass)?;
            carry_out::carry_out(&goal, pass, &mut asked, &client.names, &reported)
        });
        self.asked = asked;
        client.world.look().trace(|| match &result {
            Ok(pending) if pending.is_empty() => "is done".to_owned(),
            Ok(pending) => format!("is done, but for {pending:?}"),
            Err(error) => format!("gives up: {error}"),
        });
        let outcome = planted(client, Outcome::of(result));
        Attempt { outcome, care, session: self.after_use() }
    }

    fn release(&mut self, client: &Client) -> Result<()> {
        let result = self.with_pass(client, &mut Care::default(), |pass| pass.restart());
        if result.is_err() {
            self.link = None;
        }
        result
    }

    fn after_use(&mut self) -> SessionState {
        if self.link.as_ref().is_some_and(Link::is_dead) {
            self.link = None;
        }
        if self.link.is_none() {
            self.asked.clear();
            return SessionState::Gone;
        }
        SessionState::Open { staged: self.staged.files() > 0 }
    }
}

/// Changes the outcome of a task if one of these bugs is planted.
fn planted(client: &Client, outcome: Outcome) -> Outcome {
    let plant = client.world.look().plant;
    match (plant, outcome) {
        (Some(Plant::FailedIsDone), Outcome::Done(_) | Outcome::Lost(_)) => {
            Outcome::Done(Vec::new())
        }
        (Some(Plant::ForgetsDeferred), Outcome::Done(mut pending)) => {
            pending.retain(|pending| !is_locked(&pending.error));
            Outcome::Done(pending)
        }
        (_, outcome) => outcome,
    }
}

/// Returns the owners of the mailboxes in a goal.
fn owners(goal: &Goal) -> Vec<Option<UserId>> {
    let of = |entry: &LogEntry| match entry {
        LogEntry::User(user) | LogEntry::UnUser(user) | LogEntry::Meta(user) => {
            vec![Some(user.clone())]
        }
        LogEntry::Seen(user, _) | LogEntry::Sub(user, _) => vec![Some(user.clone())],
        LogEntry::Annotation(name) if name.is_empty() => Vec::new(),
        LogEntry::Mailbox(name) | LogEntry::UnMailbox(name) => vec![owner(name)],
        LogEntry::Annotation(name) | LogEntry::Double(name, _) => vec![owner(name)],
        LogEntry::Rename(from, to) => vec![owner(from), owner(to)],
        LogEntry::Quota(root) => vec![owner(&MboxName::new(root))],
    };
    goal.entries().iter().flat_map(of).collect()
}

/// An order to a worker.
enum Order {
    Connect,
    Run(Box<Work>),
    Release,
    Leave,
}

fn obey(worker: &mut Worker, client: &Client, id: WorkerId, order: Order) -> Option<Input> {
    Some(match order {
        Order::Connect => Input::Connected(id, worker.connect(client)),
        Order::Run(work) => Input::Ended(id, worker.run(client, *work)),
        Order::Release => Input::Released(id, worker.release(client)),
        Order::Leave => {
            worker.link = None;
            worker.asked.clear();
            return None;
        }
    })
}

/// The workers: a single one in the main thread, or several in a thread each.
enum Crew {
    One(Box<Worker>),
    Many(Threads),
}

/// Workers in threads. A thread is started with the first order to its worker.
struct Threads {
    orders: Vec<Option<Sender<Order>>>,
    ended: Sender<Input>,
    received: Receiver<Input>,
    threads: Vec<JoinHandle<()>>,
}

/// The environment of the state machine.
pub(super) struct SimEnv {
    client: Arc<Client>,
    crew: Crew,
    happened: VecDeque<Input>,
    /// The running workers, each with the owners of its task.
    running: Vec<(WorkerId, Vec<Option<UserId>>)>,
    /// Workers that run a task which the state machine did not start, because of a planted bug.
    ghosts: Vec<WorkerId>,
    /// Whether everything is replicated and no more changes will happen.
    pub is_idle: bool,
}

impl SimEnv {
    pub fn new(client: Arc<Client>, workers: usize) -> SimEnv {
        let crew = match workers {
            0 | 1 => Crew::One(Box::new(Worker::new(&client.world))),
            _ => Crew::Many(Threads::new(workers)),
        };
        let happened = VecDeque::new();
        SimEnv { client, crew, happened, running: Vec::new(), ghosts: Vec::new(), is_idle: false }
    }

    /// Records the owners of a worker's task. Reports an error if another worker works on one of
    /// them.
    fn claim(&mut self, id: WorkerId, goal: &Goal) {
        self.running.retain(|(worker, _)| *worker != id);
        let owners = owners(goal);
        for (other, held) in &self.running {
            for owner in owners.iter().filter(|owner| held.contains(owner)) {
                let mut world = self.client.world.look();
                world.is_wrong(format!("workers {} and {} hold {owner:?}", other + 1, id + 1));
            }
        }
        self.running.push((id, owners));
    }

    /// Returns a part of a task for another worker, if the bug [`Plant::UserTasksAtOnce`] is
    /// planted.
    fn ghost(&self, worker: WorkerId, work: &Work) -> Option<(WorkerId, Work)> {
        let Crew::Many(threads) = &self.crew else { return None };
        let other = (worker + 1) % threads.orders.len();
        let is_free = !self.running.iter().any(|(running, _)| *running == other);
        let planted = self.client.world.look().plant == Some(Plant::UserTasksAtOnce);
        let entries = work.goal.entries();
        if !(planted && is_free && entries.len() > 1) {
            return None;
        }
        let goal = Arc::new(Goal::Entries(entries[1..].to_vec()));
        Some((other, Work { number: work.number, goal, care: Care::default(), ahead: Vec::new() }))
    }

    fn order(&mut self, id: WorkerId, order: Order) {
        match &mut self.crew {
            Crew::One(worker) => {
                self.happened.extend(obey(worker, &self.client, id, order));
            }
            Crew::Many(threads) => {
                if let Some(worker) = threads.orders(&self.client, id) {
                    self.client.world.baton.begin(id + 1);
                    worker.send(order).unwrap();
                }
            }
        }
    }

    /// Lets a worker run until it has completed an order or passes the baton back. Returns `false`
    /// if no worker has an order.
    fn work(&mut self) -> bool {
        let Crew::Many(Threads { received, .. }) = &self.crew else { return false };
        let busy = self.client.world.baton.busy();
        let Some(next) = self.client.world.look().chance.pick(&busy).copied() else { return false };
        self.client.world.baton.pass(next);
        self.happened.extend(received.try_iter());
        true
    }

    /// Returns the next input for the state machine.
    fn next_input(&mut self, wait: Wait) -> Input {
        loop {
            if let Some(input) = self.happened.pop_front() {
                return input;
            }
            if !self.work() {
                return self.wait(wait);
            }
            let mut world = self.client.world.look();
            if self.happened.is_empty() && wait.log && std::mem::take(&mut world.log_news) {
                return Input::Logged;
            }
        }
    }

    /// Simulates a wait. During waits, users make most of their changes.
    fn wait(&mut self, wait: Wait) -> Input {
        let mut world = self.client.world.look();
        world.flush_log();
        loop {
            if wait.log && std::mem::take(&mut world.log_news) {
                world.advance(Duration::from_millis(1));
                return Input::Logged;
            }
            if world.changes_left == 0 && !world.is_calm {
                world.calm_down();
            }
            if world.is_calm && world.files.is_done() {
                self.is_idle = true;
                return Input::Asked(Asked::Stop);
            }
            let now = world.clock();
            let until = wait.until.unwrap_or(now + Duration::from_secs(60));
            if until <= now {
                return Input::TimeOver;
            }
            if world.changes_left > 0 {
                world.change();
                world.flush_log();
                let pause = Duration::from_millis(world.chance.below(2_000) as u64);
                world.advance(pause.min(until - now));
            } else {
                world.advance(until - now);
            }
        }
    }
}

impl Threads {
    fn new(workers: usize) -> Threads {
        let (ended, received) = channel();
        let orders = (0..workers).map(|_| None).collect();
        Threads { orders, ended, received, threads: Vec::new() }
    }

    /// Returns the channel to a worker, and starts the worker's thread if needed.
    fn orders(&mut self, client: &Arc<Client>, id: WorkerId) -> Option<&Sender<Order>> {
        let place = self.orders.get_mut(id)?;
        if place.is_none() {
            let (send, receive) = channel::<Order>();
            let (client, ended) = (client.clone(), self.ended.clone());
            self.threads.push(std::thread::spawn(move || {
                Baton::is_me(id + 1);
                let mut worker = Worker::new(&client.world);
                for order in receive {
                    client.world.baton.wait();
                    let input = obey(&mut worker, &client, id, order);
                    // Ignore errors here: the client may have been killed.
                    let _ = input.map(|input| ended.send(input));
                    client.world.baton.end();
                }
            }));
            *place = Some(send);
        }
        place.as_ref()
    }
}

impl Drop for SimEnv {
    fn drop(&mut self) {
        // Let the workers of a killed client complete their orders. Their actions have no effect.
        while self.work() {}
        if let Crew::Many(Threads { orders, threads, .. }) = &mut self.crew {
            orders.clear();
            threads.drain(..).for_each(|thread| thread.join().unwrap());
        }
    }
}

impl Env for SimEnv {
    fn now(&mut self) -> Moment {
        self.client.world.look().clock()
    }

    fn connect(&mut self, worker: WorkerId) {
        self.order(worker, Order::Connect);
    }

    fn run(&mut self, worker: WorkerId, work: Work) {
        self.claim(worker, &work.goal);
        if let Some((other, ghost)) = self.ghost(worker, &work) {
            self.claim(other, &ghost.goal);
            self.ghosts.push(other);
            self.order(other, Order::Run(Box::new(ghost)));
        }
        self.order(worker, Order::Run(Box::new(work)));
    }

    /// Help of other workers with a task is not simulated.
    fn help(&mut self, _: WorkerId, _: WorkerId, _: SharedParts) {}

    fn recall(&mut self, _: WorkerId) {}

    fn release(&mut self, worker: WorkerId) {
        self.order(worker, Order::Release);
    }

    fn abandon(&mut self, _: WorkerId) {}

    fn leave(&mut self, worker: WorkerId) {
        self.order(worker, Order::Leave);
    }

    fn exchanged(&mut self) -> u64 {
        self.client.world.look().clock().as_millis() as u64
    }

    fn next(&mut self, wait: Wait) -> Input {
        loop {
            let input = self.next_input(wait);
            let Input::Ended(id, _) = &input else { return input };
            self.running.retain(|(worker, _)| worker != id);
            match self.ghosts.iter().position(|ghost| ghost == id) {
                Some(at) => drop(self.ghosts.remove(at)),
                None => return input,
            }
        }
    }

    fn notify(&mut self, event: &Event) {
        TraceEvents(self.client.world.clone()).event(event);
    }

    fn settled(&mut self, _: &Arc<Goal>, _: Vec<Pending>) {}
}
