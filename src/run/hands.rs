//! Runs workers: on the calling thread, or on one thread for each worker.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, Scope};

use super::inbox::{Inbox, Said};
use super::interrupt::Overseer;
use super::manner::Manner;
use super::plan;
use super::step::{Input, Work};
use super::task::WorkerId;
use super::voices::Voice;
use super::worker::{Holding, Others, Shared, Worker};
use crate::error::Error;
use crate::sync::{Helpers, Offer};

/// An order for a worker.
pub enum Order {
    /// Connect and log in.
    Connect,
    /// Carry out a task.
    Run(Box<Work>),
    /// Take parts of the task of another worker.
    Help(WorkerId, Offer),
    /// Tell the replica to release its staged files.
    Release,
    /// Disconnect from the replica.
    Leave,
}

/// Passes orders to workers.
pub trait Hands {
    /// Gives an order to a worker.
    fn order(&mut self, worker: WorkerId, order: Order);

    /// Cancels a worker's attempt to connect.
    fn abandon(&mut self, worker: WorkerId);

    /// Tells a helping worker to take no more parts.
    fn recall(&mut self, worker: WorkerId);

    /// Removes and returns the first message of a worker.
    fn take(&mut self) -> Option<Said>;

    /// Returns whether there is a message.
    fn has_news(&self) -> bool;
}

/// Carries out an order. Returns a message with the result.
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
        Order::Run(work) => {
            let attempt = match manner {
                Manner::Do => worker.run(shared, *work, others),
                Manner::Plan => plan::plan(shared, worker, *work, (others.owners, &mut steps)),
                Manner::Verify(check) => check.check(shared, worker, *work, others.owners),
            };
            Input::Ended(id, attempt)
        }
        Order::Help(_, offer) => Input::Ended(id, worker.help(shared, &offer, others.helpers)),
        Order::Release => Input::Released(id, worker.release(shared)),
        Order::Leave => {
            worker.disconnect();
            return None;
        }
    };
    Some(Said::Ended(input, steps))
}

/// Runs the only worker on the calling thread, at once.
pub struct Own<'c> {
    shared: &'c Shared,
    worker: &'c mut Worker,
    manner: Manner,
    said: VecDeque<Said>,
}

impl<'c> Own<'c> {
    /// Uses this worker.
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

/// A worker, and how to reach it once it has a thread.
struct Hand<'e> {
    /// The worker, before it has a thread.
    worker: Option<&'e mut Worker>,
    orders: Option<Sender<Order>>,
    overseer: Arc<Overseer>,
}

/// Runs each worker that is needed on its own thread. The threads end when this is dropped.
pub struct Crew<'s, 'e> {
    scope: &'s Scope<'s, 'e>,
    shared: &'e Shared,
    hands: Vec<Hand<'e>>,
    inbox: Arc<Inbox>,
    /// Results of orders that failed because no thread could be started.
    failed: VecDeque<Said>,
    manner: Manner,
}

impl<'s, 'e> Crew<'s, 'e> {
    /// Uses these workers.
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

    /// Returns the channel to a worker, and starts a thread for it if it has none.
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
            // Without a thread there is no connection.
            let place = "a thread for another connection";
            let error = Error::new(crate::Kind::Connect, "start", place, "the system refuses");
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

/// Lets a running task reach the other workers.
struct Desk<'d> {
    id: WorkerId,
    /// The worker whose task it is.
    of: WorkerId,
    voice: &'d Voice<'d>,
}

impl Helpers for Desk<'_> {
    fn offer(&self, offer: Offer) {
        self.voice.say(Said::Offered(self.id, offer));
    }

    fn begin_part(&self) {
        self.voice.say(Said::Part(self.id, self.of));
    }
}

/// The main loop of a worker's thread. It ends when the channel for orders is closed.
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
