//! A connection to a replica that lets only read commands through, for verification.

use super::{Capabilities, Replica};
use crate::error::{Error, Kind, Result};
use crate::protocol::{Command, Reply, Ticket, Verb};

/// Passes read commands on to a replica and refuses all other commands, so that nothing can be
/// changed.
pub struct Asking<'r>(&'r mut dyn Replica);

impl<'r> Asking<'r> {
    /// Sends read commands to `inner`.
    pub fn new(inner: &'r mut dyn Replica) -> Self {
        Asking(inner)
    }
}

impl Replica for Asking<'_> {
    fn submit(&mut self, command: Command<'_>) -> Result<Ticket> {
        if command.verb() == Verb::Get {
            return self.0.submit(command);
        }
        let detail =
            format!("{} would change the replica, but only queries are allowed", command.label());
        Err(Error::new(Kind::Internal, "ask", "the replica", detail))
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        self.0.wait(ticket)
    }

    fn discard(&mut self, ticket: Ticket) {
        self.0.discard(ticket);
    }

    fn expect(&mut self, bytes: u64) {
        self.0.expect(bytes);
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A replica that accepts every command.
    #[derive(Default)]
    struct Anything(u64);

    impl Replica for Anything {
        fn submit(&mut self, _: Command<'_>) -> Result<Ticket> {
            self.0 += 1;
            Ok(Ticket(self.0))
        }

        fn wait(&mut self, _: Ticket) -> Result<Reply> {
            Ok(Reply::default())
        }

        fn discard(&mut self, _: Ticket) {}

        fn expect(&mut self, _: u64) {}

        fn capabilities(&self) -> Capabilities {
            Capabilities::default()
        }
    }

    #[test]
    fn only_questions_pass() {
        let mut all = Anything::default();
        let mut asking = Asking::new(&mut all);
        assert!(asking.submit(Command::GetUser(&"fred".into())).is_ok());
        for command in [Command::Restart, Command::UnUser(&"fred".into()), Command::Force] {
            assert_eq!(asking.submit(command).unwrap_err().kind(), Kind::Internal);
        }
        assert_eq!(all.0, 1);
    }
}
