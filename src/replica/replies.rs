//! Keeps replies until they are taken, and counts the memory that they use.

use std::collections::{HashMap, HashSet};
use std::mem;

use crate::error::Result;
use crate::limits::REPLY_BYTES;
use crate::protocol::{Item, Reply, Ticket};

/// The reply that is arriving, and the complete replies that no caller has taken yet.
pub(super) struct Replies {
    /// The items of the reply that is arriving.
    coming: Reply,
    ended: HashMap<Ticket, Result<Reply>>,
    discarded: HashSet<Ticket>,
    /// The memory of all items, in bytes.
    held: u64,
    /// The maximum of `held`, in bytes.
    allowed: u64,
}

impl Replies {
    /// Starts without any reply.
    pub fn new() -> Replies {
        Replies {
            coming: Reply::default(),
            ended: HashMap::new(),
            discarded: HashSet::new(),
            held: 0,
            allowed: REPLY_BYTES,
        }
    }

    /// Raises the limit to this many bytes more than [`REPLY_BYTES`].
    pub fn allow(&mut self, bytes: u64) {
        self.allowed = self.allowed.max(REPLY_BYTES.saturating_add(bytes));
    }

    /// Returns the limit, in bytes.
    pub fn allowed(&self) -> u64 {
        self.allowed
    }

    /// Returns whether this many more bytes are within the limit.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.held.saturating_add(bytes as u64) <= self.allowed
    }

    /// Adds an item to the reply that is arriving.
    pub fn add(&mut self, item: Item) {
        self.held = self.held.saturating_add(item.cost());
        self.coming.items.push(item);
    }

    /// Returns the items of the reply that has just ended. Their memory counts until the reply is
    /// taken or dropped.
    pub fn take_coming(&mut self) -> Reply {
        mem::take(&mut self.coming)
    }

    /// Stores the reply to a command, unless it was discarded.
    pub fn keep(&mut self, ticket: Ticket, reply: Result<Reply>) {
        if self.discarded.remove(&ticket) {
            self.release(&reply)
        } else {
            drop(self.ended.insert(ticket, reply))
        }
    }

    /// Subtracts the memory of a reply from the counted memory.
    pub fn release(&mut self, reply: &Result<Reply>) {
        let cost: u64 = reply.iter().flat_map(|reply| &reply.items).map(Item::cost).sum();
        self.held = self.held.saturating_sub(cost);
    }

    /// Returns whether the reply to a command is complete.
    pub fn has(&self, ticket: Ticket) -> bool {
        self.ended.contains_key(&ticket)
    }

    /// Returns the reply to a command and removes it, if it is complete.
    pub fn take(&mut self, ticket: Ticket) -> Option<Result<Reply>> {
        let reply = self.ended.remove(&ticket)?;
        self.release(&reply);
        Some(reply)
    }

    /// Drops the reply to a command, now or when it arrives.
    pub fn discard(&mut self, ticket: Ticket) {
        if self.take(ticket).is_none() {
            self.discarded.insert(ticket);
        }
    }
}
