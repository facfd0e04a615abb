//! A server that is called as a function instead of over a connection: the function receives a
//! command and returns the reply.

use std::collections::HashMap;

use super::responses::{Ending, ending, refusal};
use super::{Capabilities, Replica};
use crate::dlist::{Framer, Writer};
use crate::error::{Error, Kind, Malformed, Peer, Result};
use crate::protocol::{Command, Item, Label, Reply, Ticket, Verb};

/// Handles one whole command, for example `RESTART\r\n`, and returns all lines of the reply.
pub trait Answer {
    /// Handles one command. Returns all lines of its reply.
    ///
    /// # Errors
    /// If there is no reply. A NO is a reply, not an error.
    fn answer(&mut self, command: &[u8]) -> Result<Vec<u8>>;
}

/// Passes commands to an [`Answer`]; see the module.
pub struct Direct<A> {
    answer: A,
    next: u64,
    replies: HashMap<Ticket, Result<Reply>>,
}

impl<A: Answer> Direct<A> {
    /// Makes a server whose replies come from `answer`.
    pub fn new(answer: A) -> Self {
        Direct { answer, next: 0, replies: HashMap::new() }
    }

    /// Returns the [`Answer`] that handles the commands.
    pub fn answerer(&mut self) -> &mut A {
        &mut self.answer
    }
}

impl<A: Answer> Replica for Direct<A> {
    fn submit(&mut self, mut command: Command<'_>) -> Result<Ticket> {
        let name = command.label();
        let verb = command.verb();
        let mut bytes = Vec::from(verb.word());
        if verb != Verb::Restart {
            bytes.push(b' ');
            command.encode(&mut Writer::new(&mut bytes))?;
        }
        bytes.extend_from_slice(b"\r\n");
        let reply = self.answer.answer(&bytes).and_then(|reply| read(&name, &reply));
        let reply = reply.map_err(|error| error.with_peer(Peer::Host));
        let ticket = Ticket(self.next);
        self.next += 1;
        self.replies.insert(ticket, reply);
        Ok(ticket)
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        let taken =
            || Error::new(Kind::Internal, "wait for", "a reply", "the reply was taken before");
        self.replies.remove(&ticket).unwrap_or_else(|| Err(taken()))
    }

    fn discard(&mut self, ticket: Ticket) {
        self.replies.remove(&ticket);
    }

    fn expect(&mut self, _: u64) {}

    fn capabilities(&self) -> Capabilities {
        Capabilities { sieve_mailbox: true, ..Capabilities::default() }
    }
}

/// Parses all lines of a reply. `name` names the command in errors.
fn read(name: &Label, mut rest: &[u8]) -> Result<Reply> {
    let nonsense = |error: &Malformed| {
        Error::new(Kind::Host, "understand the reply to", name.to_string(), error.to_string())
            .with_hint("this is a bug in the program that supplies the mail store")
    };
    let mut reply = Reply::default();
    while !rest.is_empty() {
        let length = Framer::default().find(rest).map_err(|error| nonsense(&error))?;
        // The last line may have no line feed.
        let (line, later) = rest.split_at(length.unwrap_or(rest.len()));
        rest = later;
        let Some(item) = line.strip_prefix(b"* ") else {
            return match (ending(line), rest) {
                (Some(Ending::Ok(_)), []) => Ok(reply),
                (Some(Ending::No(text)), []) => Err(refusal(name, &text)),
                _ => Err(nonsense(&Malformed::new(0u64, "the last line is neither OK nor NO"))),
            };
        };
        reply.items.push(Item::new(item.to_vec()).map_err(|error| nonsense(&error))?);
    }
    Err(nonsense(&Malformed::new(0u64, "the last line is missing")))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(&'static [u8], Vec<u8>);

    impl Answer for Fixed {
        fn answer(&mut self, command: &[u8]) -> Result<Vec<u8>> {
            self.1 = command.to_vec();
            Ok(self.0.to_vec())
        }
    }

    fn asked(reply: &'static [u8]) -> (Result<Reply>, Vec<u8>) {
        let mut direct = Direct::new(Fixed(reply, Vec::new()));
        let ticket = direct.submit(Command::UnUser(&"fred".into())).unwrap();
        let reply = direct.wait(ticket);
        assert!(direct.wait(ticket).is_err());
        (reply, direct.answer.1)
    }

    #[test]
    fn commands_and_replies_are_those_of_the_wire() {
        let (reply, command) = asked(b"* MISSING (a b)\r\n* X {3+}\r\na\nb\r\nOK success\r\n");
        assert_eq!(command, b"APPLY UNUSER fred\r\n");
        let items = reply.unwrap().items;
        assert_eq!(items.len(), 2);
        assert_eq!(items[0].name(), b"MISSING");
        assert!(asked(b"OK success").0.unwrap().items.is_empty());
    }

    #[test]
    fn refusals_and_invalid_replies_are_errors_of_the_host() {
        let kind = |reply| {
            let error = asked(reply).0.unwrap_err();
            assert_eq!(error.peer(), Some(&Peer::Host), "{error}");
            error.kind()
        };
        assert_eq!(kind(b"NO IMAP_SYNC_CHANGED Changed"), Kind::ReplicaChanged);
        for bad in
            [&b""[..], b"* X (", b"* X a\r\n", b"maybe\r\n", b"OK\r\nOK\r\n", b"* X a b\r\nOK"]
        {
            assert_eq!(kind(bad), Kind::Host, "{bad:?}");
        }
    }
}
