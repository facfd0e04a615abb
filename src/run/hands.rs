//! Runs workers: a single worker on the calling thread, or several workers on one thread each.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, Scope};

use super::inbox::{Inbox, Said};
use super::interrupt::Overseer;
use super::manner::Manner;
use super::outcome::{Attempt, Outcome, SessionState};
use super::plan;
use super::step::{Input, Work};
use super::task::WorkerId;
use super::voices::Voice;
use super::worker::{Holding, Others, Shared, Worker};
use crate::error::Error;
use crate::sync::{Helpers, SharedParts};

/// An order for a worker.
pub enum Order {
    /// Connect and log in.
    Connect,
    /// Carry out a task.
    Run(Box<Work>),
    /// Take parts of the task of another worker.
    Help(WorkerId, SharedParts),
    /// Tell the replica to release its staged files.
    Release,
    /// Disconnect from the replica.
    Leave,
}

/// Passes orders to workers and messages of workers back.
pub trait Hands {
    /// Gives an order to a worker, which carries it out after its earlier orders.
    fn order(&mut self, worker: WorkerId, order: Order);

    /// Cancels a worker's attempt to connect.
    fn abandon(&mut self, worker: WorkerId);

    /// Makes a helping worker take no more parts of another worker's task.
    fn recall(&mut self, worker: WorkerId);

    /// Removes and returns the first message. Returns `None` if there is none.
    fn take(&mut self) -> Option<Said>;

    /// Returns whether there is a message.
    fn has_news(&self) -> bool;
}

/// Carries out an order. Returns a message with its result, or `None` if the order has no result.
fn obey(
    shared: &Shared,
    worker: &mut Worker,
    id: WorkerId,
    order: Order,
    (manner, others): (&Manner, Others<'_>),
) -> Option<Said> {
    let mut steps = Vec::new();
    let input = match order {
        Order::Connect => Input::Connected(id, worker.connect(shared)),
        Order::Run(work) if worker.must_connect() => {
            worker.disconnect();
            let (outcome, session) = (Outcome::NotStarted, SessionState::Gone);
            Input::Ended(id, Attempt { outcome, care: work.care, session })
        }
        Order::Run(work) => {
            let attempt = match manner {
                Manner::Do => worker.run(shared, *work, others),
                Manner::Plan => plan::plan(shared, worker, *work, (others.owners, &mut steps)),
                Manner::Verify(check) => check.check(shared, worker, *work, others.owners),
            };
            Input::Ended(id, attempt)
        }
        Order::Help(_, parts) => Input::Ended(id, worker.help(shared, &parts, others.helpers)),
        Order::Release if worker.must_connect() => {
            // The replica released the files when the session ended.
            worker.disconnect();
            Input::Released(id, Ok(()))
        }
        Order::Release => Input::Released(id, worker.release(shared)),
        Order::Leave => {
            worker.disconnect();
            return None;
        }
    };
    Some(Said::Ended(input, steps))
}

/// Runs the only worker on the calling thread. Each order is carried out at once.
pub struct Own<'c> {
    shared: &'c Shared,
    worker: &'c mut Worker,
    manner: Manner,
    said: VecDeque<Said>,
}

impl<'c> Own<'c> {
    /// Makes the value for this worker.
    pub fn new(shared: &'c Shared, worker: &'c mut Worker, manner: Manner) -> Own<'c> {
        Own { shared, worker, manner, said: VecDeque::new() }
    }
}

impl Hands for Own<'_> {
    fn order(&mut self, worker: WorkerId, order: Order) {
        self.said.extend(obey(
            self.shared,
            self.worker,
            worker,
            order,
            (&self.manner, Others::default()),
        ));
    }

    fn abandon(&mut self, _: WorkerId) {}

    fn recall(&mut self, _: WorkerId) {}

    fn take(&mut self) -> Option<Said> {
        self.said.pop_front()
    }

    fn has_news(&self) -> bool {
        !self.said.is_empty()
    }
}

/// A worker and the channel to its thread.
struct Hand<'e> {
    /// The worker. `None` once it was moved to its thread.
    worker: Option<&'e mut Worker>,
    orders: Option<Sender<Order>>,
    overseer: Arc<Overseer>,
}

/// Runs several workers, each in a thread of its own. A thread is started with the first order. All
/// threads end when this is dropped.
pub struct Crew<'s, 'e> {
    scope: &'s Scope<'s, 'e>,
    shared: &'e Shared,
    hands: Vec<Hand<'e>>,
    inbox: Arc<Inbox>,
    /// Results of orders for which no thread could be started.
    failed: VecDeque<Said>,
    manner: Manner,
}

impl<'s, 'e> Crew<'s, 'e> {
    /// Makes the value for these workers. Starts no thread.
    pub fn new(
        scope: &'s Scope<'s, 'e>,
        shared: &'e Shared,
        workers: &'e mut [Worker],
        manner: Manner,
    ) -> Crew<'s, 'e> {
        let hands = workers.iter_mut().map(|worker| Hand {
            overseer: worker.overseer().clone(),
            worker: Some(worker),
            orders: None,
        });
        let inbox = Arc::new(Inbox::new(shared.cancel.clone()));
        Crew { scope, shared, hands: hands.collect(), inbox, failed: VecDeque::new(), manner }
    }

    /// Returns the channel for orders to a worker. Starts the worker's thread if needed.
    fn orders(&mut self, id: WorkerId) -> std::io::Result<Option<&Sender<Order>>> {
        let Some(hand) = self.hands.get_mut(id) else { return Ok(None) };
        if hand.orders.is_none()
            && let Some(worker) = hand.worker.take()
        {
            let (orders, received) = channel();
            let (shared, inbox, manner) = (self.shared, self.inbox.clone(), self.manner.clone());
            let work = move || work(shared, worker, id, &received, &inbox, &manner);
            Builder::new().name(format!("cyrsync-{id}")).spawn_scoped(self.scope, work)?;
            hand.orders = Some(orders);
        }
        Ok(hand.orders.as_ref())
    }
}

impl Hands for Crew<'_, '_> {
    fn order(&mut self, worker: WorkerId, order: Order) {
        if let (Order::Connect, Some(hand)) = (&order, self.hands.get(worker)) {
            hand.overseer.set_unwanted(false);
        }
        if let (Order::Help(..), Some(hand)) = (&order, self.hands.get(worker)) {
            hand.overseer.set_recalled(false);
        }
        let failed = match self.orders(worker) {
            Ok(orders) => orders.is_none_or(|orders| orders.send(order).is_err()),
            Err(_) => true,
        };
        if failed {
            // Report a failed connection, because a worker without a thread cannot connect.
            let place = "a thread for another connection";
            let error = Error::new(
                crate::Kind::Connect,
                "start",
                place,
                "the system cannot start a thread",
            );
            let ended = Said::Ended(Input::Connected(worker, Err(error)), Vec::new());
            self.failed.push_back(ended);
        }
    }

    fn abandon(&mut self, worker: WorkerId) {
        if let Some(hand) = self.hands.get(worker) {
            hand.overseer.set_unwanted(true);
        }
    }

    fn recall(&mut self, worker: WorkerId) {
        if let Some(hand) = self.hands.get(worker) {
            hand.overseer.set_recalled(true);
        }
    }

    fn take(&mut self) -> Option<Said> {
        self.inbox.take().or_else(|| self.failed.pop_front())
    }

    fn has_news(&self) -> bool {
        !self.failed.is_empty() || self.inbox.has_news()
    }
}

impl Drop for Crew<'_, '_> {
    fn drop(&mut self) {
        self.inbox.close();
        self.hands.iter().for_each(|hand| hand.overseer.set_unwanted(false));
    }
}

/// Passes offers of help and reports from a running task to the thread that called the library.
struct Desk<'d> {
    id: WorkerId,
    /// The worker whose task this is. It differs from `id` if `id` only helps.
    of: WorkerId,
    voice: &'d Voice<'d>,
}

impl Helpers for Desk<'_> {
    fn offer(&self, parts: SharedParts) {
        self.voice.say(Said::Offered(self.id, parts));
    }

    fn begin_part(&self) {
        self.voice.say(Said::Part(self.id, self.of));
    }
}

/// The main loop of a worker's thread. It returns when the channel for orders is closed or the
/// worker has panicked.
fn work(
    shared: &Shared,
    worker: &mut Worker,
    id: WorkerId,
    orders: &Receiver<Order>,
    inbox: &Arc<Inbox>,
    manner: &Manner,
) {
    let voice = shared.observer.speak_for(id, inbox.clone());
    for order in orders {
        let of = if let Order::Help(other, _) = order { other } else { id };
        let desk = Desk { id, of, voice: &voice };
        let helpers = manner.may_be_helped().then_some(&desk as &dyn Helpers);
        let holding = Holding::new(shared, id);
        let others = Others { helpers, owners: Some(&holding) };
        let obeyed = AssertUnwindSafe(|| obey(shared, worker, id, order, (manner, others)));
        let obeyed = catch_unwind(obeyed);
        drop(holding);
        match obeyed {
            Ok(said) => said.into_iter().for_each(|said| voice.say(said)),
            Err(panic) => {
                voice.say(Said::Panicked(panic));
                return;
            }
        }
    }
}
