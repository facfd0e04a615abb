//! A session that is logged in: commands go out without waiting, replies come back in order.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::link::{Link, Traffic};
use super::responses::{Ending, ending, refusal};
use super::{Enabled, Replica, Reply, Ticket, Verb};
use crate::dlist::{Framer, Writer, parse_named};
use crate::error::{Error, Kind, Malformed, Result};
use crate::limits::{IN_FLIGHT_BYTES, IN_FLIGHT_COMMANDS, REPLY_BYTES};
use crate::observe::{Direction, Level, Observer};

/// Bytes of a command that are kept to name it in errors.
const LABEL_BYTES: usize = 48;

/// How long a replica may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// A command whose reply is not complete.
struct InFlight {
    ticket: Ticket,
    label: String,
    bytes: u64,
}

/// A connection to a replica's sync server.
pub struct Session {
    link: Link,
    observer: Arc<dyn Observer>,
    wire: bool,
    framer: Framer,
    next: u64,
    in_flight: VecDeque<InFlight>,
    items: Reply,
    items_bytes: u64,
    replies: HashMap<Ticket, Result<Reply>>,
    discarded: HashSet<Ticket>,
    last_reply: String,
    dead: Option<(Kind, String)>,
    pub(super) enabled: Enabled,
}

impl Session {
    /// Takes over a connection on which nothing is under way.
    pub(super) fn new(link: Link, observer: Arc<dyn Observer>) -> Session {
        Session {
            link,
            wire: observer.wants_wire(),
            observer,
            framer: Framer::default(),
            next: 0,
            in_flight: VecDeque::new(),
            items: Reply::default(),
            items_bytes: 0,
            replies: HashMap::new(),
            discarded: HashSet::new(),
            last_reply: String::from("none"),
            dead: None,
            enabled: Enabled::default(),
        }
    }

    /// Bytes that went over the wire so far.
    pub fn traffic(&self) -> Traffic {
        self.link.traffic()
    }

    /// Whether the connection is compressed.
    pub fn is_compressed(&self) -> bool {
        self.link.is_compressed()
    }

    /// Says goodbye, if nothing is under way; errors no longer matter, and a replica that is
    /// stuck is not waited for.
    pub fn close(mut self) {
        if self.dead.is_none() && self.in_flight.is_empty() {
            const EXIT: &[u8] = b"EXIT\r\n";
            if self.wire {
                self.observer.wire(Direction::Sent, EXIT);
            }
            self.link.set_timeout(GOODBYE);
            let goodbye = self.link.write(EXIT).and_then(|()| self.link.flush());
            let _ = goodbye.and_then(|()| self.link.fill());
        }
    }

    fn check_alive(&self) -> Result<()> {
        match &self.dead {
            None => Ok(()),
            Some((kind, why)) => {
                Err(Error::new(*kind, "use connection to", "the replica", why.clone()))
            }
        }
    }

    /// Notes that the connection is of no more use, and says in what state it was.
    fn die(&mut self, error: Error) -> Error {
        let command = self.in_flight.front().map_or("none", |c| c.label.as_str());
        let state = format!(
            "{} (waiting for the reply to: {command}; {} commands under way; last reply: {})",
            error.detail(),
            self.in_flight.len(),
            self.last_reply
        );
        let kind = match error.kind() {
            kind if error.is_connection() || kind == Kind::Cancelled => kind,
            // Half a command is on the wire: whatever the cause, the connection is lost.
            _ => Kind::Closed,
        };
        self.dead = Some((kind, state.clone()));
        Error::new(kind, error.op().to_owned(), error.subject(), state)
            .hint(error.hint_text().to_owned())
            .caused_by(error)
    }

    fn bytes_in_flight(&self) -> u64 {
        self.in_flight.iter().map(|command| command.bytes).sum()
    }

    /// Takes complete lines out of what was received.
    fn take_lines(&mut self) -> Result<()> {
        loop {
            let found = self.framer.find(self.link.received()).map_err(|e| nonsense(&e))?;
            let Some(length) = found else { return Ok(()) };
            let line = self.link.received().get(..length).unwrap_or_default().to_vec();
            self.link.consume(length);
            if self.wire {
                self.observer.wire(Direction::Received, &line);
            }
            self.take_line(&line)?;
        }
    }

    fn take_line(&mut self, line: &[u8]) -> Result<()> {
        if let Some(text) = line.strip_prefix(b"* Fatal error: ") {
            return Err(given_up(&printable(text)));
        }
        if let Some(item) = line.strip_prefix(b"* ")
            && ending(item).is_none_or(|e| !matches!(e, Ending::Bye(_)))
        {
            return self.take_item(item);
        }
        let Some(ending) = ending(line.strip_prefix(b"* ").unwrap_or(line)) else {
            return Err(nonsense(&Malformed::new(0u64, "a line that is no part of a reply")));
        };
        self.last_reply = printable(line);
        if let Ending::Bye(text) = ending {
            return Err(Error::new(Kind::Bye, "talk to", "the replica", format!("BYE {text}"))
                .hint("the replica is shutting down"));
        }
        if let Ending::Bad(text) = ending {
            return Err(unreadable(&text));
        }
        let Some(command) = self.in_flight.pop_front() else {
            return Err(nonsense(&Malformed::new(0u64, "a reply to no command")));
        };
        self.items_bytes = 0;
        let items = std::mem::take(&mut self.items);
        let reply = match ending {
            Ending::No(text) => {
                let name = command.label.split(' ').nth(1).unwrap_or(&command.label);
                self.observer.log(Level::Error, &format!("{name} received NO response: {text}"));
                Err(refusal(&command.label, &text))
            }
            _ => Ok(items),
        };
        if !self.discarded.remove(&command.ticket) {
            self.replies.insert(command.ticket, reply);
        }
        Ok(())
    }

    fn take_item(&mut self, item: &[u8]) -> Result<()> {
        if self.in_flight.is_empty() {
            return Err(nonsense(&Malformed::new(0u64, "a reply to no command")));
        }
        self.items_bytes += item.len() as u64;
        if self.items_bytes > REPLY_BYTES {
            return Err(nonsense(&Malformed::new(self.items_bytes, "the reply is too long")));
        }
        let (name, value, used) = parse_named(item).map_err(|e| nonsense(&e))?;
        if !matches!(item.get(used..), Some(b"\r\n" | b"\n")) {
            return Err(nonsense(&Malformed::new(used, "more behind the end of a value")));
        }
        self.items.items.push((name.into_vec(), value));
        Ok(())
    }

    /// Makes room for another command by taking in replies.
    fn make_room(&mut self) -> Result<()> {
        while self.in_flight.len() >= IN_FLIGHT_COMMANDS
            || self.bytes_in_flight() >= IN_FLIGHT_BYTES
        {
            self.link.flush()?;
            self.link.fill()?;
            self.take_lines()?;
        }
        Ok(())
    }

    fn write_command(
        &mut self,
        verb: Verb,
        body: &mut dyn FnMut(&mut Writer<'_>) -> Result<()>,
    ) -> Result<String> {
        let (word, has_body) = match verb {
            Verb::Get => ("GET ", true),
            Verb::Apply => ("APPLY ", true),
            Verb::Restart => ("RESTART", false),
        };
        let mut sink = CommandSink { session: self, label: Vec::with_capacity(LABEL_BYTES) };
        sink.put(word.as_bytes())?;
        if has_body {
            body(&mut Writer::new(&mut sink))?;
        }
        sink.put(b"\r\n")?;
        Ok(label(&sink.label))
    }
}

impl Replica for Session {
    fn submit(
        &mut self,
        verb: Verb,
        body: &mut dyn FnMut(&mut Writer<'_>) -> Result<()>,
    ) -> Result<Ticket> {
        self.check_alive()?;
        let room = self.make_room();
        room.map_err(|e| self.die(e))?;
        let before = self.link.traffic().sent;
        // A body that fails has left half a command on the wire.
        let written = self.write_command(verb, body);
        let label = written.map_err(|e| self.die(e))?;
        let ticket = Ticket(self.next);
        self.next += 1;
        let bytes = self.link.traffic().sent - before;
        self.in_flight.push_back(InFlight { ticket, label, bytes });
        Ok(ticket)
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        loop {
            if let Some(reply) = self.replies.remove(&ticket) {
                return reply;
            }
            self.check_alive()?;
            if !self.in_flight.iter().any(|command| command.ticket == ticket) {
                return Err(Error::new(
                    Kind::Internal,
                    "wait for",
                    "a reply",
                    "it was taken already",
                ));
            }
            let mut more = || {
                self.take_lines()?;
                if self.replies.contains_key(&ticket) {
                    return Ok(());
                }
                self.link.flush()?;
                self.link.fill()?;
                self.take_lines()
            };
            let progress = more();
            progress.map_err(|e| self.die(e))?;
        }
    }

    fn discard(&mut self, ticket: Ticket) {
        if self.replies.remove(&ticket).is_none() {
            self.discarded.insert(ticket);
        }
    }

    fn enabled(&self) -> Enabled {
        self.enabled
    }
}

/// Where a command's bytes go; remembers the first for errors.
struct CommandSink<'s> {
    session: &'s mut Session,
    label: Vec<u8>,
}

impl CommandSink<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        let room = LABEL_BYTES - self.label.len().min(LABEL_BYTES);
        self.label.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        if self.session.wire {
            self.session.observer.wire(Direction::Sent, bytes);
        }
        self.session.link.write(bytes)
    }
}

impl Write for CommandSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The command's words up to its value: `APPLY MAILBOX`, `GET USER fred`.
pub(super) fn label(start: &[u8]) -> String {
    let text = printable(start);
    let cut = text.find(['(', '%', '{']).unwrap_or(text.len());
    text.get(..cut).unwrap_or_default().trim_end().to_owned()
}

fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The server gave a command up half way (its disk is full, say: `reservefile` in `imap/dlist.c`)
/// and goes on reading in the middle of it. No later reply can be told apart from those to the
/// rest of it.
fn unreadable(text: &str) -> Error {
    Error::new(Kind::Protocol, "talk to", "the replica", format!("BAD {text}"))
        .hint("the replica could not read a command: its log says why, look at its disk space")
}

/// The server's last words before it ends (`fatal` in `imap/sync_server.c`).
fn given_up(text: &str) -> Error {
    let hint = match text.contains("[TOOBIG]") {
        true => {
            "the replica takes no text of this size; see maxliteral, maxword and maxquoted in \
             imapd.conf(5) there"
        }
        false => "the replica's log may tell more",
    };
    Error::new(Kind::Closed, "talk to", "the replica", format!("it gave up: {text}")).hint(hint)
}

fn nonsense(error: &Malformed) -> Error {
    Error::new(Kind::Protocol, "understand", "the replica", error.to_string())
        .hint("is this a Cyrus sync server? -v -v shows the traffic")
}
