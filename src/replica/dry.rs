//! A replica that is looked at and not changed: for plans.

use std::collections::HashSet;

use super::imagined::Imagined;
use super::{Capabilities, Replica};
use crate::error::Result;
use crate::protocol::{Command, Reply, Ticket, Verb};
use crate::types::MboxName;

/// Passes on what asks and answers what would change something as if it were done. What is asked
/// after a rename or a delete is answered as if that were done.
pub struct Dry<'r> {
    inner: &'r mut dyn Replica,
    next: u64,
    done: HashSet<Ticket>,
    imagined: Imagined,
}

impl<'r> Dry<'r> {
    /// Looks at `inner` alone.
    pub fn new(inner: &'r mut dyn Replica) -> Self {
        // The tickets of `inner` count from zero.
        Dry { inner, next: u64::MAX, done: HashSet::new(), imagined: Imagined::default() }
    }

    /// Asks, by the names that folders have.
    fn ask(&mut self, command: Command<'_>) -> Result<Ticket> {
        if self.imagined.is_real() {
            return self.inner.submit(command);
        }
        let real = |name: &MboxName| self.imagined.real(name).unwrap_or_else(|| name.clone());
        match command {
            Command::GetMailboxes(names) => {
                let names: Vec<MboxName> =
                    names.iter().filter_map(|name| self.imagined.real(name)).collect();
                if names.is_empty() { Ok(self.nod()) } else { self.submit_real(&names) }
            }
            Command::GetFullMailbox(name) => {
                self.inner.submit(Command::GetFullMailbox(&real(name)))
            }
            Command::GetAnnotations(name) => {
                self.inner.submit(Command::GetAnnotations(&real(name)))
            }
            other => self.inner.submit(other),
        }
    }

    fn submit_real(&mut self, names: &[MboxName]) -> Result<Ticket> {
        self.inner.submit(Command::GetMailboxes(names))
    }

    /// The ticket of something that is answered with an empty OK.
    fn nod(&mut self) -> Ticket {
        let ticket = Ticket(self.next);
        self.next -= 1;
        self.done.insert(ticket);
        ticket
    }
}

impl Replica for Dry<'_> {
    fn submit(&mut self, command: Command<'_>) -> Result<Ticket> {
        if command.verb() == Verb::Get {
            return self.ask(command);
        }
        match &command {
            Command::Rename { rename, .. } => self.imagined.rename(rename),
            Command::UnMailbox { mailbox, .. } => self.imagined.delete(mailbox),
            _ => {}
        }
        Ok(self.nod())
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        if self.done.remove(&ticket) {
            return Ok(Reply::default());
        }
        let reply = self.inner.wait(ticket)?;
        if self.imagined.is_real() {
            return Ok(reply);
        }
        let imagined = self.imagined.clone();
        Ok(reply.amended(move |folder| imagined.amend(folder)))
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
