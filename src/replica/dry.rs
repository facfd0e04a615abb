//! A replica that is looked at and not changed: for plans.

use std::collections::HashSet;

use super::label::Label;
use super::{Enabled, Replica, Reply, Ticket, Verb, Wanted};
use crate::dlist::Writer;
use crate::error::Result;

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
    fn submit(
        &mut self,
        verb: Verb,
        body: &mut dyn FnMut(&mut Writer<'_>) -> Result<()>,
    ) -> Result<Ticket> {
        if verb == Verb::Get {
            return self.inner.submit(verb, body);
        }
        if verb == Verb::Apply {
            let mut start = Beginning::default();
            body(&mut Writer::new(&mut start))?;
            let name = Label::new(&start.0).command;
            self.renamed |= name.starts_with("RENAME") || name.starts_with("LOCAL_RENAME");
        }
        let ticket = Ticket(self.next);
        self.next -= 1;
        self.done.insert(ticket);
        Ok(ticket)
    }

    fn submit_fetch(
        &mut self,
        wanted: &Wanted<'_>,
        body: &mut dyn FnMut(&mut Writer<'_>) -> Result<()>,
    ) -> Result<Ticket> {
        self.inner.submit_fetch(wanted, body)
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        match self.done.remove(&ticket) {
            true => Ok(Reply::default()),
            false => self.inner.wait(ticket),
        }
    }

    fn discard(&mut self, ticket: Ticket) {
        if !self.done.remove(&ticket) {
            self.inner.discard(ticket);
        }
    }

    fn expect(&mut self, bytes: u64) {
        self.inner.expect(bytes);
    }

    fn enabled(&self) -> Enabled {
        self.inner.enabled()
    }
}

/// Keeps the first bytes of what is written.
#[derive(Default)]
struct Beginning(Vec<u8>);

impl std::io::Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = 48usize.saturating_sub(self.0.len()).min(bytes.len());
        self.0.extend_from_slice(bytes.get(..room).unwrap_or_default());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
