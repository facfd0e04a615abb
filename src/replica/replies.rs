//! Replies that came, until they are taken: what they hold is counted.

use std::collections::{HashMap, HashSet};
use std::mem;

use crate::error::Result;
use crate::limits::REPLY_BYTES;
use crate::protocol::{Item, Reply, Ticket};

/// The reply that comes, and those that nobody took yet.
pub(super) struct Replies {
    /// The items of the reply that comes.
    coming: Reply,
    ended: HashMap<Ticket, Result<Reply>>,
    discarded: HashSet<Ticket>,
    /// What all of them count.
    held: u64,
    /// What they may.
    allowed: u64,
}

impl Replies {
    /// None so far.
    pub fn new() -> Replies {
        Replies {
            coming: Reply::default(),
            ended: HashMap::new(),
            discarded: HashSet::new(),
            held: 0,
            allowed: REPLY_BYTES,
        }
    }

    /// Lets them hold this many bytes more than [`REPLY_BYTES`].
    pub fn allow(&mut self, bytes: u64) {
        self.allowed = self.allowed.max(REPLY_BYTES.saturating_add(bytes));
    }

    /// What they may hold, in bytes.
    pub fn allowed(&self) -> u64 {
        self.allowed
    }

    /// Whether there is room for so many bytes beside what is held.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.held.saturating_add(bytes as u64) <= self.allowed
    }

    /// Adds an item to the reply that comes.
    pub fn add(&mut self, item: Item) {
        self.held = self.held.saturating_add(item.cost());
        self.coming.items.push(item);
    }

    /// Takes the items of the reply that ends. They are held until the reply is taken or dropped.
    pub fn take_coming(&mut self) -> Reply {
        mem::take(&mut self.coming)
    }

    /// Keeps the reply to a command, unless nobody is interested any more.
    pub fn keep(&mut self, ticket: Ticket, reply: Result<Reply>) {
        if self.discarded.remove(&ticket) {
            self.release(&reply)
        } else {
            drop(self.ended.insert(ticket, reply))
        }
    }

    /// Counts a reply no more.
    pub fn release(&mut self, reply: &Result<Reply>) {
        let cost: u64 = reply.iter().flat_map(|reply| &reply.items).map(Item::cost).sum();
        self.held = self.held.saturating_sub(cost);
    }

    /// Whether the reply to a command is there.
    pub fn has(&self, ticket: Ticket) -> bool {
        self.ended.contains_key(&ticket)
    }

    /// Takes the reply to a command, if it is there.
    pub fn take(&mut self, ticket: Ticket) -> Option<Result<Reply>> {
        let reply = self.ended.remove(&ticket)?;
        self.release(&reply);
        Some(reply)
    }

    /// Drops the reply to a command, now or when it comes.
    pub fn discard(&mut self, ticket: Ticket) {
        if self.take(ticket).is_none() {
            self.discarded.insert(ticket);
        }
    }
}
