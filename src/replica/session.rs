//! A session after the login. Commands are sent without waiting for earlier replies. Replies arrive
//! in the order of the commands.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::capabilities::Capabilities;
use super::commands::Replica;
use super::dialect::{Dialect, Line, Tag, Tagger};
use super::link::{Fill, Link};
use super::overflow::{Ended, Overflow, Place};
use super::pipeline::{InFlight, Pipeline};
use super::replies::Replies;
use super::responses::{Ending, ending, given_up, nonsense, refusal, unreadable};
use super::traffic::Traffic;
use crate::dlist::{Framer, Writer};
use crate::error::{Error, Kind, Malformed, Result};
use crate::events::{ConnectionEvent, Direction, Observer};
use crate::limits::{DLIST_ITEM_BYTES, REPLY_NOISE_BYTES};
use crate::protocol::label::printable;
use crate::protocol::{Command, Item, Reply, Ticket};

/// The start of an item of a reply.
const UNTAGGED: &[u8] = b"* ";

/// The final compression level is reported if at least this many bytes of commands were sent.
const WORTH_REPORTING: u64 = 1 << 20;

/// Time limit for the reply to the command that ends the session.
const GOODBYE: Duration = Duration::from_secs(5);

/// A session with a replica's sync server.
pub struct Session {
    pub(super) link: Link,
    tagger: Tagger,
    observer: Arc<dyn Observer>,
    wire: bool,
    framer: Framer,
    pub(super) pipeline: Pipeline,
    replies: Replies,
    overflow: Overflow,
    /// Number of bytes, since the last reply, of lines that are not part of a reply.
    noise: u64,
    last_reply: String,
    dead: Option<(Kind, String)>,
    pub(super) capabilities: Capabilities,
}

impl Session {
    /// Makes a session on a connection with no command in flight.
    pub(super) fn new(mut link: Link, tagger: Tagger, observer: Arc<dyn Observer>) -> Session {
        if let Some(tls) = &mut link.coding.tls {
            tls.begin_use();
        }
        link.pause.after(0);
        Session {
            link,
            tagger,
            wire: observer.wants_wire(),
            observer,
            framer: Framer::default(),
            pipeline: Pipeline::default(),
            replies: Replies::new(),
            overflow: Overflow::default(),
            noise: 0,
            last_reply: String::from("none"),
            dead: None,
            capabilities: Capabilities::default(),
        }
    }

    /// Returns the bytes transferred so far.
    pub fn traffic(&self) -> Traffic {
        self.link.traffic()
    }

    /// Returns whether the connection cannot be used any more.
    pub fn is_dead(&self) -> bool {
        self.dead.is_some()
    }

    /// Ends the session. If no command is in flight, sends the command that ends it, and waits a
    /// short time for the reply. Ignores errors.
    pub fn close(mut self) {
        report_level(&self.link, self.observer.as_ref());
        if self.dead.is_none() && self.pipeline.is_empty() {
            let word = self.tagger.dialect().goodbye();
            let exit = format!("{}{word}\r\n", self.tagger.tag().prefix());
            if self.wire {
                self.observer.wire(Direction::Sent, exit.as_bytes());
            }
            self.link.set_timeout(GOODBYE, "nothing");
            let goodbye = self.link.write(exit.as_bytes()).and_then(|()| self.link.flush());
            let _ = goodbye.and_then(|()| self.link.fill(Fill::Wait));
            self.link.close();
        }
    }

    fn check_alive(&self) -> Result<()> {
        match &self.dead {
            None => Ok(()),
            Some((kind, why)) => {
                let error = Error::new(*kind, "use connection to", self.link.name(), why.clone());
                Err(self.of_peer(error))
            }
        }
    }

    /// Marks the connection as dead. Returns the error with a description of the session's state.
    fn die(&mut self, error: Error) -> Error {
        let command = self.pipeline.first().map(|c| c.label.to_string());
        let state = format!(
            "{} (waiting for the reply to: {}; {} commands under way; last reply: {})",
            error.detail(),
            command.as_deref().unwrap_or("none"),
            self.pipeline.len(),
            self.last_reply
        );
        let kind = match error.kind() {
            kind if error.is_connection() || kind == Kind::Cancelled => kind,
            // A part of a command was sent, so the connection cannot be used, whatever the error
            // is.
            _ => Kind::Closed,
        };
        self.dead = Some((kind, state.clone()));
        // Delete the temporary file of the current reply, because it may be large.
        self.overflow = Overflow::default();
        let hint = match command {
            Some(command) if error.is_unexplained() => {
                format!(
                    "the network failed, or the replica's Cyrus ended while it worked on \
                     {command}; see the replica's log"
                )
            }
            _ => error.hint().to_owned(),
        };
        let reported = Error::new(kind, error.op().to_owned(), error.subject(), state);
        self.of_peer(reported.with_hint(hint).with_source(error))
    }

    /// Adds the peer to an error that the other end caused. Local errors get no peer.
    fn of_peer(&self, error: Error) -> Error {
        match error.kind() {
            Kind::Io | Kind::Internal => error,
            _ => error.with_peer(self.link.peer().clone()),
        }
    }

    /// Takes all complete lines from the received bytes.
    fn take_lines(&mut self) -> Result<()> {
        loop {
            let Session { link, framer, pipeline, overflow, observer, wire, .. } = self;
            let show = |bytes: &[u8]| {
                if *wire {
                    observer.wire(Direction::Received, bytes);
                }
            };
            if !overflow.take_message(link, &show) {
                return Ok(());
            }
            let mut none = None;
            let place = pipeline.first_mut().map_or(&mut none, |command| &mut command.place);
            let most = place.as_ref().map_or(0, Place::longest).max(DLIST_ITEM_BYTES);
            let found =
                framer.find_among(link.received(), most).map_err(|e| nonsense(link.name(), &e))?;
            let Some(length) = found else {
                if overflow.begin(place, framer, link, &show) {
                    continue;
                }
                overflow.take_item(framer, link, &show);
                let held = link.received().len() + overflow.stored();
                return self.check_size(held);
            };
            let line = link.take(length);
            show(&line);
            let held = length + overflow.stored();
            match overflow.end_line(line) {
                Ended::Line(line) => {
                    self.check_size(held)?;
                    self.take_line(line)?;
                }
                Ended::Item(item) => {
                    self.replies.add(item);
                    self.check_size(0)?;
                }
                Ended::Nothing => {}
            }
        }
    }

    /// Checks that the replies in memory and `more` bytes are within the limit.
    fn check_size(&self, more: usize) -> Result<()> {
        if self.replies.has_room_for(more) {
            return Ok(());
        }
        let detail = format!("the reply is longer than {} MiB", self.replies.allowed() >> 20);
        Err(Error::new(Kind::Protocol, "read reply of", self.link.name(), detail).with_hint(
            "check whether the replica has much more than the master, for instance deleted \
             mailboxes that the master has removed",
        ))
    }

    fn take_line(&mut self, mut line: Vec<u8>) -> Result<()> {
        if let Some(text) = line.strip_prefix(b"* Fatal error: ") {
            return Err(given_up(self.link.name(), &printable(text), self.pipeline.label()));
        }
        let (tag, ending) = match self.tagger.line(&line) {
            Line::Untagged(item) => match ending(item) {
                Some(Ending::Bye(text)) => (None, Ending::Bye(text)),
                // Between replies, imapd may send untagged lines: alerts, and `* OK still here`
                // while it works.
                Some(_) if self.tagger.dialect() == Dialect::Imap => {
                    return self.pass_over(line.len());
                }
                _ => {
                    line.drain(..UNTAGGED.len());
                    if self.pipeline.is_empty() {
                        let stray = Malformed::new(0u64, "a reply without a command");
                        return Err(nonsense(self.link.name(), &stray));
                    }
                    let item = Item::new(line).map_err(|error| {
                        let why = error.to_string();
                        report_bad(&self.pipeline, self.observer.as_ref(), "*", &why);
                        nonsense(self.link.name(), &error)
                    })?;
                    self.replies.add(item);
                    return self.check_size(0);
                }
            },
            Line::End(tag, ending) => (Some(tag), ending),
            Line::Continue(_) | Line::Nonsense => {
                let shown = printable(&line);
                let (word, rest) = shown.split_once(' ').unwrap_or((shown.as_str(), ""));
                report_bad(&self.pipeline, self.observer.as_ref(), word, rest);
                return Err(nonsense(
                    self.link.name(),
                    &Malformed::new(0u64, "a line that is not part of a reply"),
                ));
            }
        };
        self.last_reply = printable(&line);
        if let Ending::Bye(text) = ending {
            if let Some(text) = text.strip_prefix("Fatal error: ") {
                return Err(given_up(self.link.name(), text, self.pipeline.label()));
            }
            return Err(Error::new(Kind::Bye, "talk to", self.link.name(), format!("BYE {text}"))
                .with_hint("the replica is shutting down"));
        }
        if let Ending::Bad(text) = ending {
            report_bad(&self.pipeline, self.observer.as_ref(), "BAD", &text);
            return Err(unreadable(self.link.name(), &text, self.pipeline.label()));
        }
        if self.pipeline.first().is_some_and(|command| Some(command.tag) != tag) {
            return Err(nonsense(
                self.link.name(),
                &Malformed::new(0u64, "the reply to another command"),
            ));
        }
        let Some(command) = self.pipeline.pop() else {
            return Err(nonsense(
                self.link.name(),
                &Malformed::new(0u64, "a reply without a command"),
            ));
        };
        self.link.answered(command.written, command.bytes);
        self.noise = 0;
        let mut items = self.replies.take_coming();
        let message = self.overflow.end_reply();
        let reply = match ending {
            Ending::No(text) => {
                let name = command.label.name().to_owned();
                let refused = ConnectionEvent::Refused { command: name, text: text.clone() };
                self.observer.event(&refused.into());
                // Items before a NO are not used.
                self.replies.release(&Ok(items));
                Err(refusal(&command.label, &text))
            }
            _ => match message {
                Ok(file) => {
                    items.file = file;
                    Ok(items)
                }
                Err(error) => {
                    self.replies.release(&Ok(items));
                    Err(error)
                }
            },
        };
        self.replies.keep(command.ticket, reply);
        Ok(())
    }

    /// Skips a line that is not part of a reply. Fails if there are too many such lines.
    fn pass_over(&mut self, bytes: usize) -> Result<()> {
        self.noise = self.noise.saturating_add(bytes as u64);
        if self.noise <= REPLY_NOISE_BYTES {
            Ok(())
        } else {
            Err(nonsense(
                self.link.name(),
                &Malformed::new(0u64, "too many lines that are not part of a reply"),
            ))
        }
    }

    /// Sends all buffered commands, then parses the bytes that have arrived. These may be the last
    /// bytes of the replica, which say why it closes the connection.
    fn flush(&mut self) -> Result<()> {
        self.link.flush()?;
        while self.take_if_paused()? {
            self.link.flush()?;
        }
        self.take_lines()
    }

    /// Takes what arrived during a write, if that is much. Returns whether the write must continue.
    ///
    /// A server that sends a long message reads nothing meanwhile. The message must go to its file
    /// while this session still writes the next command.
    fn take_if_paused(&mut self) -> Result<bool> {
        if !self.link.pause.is_due(self.link.received().len()) {
            return Ok(false);
        }
        self.take_lines()?;
        let left = self.link.received().len();
        self.link.pause.after(left);
        Ok(true)
    }

    /// Receives replies until there is room for another command.
    fn make_room(&mut self) -> Result<()> {
        while self.pipeline.is_full() {
            self.flush()?;
            if self.pipeline.is_full() {
                self.link.fill(Fill::Wait)?;
                self.take_lines()?;
            }
        }
        Ok(())
    }

    /// Returns the reply to a command, if it is complete.
    pub(super) fn answered(&mut self, ticket: Ticket) -> Result<Option<Reply>> {
        if let Some(reply) = self.replies.take(ticket) {
            return reply.map(Some).map_err(|error| self.of_peer(error));
        }
        self.check_alive()?;
        if !self.pipeline.has(ticket) {
            return Err(Error::new(
                Kind::Internal,
                "wait for",
                "a reply",
                "the reply was taken before",
            ));
        }
        Ok(None)
    }

    /// Sends all buffered commands, and receives bytes once as `fill` says. Returns whether the
    /// reply to the command is complete.
    pub(super) fn progress(&mut self, ticket: Ticket, fill: Fill) -> Result<bool> {
        let mut more = || {
            self.take_lines()?;
            if !self.replies.has(ticket) {
                self.flush()?;
            }
            if !self.replies.has(ticket) && fill != Fill::Not {
                self.link.fill(fill)?;
                self.take_lines()?;
            }
            Ok(self.replies.has(ticket))
        };
        let progress = more();
        progress.map_err(|e| self.die(e))
    }

    fn write_command(&mut self, command: &mut Command<'_>) -> Result<Tag> {
        let tag = self.tagger.tag();
        let (word, has_body) = self.tagger.dialect().verb(command.verb());
        let mut sink = CommandSink { session: self };
        sink.put(tag.prefix().as_bytes())?;
        sink.put(word.as_bytes())?;
        if has_body {
            command.encode(&mut Writer::new(&mut sink))?;
        }
        sink.put(b"\r\n")?;
        Ok(tag)
    }
}

impl Replica for Session {
    fn submit(&mut self, mut command: Command<'_>) -> Result<Ticket> {
        self.check_alive()?;
        let room = self.make_room();
        room.map_err(|e| self.die(e))?;
        let before = self.link.traffic().sent;
        let begun = self.link.coding.begin_command(self.pipeline.is_empty());
        let label = command.label();
        // If this fails, a part of the command may have been sent, so the session ends.
        let written = self.write_command(&mut command);
        let tag = written.map_err(|e| self.die(e))?;
        let bytes = self.link.traffic().sent - before;
        let place = Place::of(&command);
        let written = self.link.coding.end_command(begun, bytes);
        Ok(self.pipeline.push(|ticket| InFlight { ticket, tag, label, bytes, written, place }))
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        loop {
            if let Some(reply) = self.answered(ticket)? {
                return Ok(reply);
            }
            self.progress(ticket, Fill::Wait)?;
        }
    }

    fn discard(&mut self, ticket: Ticket) {
        self.replies.discard(ticket);
    }

    fn expect(&mut self, bytes: u64) {
        self.replies.allow(bytes);
        self.link.expect(bytes);
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }
}

/// Reports an invalid response, like Cyrus's client does.
fn report_bad(pipeline: &Pipeline, observer: &dyn Observer, response: &str, text: &str) {
    let command = pipeline.label().name().to_owned();
    let (response, text) = (response.to_owned(), text.to_owned());
    observer.event(&ConnectionEvent::BadResponse { command, response, text }.into());
}

/// Reports the final compression level, if the level adapts and many bytes were sent.
fn report_level(link: &Link, observer: &dyn Observer) {
    let Traffic { sent, sent_raw, .. } = link.traffic();
    if let Some(deflate_level) = link.coding().level().filter(|_| sent >= WORTH_REPORTING) {
        let event = ConnectionEvent::CompressionLevel { deflate_level, sent, sent_raw };
        observer.event(&event.into());
    }
}

/// Writes the bytes of a command to the connection of a session.
struct CommandSink<'s> {
    session: &'s mut Session,
}

impl CommandSink<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if self.session.wire {
            self.session.observer.wire(Direction::Sent, bytes);
        }
        self.session.link.write(bytes)?;
        while self.session.take_if_paused()? {
            self.session.link.write(&[])?;
        }
        Ok(())
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
