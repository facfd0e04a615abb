//! Commands under way, in the order in which they were sent.

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
    /// How it was written, if with one effort of compression.
    pub written: Option<Written>,
    /// Where what is long in the reply shall go.
    pub place: Option<Place>,
}

/// The commands whose replies are not complete.
#[derive(Default)]
pub(super) struct Pipeline {
    next: u64,
    commands: VecDeque<InFlight>,
}

impl Pipeline {
    /// A command was sent.
    pub fn push(&mut self, command: impl FnOnce(Ticket) -> InFlight) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.commands.push_back(command(ticket));
        ticket
    }

    /// The command that the replica works on.
    pub fn first(&self) -> Option<&InFlight> {
        self.commands.front()
    }

    /// The same, to be changed.
    pub fn first_mut(&mut self) -> Option<&mut InFlight> {
        self.commands.front_mut()
    }

    /// What the replica works on.
    pub fn label(&self) -> &Label {
        const NONE: &Label = &Label::NONE;
        self.commands.front().map_or(NONE, |command| &command.label)
    }

    /// The reply to the first command is complete.
    pub fn pop(&mut self) -> Option<InFlight> {
        self.commands.pop_front()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Whether a reply must come before there is room for another one.
    pub fn is_full(&self) -> bool {
        let bytes: u64 = self.commands.iter().map(|command| command.bytes).sum();
        self.len() >= IN_FLIGHT_COMMANDS || bytes >= IN_FLIGHT_BYTES
    }

    /// Whether a command is among them.
    pub fn has(&self, ticket: Ticket) -> bool {
        self.commands.iter().any(|command| command.ticket == ticket)
    }
}
