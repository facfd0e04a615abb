//! A replica that is looked at and not changed: for plans.

use std::collections::HashSet;

use super::{Capabilities, Replica};
use crate::error::Result;
use crate::protocol::{Command, Reply, Ticket, Verb};

/// Passes on what asks and answers what would change something as if it were done.
pub struct Dry<'r> {
    inner: &'r mut dyn Replica,
    next: u64,
    done: HashSet<Ticket>,
    renamed: bool,
}

impl<'r> Dry<'r> {
    /// Looks at `inner` alone.
    pub fn new(inner: &'r mut dyn Replica) -> Self {
        // The tickets of `inner` count from zero.
        Dry { inner, next: u64::MAX, done: HashSet::new(), renamed: false }
    }

    /// Whether something would have been renamed since this was asked last: what is asked
    /// afterwards does not show it.
    pub fn take_renamed(&mut self) -> bool {
        std::mem::take(&mut self.renamed)
    }
}

impl Replica for Dry<'_> {
    fn submit(&mut self, command: Command<'_>) -> Result<Ticket> {
        if command.verb() == Verb::Get {
            return self.inner.submit(command);
        }
        self.renamed |= matches!(command, Command::Rename { .. });
        let ticket = Ticket(self.next);
        self.next -= 1;
        self.done.insert(ticket);
        Ok(ticket)
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        if self.done.remove(&ticket) { Ok(Reply::default()) } else { self.inner.wait(ticket) }
    }

    fn discard(&mut self, ticket: Ticket) {
        if !self.done.remove(&ticket) {
            self.inner.discard(ticket);
        }
    }

    fn expect(&mut self, bytes: u64) {
        self.inner.expect(bytes);
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
