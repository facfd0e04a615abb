//! Transfers bytes to and from the replica over a non-blocking socket, with buffers in both
//! directions. The bytes may be compressed with deflate, protected by a SASL security layer, and
//! encrypted with TLS. A link also reads while it waits to write, so that both ends never block
//! each other with full buffers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::bandwidth::Throttle;
use super::broken::{Timeout, broken, closed, too_much};
use super::coding::Coding;
use super::effort::Written;
use super::interrupt::{Asking, Interrupt};
use super::layer::Layer;
use super::patience::{Patience, TICK};
use super::socket::Socket;
use super::tls::{Channel, Setup};
use super::traffic::Traffic;
use crate::error::{Error, Kind, Mark, Peer, Result};
use crate::limits::REPLY_BYTES;
use crate::settings::DeflateLevel;
use crate::sys::poll;

/// Number of written bytes that are collected before they are passed to the socket.
const SEND_CHUNK: usize = 256 << 10;
/// Like [`SEND_CHUNK`], for a connection whose compression level adapts.
const SHORT_CHUNK: usize = 4 << 10;
/// Number of bytes that may arrive during a write before the caller should take them.
const TAKE_CHUNK: usize = 1 << 20;
/// Maximum number of bytes that are read from the socket in one call.
const READ_CHUNK: usize = 64 << 10;

/// How to receive more bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// Wait until bytes arrive.
    Wait,
    /// Take the bytes that have arrived. The caller has already waited for this long.
    Now(Duration),
    /// Do not receive.
    Not,
}

/// The number of received bytes at which a write pauses, so that the caller can take them. A new
/// link never pauses.
pub(super) struct Pause(usize);

impl Pause {
    /// Sets the number to some more than `received`. Called when the caller has taken what it can.
    pub fn after(&mut self, received: usize) {
        self.0 = received.saturating_add(TAKE_CHUNK);
    }

    /// Returns whether a write pauses, or may have paused.
    pub fn is_due(&self, received: usize) -> bool {
        received >= self.0
    }
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
    /// Compression and encryption of the bytes.
    pub(super) coding: Coding,
    out: Vec<u8>,
    out_sent: usize,
    /// Received bytes after decoding. Those before `taken` were consumed.
    input: Vec<u8>,
    taken: usize,
    ended: bool,
    /// Limit of received bytes that were not consumed yet.
    allowed: usize,
    /// When a write pauses.
    pub(super) pause: Pause,
    chunk: Box<[u8]>,
    /// The time spent waiting for the current reply.
    patience: Patience,
    /// The time spent sending commands since the last reply.
    sending: Patience,
    /// Whether the last look at the socket came after the timeout.
    is_overdue: bool,
    traffic: Traffic,
    /// The bandwidth limit, if one is set.
    pub(super) throttle: Option<Throttle>,
    /// Number of bytes of all commands and replies, up to the end of the last reply.
    exchanged: u64,
}

impl Link {
    /// Makes a link on a socket that is connected to `peer`.
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
            pause: Pause(usize::MAX),
            chunk: vec![0; READ_CHUNK].into(),
            patience: Patience::default(),
            sending: Patience::default(),
            is_overdue: false,
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

    /// Sets how long a wait without any transfer may take. Errors name the `option` of this time.
    pub fn set_timeout(&mut self, timeout: Duration, option: &'static str) {
        self.timeout = Timeout { span: timeout, option };
    }

    /// Starts TLS in both directions, beginning with the handshake.
    ///
    /// # Errors
    /// [`Kind::Protocol`] if bytes in clear text have arrived already: an attacker could have
    /// inserted them, and they would be taken for encrypted bytes of the replica. [`Kind::Tls`] if
    /// the handshake fails, for example because the certificate is not trusted. Errors of the
    /// connection.
    pub fn start_tls(&mut self, setup: Setup) -> Result<()> {
        if !self.out.is_empty() || !self.received().is_empty() {
            return Err(Error::new(
                Kind::Protocol,
                "start TLS with",
                "the replica",
                "unencrypted bytes came after it agreed to start TLS",
            )
            .with_hint(
                "this may be an attack on the connection: no password and no mail was sent",
            ));
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
                .with_hint(
                    "see the replica's log; check that the replica can read its certificate and \
                     key",
                )
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

    /// Returns the state of compression and encryption.
    pub fn coding(&self) -> &Coding {
        &self.coding
    }

    /// Starts a security layer in both directions.
    ///
    /// # Errors
    /// [`Kind::Protocol`] if unprotected bytes have arrived already.
    pub fn start_layer(&mut self, layer: Box<dyn Layer>) -> Result<()> {
        if !self.out.is_empty() || self.coding.holds_back() || !self.received().is_empty() {
            return Err(Error::new(
                Kind::Protocol,
                "protect the connection to",
                "the replica",
                "unprotected bytes came after the login",
            )
            .with_hint("this may be an attack on the connection"));
        }
        self.coding.layer = Some(layer);
        Ok(())
    }

    /// Starts compression in both directions. Fails if there are buffered bytes in one direction.
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

    /// Writes bytes, usually only into a buffer. If the buffer is full, blocks until the socket
    /// accepts bytes, and reads meanwhile.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.traffic.sent += bytes.len() as u64;
        self.coding.write(bytes, &mut self.out)?;
        // Compression reduces the number of bytes, so measure the speed after fewer bytes.
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

    /// Writes to the socket until at most `rest` bytes are left, or until the write
    /// [pauses](Pause).
    fn drain(&mut self, rest: usize) -> Result<()> {
        while self.out.len() - self.out_sent > rest && !self.pause.is_due(self.received().len()) {
            let (begun, before) = (Instant::now(), self.traffic.moved());
            let since = begun.checked_sub(self.sending.quiet()).unwrap_or(begun);
            self.pump(true, since, TICK)?;
            // The wait for our own bandwidth limit does not count against the replica.
            let ours = self.throttle.as_mut().map_or(Duration::ZERO, Throttle::take_waited);
            let waited = begun.elapsed().saturating_sub(ours);
            self.sending.take(waited, self.traffic.moved() - before);
            if let Some(reported) = self.sending.over(self.timeout.span) {
                return Err(self
                    .timeout
                    .error(self.name(), format!("it takes commands too slowly: {reported}")));
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
            Some(reported) => {
                Err(self.timeout.error(self.name(), format!("its reply does not end: {reported}")))
            }
            None => Ok(()),
        }
    }

    /// Records that the whole reply to a command of `bytes` bytes was consumed. `written` tells how
    /// the command was compressed; `None` if the level is fixed, or changed meanwhile.
    pub(super) fn answered(&mut self, written: Option<Written>, bytes: u64) {
        let consumed = self.traffic.received.saturating_sub(self.received().len() as u64);
        self.coding.confirmed(written, bytes, consumed);
        self.reply_ended();
    }

    /// Ends the time measurement of a reply, and starts that of the next one.
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

    /// Transfers the bytes that can be transferred now. If there are none, waits at most for
    /// `longest`. Returns whether bytes were transferred.
    fn pump(&mut self, write: bool, quiet: Instant, longest: Duration) -> Result<bool> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Cancelled, "talk to", self.name(), "asked to stop"));
        }
        // While our own bandwidth limit delays the bytes, the replica cannot make progress.
        let is_throttled = write && !self.ended;
        let held_up = self.throttle.as_ref().filter(|_| is_throttled).map(Throttle::held_up);
        self.interrupt.ask(quiet.elapsed().max(held_up.unwrap_or_default()))?;
        let left = self.timeout.span.saturating_sub(quiet.elapsed());
        // After the timeout, look once more: this process may have been the one that did not run.
        let was_overdue = std::mem::replace(&mut self.is_overdue, left.is_zero());
        if left.is_zero() && was_overdue {
            let what = if write { "it takes no more bytes" } else { "it does not answer" };
            let detail = format!("{what} for {} seconds", self.timeout.span.as_secs());
            return Err(self.timeout.error(self.name(), detail));
        }
        let throttle = self.throttle.as_mut().filter(|_| is_throttled);
        let turn = throttle.map(|throttle| throttle.turn(self.out.len() - self.out_sent));
        let turn = turn.filter(|turn| !turn.is_zero());
        let pause = if self.coding.is_inflating() { Duration::ZERO } else { left.min(longest) };
        let pause = turn.map_or(pause, |turn| turn.min(pause));
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
        let written =
            if write && (ready.write || self.ended) { self.write_some() } else { Ok(false) };
        if self.input.len() > before {
            self.traffic.received += (self.input.len() - before) as u64;
            self.coding.received(self.traffic.received);
        }
        if self.received().len() > self.allowed {
            return Err(too_much(self.name(), self.allowed));
        }
        moved |= written?;
        Ok(moved)
    }

    fn write_some(&mut self) -> Result<bool> {
        let bytes = self.out.get(self.out_sent..).unwrap_or_default();
        // If the peer has closed the connection, do not delay the write, so that its error shows at
        // once.
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
            // The replica may have sent a reason before it closed the connection: let the caller
            // read it.
            Err(error) => {
                if !self.ended {
                    let _ = self.read_some();
                }
                if self.received().is_empty() {
                    return Err(broken("write to", &self.name, &error));
                }
                self.out_sent = self.out.len();
                self.ended = true;
                Ok(true)
            }
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

fn unread_limit(expected: u64) -> usize {
    usize::try_from(REPLY_BYTES.saturating_add(expected)).unwrap_or(usize::MAX)
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
