//! The commands in flight, in the order in which they were sent. A command is in flight until its
//! reply is complete.

use std::collections::VecDeque;

use super::dialect::Tag;
use super::effort::Written;
use super::overflow::Place;
use crate::limits::{IN_FLIGHT_BYTES, IN_FLIGHT_COMMANDS};
use crate::protocol::{Label, Ticket};

/// A command whose reply is not complete.
pub(super) struct InFlight {
    pub ticket: Ticket,
    pub tag: Tag,
    pub label: Label,
    pub bytes: u64,
    /// How the command was compressed. `None` if the level is fixed, or changed while the command
    /// was written.
    pub written: Option<Written>,
    /// Where to store the long parts of the reply.
    pub place: Option<Place>,
}

/// The commands whose replies are not complete.
#[derive(Default)]
pub(super) struct Pipeline {
    next: u64,
    commands: VecDeque<InFlight>,
}

impl Pipeline {
    /// Adds a command that was sent.
    pub fn push(&mut self, command: impl FnOnce(Ticket) -> InFlight) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.commands.push_back(command(ticket));
        ticket
    }

    /// Returns the command that the replica is working on: the first one.
    pub fn first(&self) -> Option<&InFlight> {
        self.commands.front()
    }

    /// Like [`Pipeline::first`], but mutable.
    pub fn first_mut(&mut self) -> Option<&mut InFlight> {
        self.commands.front_mut()
    }

    /// Returns the label of the command that the replica is working on.
    pub fn label(&self) -> &Label {
        const NONE: &Label = &Label::NONE;
        self.commands.front().map_or(NONE, |command| &command.label)
    }

    /// Removes the first command, because its reply is complete.
    pub fn pop(&mut self) -> Option<InFlight> {
        self.commands.pop_front()
    }

    /// Returns the number of commands in flight.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Returns whether no command is in flight.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Returns whether too many commands, or bytes of commands, are in flight. The next command
    /// must then wait until a reply is complete.
    pub fn is_full(&self) -> bool {
        let bytes: u64 = self.commands.iter().map(|command| command.bytes).sum();
        self.len() >= IN_FLIGHT_COMMANDS || bytes >= IN_FLIGHT_BYTES
    }

    /// Returns whether this command is in flight.
    pub fn has(&self, ticket: Ticket) -> bool {
        self.commands.iter().any(|command| command.ticket == ticket)
    }
}
