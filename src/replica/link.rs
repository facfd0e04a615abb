//! Transfers bytes to and from the replica. A non-blocking socket has buffers in both directions;
//! above it come TLS, a SASL security layer, and deflate at the top. A link also reads while it
//! waits to write, so both ends never block each other with full buffers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::bandwidth::Throttle;
use super::coding::Coding;
use super::effort::Written;
use super::interrupt::{Asking, Interrupt};
use super::layer::Layer;
use super::patience::{Patience, TICK};
use super::socket::Socket;
use super::tls::{Channel, Setup};
use super::traffic::Traffic;
use crate::error::{Error, Kind, Mark, Peer, Result, reason};
use crate::limits::REPLY_BYTES;
use crate::settings::DeflateLevel;
use crate::sys::poll;

/// How many written bytes are collected before they go to the socket.
const SEND_CHUNK: usize = 256 << 10;
/// The same for a connection whose compression level adapts.
const SHORT_CHUNK: usize = 4 << 10;
/// How many bytes are read from the socket at a time.
const READ_CHUNK: usize = 64 << 10;

/// How to receive more bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// Wait until bytes arrive.
    Wait,
    /// Take the bytes that are there; the caller has waited this long for them elsewhere.
    Now(Duration),
    /// Do not receive.
    Not,
}

/// The byte streams of a connection.
pub struct Link {
    pub(super) socket: Socket,
    peer: Peer,
    /// Name of the peer in errors.
    name: String,
    cancel: Arc<AtomicBool>,
    interrupt: Asking,
    timeout: Timeout,
    /// The encoding of the bytes.
    pub(super) coding: Coding,
    out: Vec<u8>,
    out_sent: usize,
    /// Received bytes after decoding. Those before `taken` were consumed.
    input: Vec<u8>,
    taken: usize,
    ended: bool,
    /// Limit of received bytes that were not consumed yet.
    allowed: usize,
    chunk: Box<[u8]>,
    /// How long the current reply has been waited for.
    patience: Patience,
    /// How long it has taken to send commands since the last reply.
    sending: Patience,
    traffic: Traffic,
    /// The bandwidth limit, if one is set.
    pub(super) throttle: Option<Throttle>,
    /// Bytes of all commands and replies until the last reply.
    exchanged: u64,
}

impl Link {
    /// Takes over a socket that is connected to `peer`.
    pub fn new(
        socket: Socket,
        peer: Peer,
        timeout: Duration,
        cancel: Arc<AtomicBool>,
    ) -> Result<Link> {
        let name = peer.to_string();
        socket.set_nonblocking().map_err(|e| broken("prepare", &name, &e))?;
        Ok(Link {
            socket,
            peer,
            name,
            cancel,
            interrupt: Asking::new(None),
            timeout: Timeout { span: timeout, option: "client_timeout" },
            coding: Coding::default(),
            out: Vec::new(),
            out_sent: 0,
            input: Vec::new(),
            taken: 0,
            ended: false,
            allowed: unread_limit(0),
            chunk: vec![0; READ_CHUNK].into(),
            patience: Patience::default(),
            sending: Patience::default(),
            traffic: Traffic::default(),
            throttle: None,
            exchanged: 0,
        })
    }

    /// Returns the peer.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Returns the name of the peer in errors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Calls `interrupt` during waits from now on.
    pub fn set_interrupt(&mut self, interrupt: Option<Arc<dyn Interrupt>>) {
        self.interrupt = Asking::new(interrupt);
    }

    /// Sets how long a wait without any transfer may take, and the option that errors name.
    pub fn set_timeout(&mut self, timeout: Duration, option: &'static str) {
        self.timeout = Timeout { span: timeout, option };
    }

    /// Encrypts both directions from now on, starting with a handshake.
    ///
    /// # Errors
    /// [`Kind::Protocol`] if bytes in clear text have arrived already: an attacker could have
    /// inserted them, and they would be taken for encrypted ones of the replica. [`Kind::Tls`] if
    /// the handshake fails, also because of an untrusted certificate. Those of the connection.
    pub fn start_tls(&mut self, setup: Setup) -> Result<()> {
        if !self.out.is_empty() || !self.received().is_empty() {
            return Err(Error::new(
                Kind::Protocol,
                "start TLS with",
                "the replica",
                "bytes came in clear after its agreement to encrypt",
            )
            .hint("somebody may be meddling with the connection: nothing was sent over it"));
        }
        let mut channel = Box::new(Channel::new(setup)?);
        channel.pending(&mut self.out)?;
        self.coding.tls = Some(channel);
        self.shake_hands().inspect_err(|_| {
            // Send the TLS alert, so that the replica learns the reason.
            let _ = self.write_some();
        })
    }

    fn shake_hands(&mut self) -> Result<()> {
        let begun = Instant::now();
        self.drain(0)?;
        while self.coding.tls().is_some_and(Channel::is_handshaking) {
            if self.ended {
                return Err(Error::new(
                    Kind::Tls,
                    "encrypt the connection to",
                    "the replica",
                    "it closed the connection during the handshake",
                )
                .hint("its log says why; can it read its certificate and key?")
                .marked(Mark::Passing));
            }
            self.pump(false, begun, TICK)?;
            self.drain(0)?;
        }
        self.drain(0)
    }

    /// Tells the peer that no more bytes follow. Ignores errors.
    pub fn close(&mut self) {
        if let Some(tls) = &mut self.coding.tls
            && tls.close(&mut self.out).is_ok()
        {
            self.throttle = None;
            let _ = self.write_some();
        }
    }

    /// Returns the encoding of the bytes.
    pub fn coding(&self) -> &Coding {
        &self.coding
    }

    /// Protects both directions with a security layer from now on.
    ///
    /// # Errors
    /// [`Kind::Protocol`] if unprotected bytes have arrived already.
    pub fn start_layer(&mut self, layer: Box<dyn Layer>) -> Result<()> {
        if !self.out.is_empty() || self.coding.holds_back() || !self.received().is_empty() {
            return Err(Error::new(
                Kind::Protocol,
                "protect the connection to",
                "the replica",
                "bytes came in clear after the login",
            )
            .hint("somebody may be meddling with the connection"));
        }
        self.coding.layer = Some(layer);
        Ok(())
    }

    /// Compresses both directions from now on. Both directions must have no buffered bytes.
    pub fn start_deflate(&mut self, level: DeflateLevel) -> Result<()> {
        if !self.out.is_empty() || self.coding.holds_back() || !self.received().is_empty() {
            return Err(Error::new(
                Kind::Protocol,
                "start compression with",
                "the replica",
                "it sent bytes before compression began",
            ));
        }
        self.coding.start_deflate(level);
        Ok(())
    }

    /// Returns the number of bytes transferred so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Writes bytes, usually only into a buffer. If the socket accepts none, blocks and reads
    /// meanwhile.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.traffic.sent += bytes.len() as u64;
        self.coding.write(bytes, &mut self.out)?;
        // Compression makes fewer bytes, so measure their speed more often.
        let compresses = self.coding.level().is_some_and(|level| level > 0);
        let enough = if compresses { SHORT_CHUNK } else { SEND_CHUNK };
        if self.out.len() >= enough {
            let is_held = self.throttle.as_ref().is_some_and(Throttle::is_pressed);
            self.coding.sample(&self.socket, is_held);
            self.drain(if compresses { 0 } else { SEND_CHUNK / 4 })?;
        }
        Ok(())
    }

    /// Sends everything that was written.
    pub fn flush(&mut self) -> Result<()> {
        self.coding.encode(true, &mut self.out)?;
        self.drain(0)?;
        if let Some(pace) = &mut self.coding.pace {
            pace.pause();
        }
        Ok(())
    }

    /// Writes to the socket until at most `rest` bytes are left.
    fn drain(&mut self, rest: usize) -> Result<()> {
        while self.out.len() - self.out_sent > rest {
            let (begun, before) = (Instant::now(), self.traffic.moved());
            let since = begun.checked_sub(self.sending.quiet()).unwrap_or(begun);
            self.pump(true, since, TICK)?;
            // Time for which our own limit made us wait does not count against the replica.
            let ours = self.throttle.as_mut().map_or(Duration::ZERO, Throttle::take_waited);
            let waited = begun.elapsed().saturating_sub(ours);
            self.sending.take(waited, self.traffic.moved() - before);
            if let Some(told) = self.sending.over(self.timeout.span) {
                return Err(self
                    .timeout
                    .error(self.name(), format!("it takes commands too slowly: {told}")));
            }
        }
        self.out.drain(..self.out_sent);
        self.out_sent = 0;
        Ok(())
    }

    /// Reads more bytes into the buffer. The wait is limited by the timeout, and by the time that a
    /// whole [reply](Link::reply_ended) may take.
    pub(super) fn fill(&mut self, fill: Fill) -> Result<()> {
        let before = self.input.len();
        let begun = Instant::now();
        let elsewhere = if let Fill::Now(waited) = fill { waited } else { Duration::ZERO };
        let quiet = self.patience.quiet().saturating_add(elsewhere);
        let since = begun.checked_sub(quiet).unwrap_or(begun);
        loop {
            if self.ended && !self.coding.is_inflating() {
                return Err(closed(self.name()));
            }
            let longest = if fill == Fill::Wait { TICK } else { Duration::ZERO };
            self.pump(false, since, longest)?;
            if fill != Fill::Wait || self.input.len() != before {
                break;
            }
        }
        let waited = begun.elapsed().saturating_add(elsewhere);
        self.patience.take(waited, (self.input.len() - before) as u64);
        match self.patience.over(self.timeout.span) {
            Some(told) => {
                Err(self.timeout.error(self.name(), format!("its reply does not end: {told}")))
            }
            None => Ok(()),
        }
    }

    /// Records that the whole reply to a command of `bytes` bytes was consumed. `written` is how
    /// the command was compressed, if with a single level.
    pub(super) fn answered(&mut self, written: Option<Written>, bytes: u64) {
        let consumed = self.traffic.received.saturating_sub(self.received().len() as u64);
        self.coding.confirmed(written, bytes, consumed);
        self.reply_ended();
    }

    /// Starts the time limit of the next reply.
    pub fn reply_ended(&mut self) {
        self.patience = Patience::default();
        self.sending = Patience::default();
        let before =
            std::mem::replace(&mut self.exchanged, self.traffic.sent + self.traffic.received);
        self.interrupt.exchanged(self.exchanged - before);
    }

    /// Returns the received bytes that were not consumed yet.
    pub fn received(&self) -> &[u8] {
        self.input.get(self.taken..).unwrap_or_default()
    }

    /// Consumes received bytes.
    pub fn consume(&mut self, count: usize) {
        self.taken = self.input.len().min(self.taken + count);
        if self.taken == self.input.len() {
            self.input.clear();
            self.taken = 0;
        } else if self.taken >= READ_CHUNK {
            self.input.drain(..self.taken);
            self.taken = 0;
        }
    }

    /// Removes received bytes and returns them, without a copy if there are many.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.received().len());
        if count < READ_CHUNK {
            let bytes = self.received().get(..count).unwrap_or_default().to_vec();
            self.consume(count);
            return bytes;
        }
        self.input.drain(..self.taken);
        self.taken = 0;
        let rest = self.input.split_off(count);
        std::mem::replace(&mut self.input, rest)
    }

    /// Allows the replica to send this many bytes more before they are consumed.
    pub fn expect(&mut self, bytes: u64) {
        self.allowed = self.allowed.max(unread_limit(bytes));
    }

    /// Transfers what is possible now. If nothing is, waits at most for `longest`. Returns whether
    /// bytes were transferred.
    fn pump(&mut self, write: bool, quiet: Instant, longest: Duration) -> Result<bool> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Cancelled, "talk to", self.name(), "asked to stop"));
        }
        // While our own limit delays the bytes, no progress can be expected from the replica.
        let is_throttled = write && !self.ended;
        let held_up = self.throttle.as_ref().filter(|_| is_throttled).map(Throttle::held_up);
        self.interrupt.ask(quiet.elapsed().max(held_up.unwrap_or_default()))?;
        let left = self.timeout.span.saturating_sub(quiet.elapsed());
        if left.is_zero() {
            let what = if write { "it takes no more bytes" } else { "it does not answer" };
            let detail = format!("{what} for {} seconds", self.timeout.span.as_secs());
            return Err(self.timeout.error(self.name(), detail));
        }
        let throttle = self.throttle.as_mut().filter(|_| is_throttled);
        let turn = throttle.map(|throttle| throttle.turn(self.out.len() - self.out_sent));
        let turn = turn.filter(|turn| !turn.is_zero());
        let pause = if self.coding.is_inflating() { Duration::ZERO } else { left.min(longest) };
        let pause = turn.map_or(pause, |turn| turn.min(pause));
        // After the peer has closed, the socket would always be ready for reading.
        let asked = Instant::now();
        let ready = poll::wait(&self.socket, write && turn.is_none(), pause)
            .map_err(|e| broken("wait for", &self.name, &e))?;
        if let Some(throttle) = self.throttle.as_mut().filter(|_| turn.is_some()) {
            throttle.waited(asked.elapsed());
        }
        if let Some(pace) = self.coding.pace.as_mut().filter(|_| write) {
            pace.blocked(asked.elapsed());
        }
        let mut moved = false;
        let before = self.input.len();
        if self.coding.is_inflating() {
            self.coding.inflate(&mut self.input)?;
            moved = true;
        } else if ready.read && !self.ended {
            moved |= self.read_some()?;
        }
        if self.input.len() > before {
            self.traffic.received += (self.input.len() - before) as u64;
            self.coding.received(self.traffic.received);
        }
        if self.received().len() > self.allowed {
            return Err(too_much(self.name(), self.allowed));
        }
        if write && (ready.write || self.ended) {
            moved |= self.write_some()?;
        }
        Ok(moved)
    }

    fn write_some(&mut self) -> Result<bool> {
        let bytes = self.out.get(self.out_sent..).unwrap_or_default();
        // Do not delay writes to a closed peer, so that the error shows at once.
        let throttle = self.throttle.as_ref().filter(|_| !self.ended);
        let most = throttle.map_or(bytes.len(), |throttle| throttle.most(bytes.len()));
        match self.socket.write(bytes.get(..most).unwrap_or_default()) {
            Ok(count) => {
                if let Some(throttle) = &mut self.throttle {
                    throttle.wrote(count);
                }
                self.out_sent += count;
                self.traffic.sent_raw += count as u64;
                Ok(count > 0)
            }
            Err(error) if is_transient(&error) => Ok(false),
            // The replica may have sent a reason before it closed: let the caller read it.
            Err(_) if !self.received().is_empty() => {
                self.out_sent = self.out.len();
                self.ended = true;
                Ok(true)
            }
            Err(error) => Err(broken("write to", &self.name, &error)),
        }
    }

    fn read_some(&mut self) -> Result<bool> {
        match self.socket.read(&mut self.chunk) {
            Ok(0) => {
                self.ended = true;
                Ok(true)
            }
            Ok(count) => {
                self.traffic.received_raw += count as u64;
                let bytes = self.chunk.get(..count).unwrap_or_default();
                self.ended |= self.coding.decode(bytes, &mut self.input, &mut self.out)?;
                Ok(true)
            }
            Err(error) if is_transient(&error) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                self.ended = true;
                Ok(true)
            }
            Err(error) => Err(broken("read from", &self.name, &error)),
        }
    }
}

/// How long a wait without any transfer may take.
#[derive(Clone, Copy)]
struct Timeout {
    span: Duration,
    /// The option that sets it.
    option: &'static str,
}

impl Timeout {
    fn error(self, peer: &str, detail: String) -> Error {
        let hint =
            format!("look at the replica's load and log; {} sets how long to wait", self.option);
        Error::new(Kind::Timeout, "talk to", peer, detail).hint(hint)
    }
}

fn closed(peer: &str) -> Error {
    Error::new(Kind::Closed, "read from", peer, "it closed the connection")
        .hint(LOG_SAYS)
        .marked(Mark::Unexplained)
}

fn unread_limit(expected: u64) -> usize {
    usize::try_from(REPLY_BYTES.saturating_add(expected)).unwrap_or(usize::MAX)
}

/// Makes the error for too many unread bytes. Replies that arrive while commands are written are
/// buffered, up to this limit.
fn too_much(peer: &str, allowed: usize) -> Error {
    let detail = format!("it sends more than {} MiB that were not asked for", allowed >> 20);
    Error::new(Kind::Protocol, "read from", peer, detail)
        .hint("is this a Cyrus sync server? -v -v shows the traffic")
}

/// Hint for a connection that was closed.
const LOG_SAYS: &str = "its log says why";

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn broken(op: &'static str, peer: &str, error: &io::Error) -> Error {
    Error::new(Kind::Closed, op, peer, reason(error)).hint(LOG_SAYS).marked(Mark::Unexplained)
}
