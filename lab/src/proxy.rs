//! A TCP forwarder that delays, counts and records traffic, and breaks connections.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::gate::{Gate, Mark};

/// The offer of Cyrus's sync_server that the proxy hides, so that commands stay readable.
const COMPRESSION: &[u8] = b"* COMPRESS DEFLATE\r\n";

/// The offers of sync_server and imapd to encrypt, the longer one first.
const ENCRYPTION: [&[u8]; 2] = [b"* STARTTLS\r\n", b" STARTTLS"];

/// Forwards connections from a port of 127.0.0.1 to a server on 127.0.0.1 until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: u16,
    one_way: Duration,
    clear: bool,
    stopping: AtomicBool,
    sent: AtomicU64,
    received: AtomicU64,
    connections: AtomicU64,
    transcript: Mutex<Vec<u8>>,
    answers: Mutex<Vec<u8>>,
    /// Number of bytes from the client after which the connection is cut; `u64::MAX` for never.
    cut_after: AtomicU64,
    /// Whether to cut only the first connection.
    cut_once: AtomicBool,
    /// Number of bytes from the server after which the connection is cut; `u64::MAX` for never.
    cut_answers_after: AtomicU64,
    /// Index of the byte from the client to change; `u64::MAX` for none.
    flip: AtomicU64,
    /// Index of the byte from the server to change; `u64::MAX` for none.
    flip_answer: AtomicU64,
    fault: Mutex<Option<Fault>>,
    strips: AtomicBool,
    gate: Gate,
    open: Mutex<Vec<TcpStream>>,
}

/// The action of a proxy instead of forwarding the server's next bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Sends these bytes and closes the connection.
    Say(Vec<u8>),
    /// Sends nothing more on this connection, but keeps it open.
    Silence,
}

/// The traffic of a proxy so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes from client to server.
    pub sent: u64,
    /// Bytes from server to client.
    pub received: u64,
    /// Connections accepted.
    pub connections: u64,
}

impl Proxy {
    /// Forwards to `target`. Each byte arrives half a round trip later. With `clear`, the proxy
    /// hides the server's offer to compress and records both directions.
    pub fn new(target: u16, round_trip: Duration, clear: bool) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("no free port");
        let port = listener.local_addr().expect("a bound socket has a port").port();
        let shared = Arc::new(Shared {
            target,
            one_way: round_trip / 2,
            clear,
            stopping: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            transcript: Mutex::default(),
            answers: Mutex::default(),
            cut_after: AtomicU64::new(u64::MAX),
            cut_once: AtomicBool::new(false),
            cut_answers_after: AtomicU64::new(u64::MAX),
            flip: AtomicU64::new(u64::MAX),
            flip_answer: AtomicU64::new(u64::MAX),
            fault: Mutex::default(),
            strips: AtomicBool::new(false),
            gate: Gate::default(),
            open: Mutex::default(),
        });
        let taken = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &taken));
        Proxy { port, shared }
    }

    /// Returns the port to connect to on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the traffic since the start or the last [`Proxy::reset`].
    pub fn traffic(&self) -> Traffic {
        Traffic {
            sent: self.shared.sent.load(Ordering::Relaxed),
            received: self.shared.received.load(Ordering::Relaxed),
            connections: self.shared.connections.load(Ordering::Relaxed),
        }
    }

    /// Returns everything that clients sent (only with `clear`).
    pub fn transcript(&self) -> Vec<u8> {
        lock(&self.shared.transcript).clone()
    }

    /// Returns everything that the server sent (only with `clear`).
    pub fn answers(&self) -> Vec<u8> {
        lock(&self.shared.answers).clone()
    }

    /// Returns the first two words of each command that clients sent, without literals: `GET USER`,
    /// `APPLY MAILBOX` (only with `clear`).
    pub fn commands(&self) -> Vec<String> {
        let transcript = self.transcript();
        let mut input = std::io::BufReader::new(&transcript[..]);
        let mut commands = Vec::new();
        while let Ok(line) = crate::sync_server::read_line(&mut input) {
            let text = String::from_utf8_lossy(&line).into_owned();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            commands.push(words.join(" "));
        }
        commands
    }

    /// Resets counters and transcripts.
    pub fn reset(&self) {
        for counter in [&self.shared.sent, &self.shared.received, &self.shared.connections] {
            counter.store(0, Ordering::Relaxed);
        }
        lock(&self.shared.transcript).clear();
        lock(&self.shared.answers).clear();
    }

    /// Cuts each connection when clients have sent this many bytes since the last reset.
    pub fn cut_after(&self, bytes: u64) {
        self.shared.cut_after.store(bytes, Ordering::Relaxed);
    }

    /// Cuts one connection, and no other, when clients have sent this many bytes since the last
    /// reset.
    pub fn cut_once_after(&self, bytes: u64) {
        self.shared.cut_once.store(true, Ordering::Relaxed);
        self.cut_after(bytes);
    }

    /// Returns whether the cut of [`Proxy::cut_once_after`] has not happened yet.
    pub fn cut_is_due(&self) -> bool {
        self.shared.cut_once.load(Ordering::Relaxed)
    }

    /// Cuts each connection when servers have sent this many bytes since the last reset.
    pub fn cut_answers_after(&self, bytes: u64) {
        self.shared.cut_answers_after.store(bytes, Ordering::Relaxed);
    }

    /// Flips a bit in this byte of the clients' bytes, counted from the last reset.
    pub fn flip_at(&self, byte: u64) {
        self.shared.flip.store(byte, Ordering::Relaxed);
    }

    /// Flips a bit in this byte of the servers' bytes, counted from the last reset.
    pub fn flip_answer_at(&self, byte: u64) {
        self.shared.flip_answer.store(byte, Ordering::Relaxed);
    }

    /// Stops flipping bits.
    pub fn never_flip(&self) {
        self.flip_at(u64::MAX);
        self.flip_answer_at(u64::MAX);
    }

    /// Stops cutting connections.
    pub fn never_cut(&self) {
        self.cut_after(u64::MAX);
        self.cut_answers_after(u64::MAX);
    }

    /// Performs `fault` once, instead of forwarding the server's next bytes.
    pub fn fail_next(&self, fault: Fault) {
        *lock(&self.shared.fault) = Some(fault);
    }

    /// Holds back everything that clients send, from the first command with these words on (only
    /// with `clear`).
    pub fn hold_at(&self, words: &'static [u8]) {
        self.shared.gate.close_at(Mark::At(words));
    }

    /// Like [`Proxy::hold_at`], but forwards this line.
    pub fn hold_after(&self, words: &'static [u8]) {
        self.shared.gate.close_at(Mark::After(words));
    }

    /// Returns whether the proxy holds back what clients send.
    pub fn is_holding(&self) -> bool {
        self.shared.gate.is_closed()
    }

    /// Forwards what was held back, and holds back nothing more.
    pub fn release(&self) {
        self.shared.gate.open();
    }

    /// Removes the servers' offers to encrypt, like an attacker between client and server who wants
    /// to read the traffic, or stops removing them.
    pub fn strip_starttls(&self, strips: bool) {
        self.shared.strips.store(strips, Ordering::Relaxed);
    }

    /// Returns whether the fault of [`Proxy::fail_next`] has not happened yet.
    pub fn fault_is_due(&self) -> bool {
        lock(&self.shared.fault).is_some()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        for stream in lock(&self.shared.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // What was held back goes nowhere any more.
        self.shared.gate.open();
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.stopping.load(Ordering::Relaxed) {
            return;
        }
        let Ok(client) = client else { continue };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, shared.target));
        let Ok(server) = TcpStream::connect(address) else { continue };
        shared.connections.fetch_add(1, Ordering::Relaxed);
        for stream in [&client, &server] {
            let _ = stream.set_nodelay(true);
            lock(&shared.open).extend(stream.try_clone());
        }
        let (Ok(client_in), Ok(server_in)) = (client.try_clone(), server.try_clone()) else {
            continue;
        };
        forward(client_in, server, Arc::clone(shared), Way::Out);
        forward(server_in, client, Arc::clone(shared), Way::Back);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Out,
    Back,
}

/// Forwards with two threads, so that the delay does not limit the throughput. One thread reads at
/// once and adds the time; the other writes when the delay has passed.
fn forward(mut from: TcpStream, mut to: TcpStream, shared: Arc<Shared>, way: Way) {
    let (queue, due): (Sender<(Instant, Vec<u8>)>, Receiver<_>) = mpsc::channel();
    let delay = shared.one_way;
    thread::spawn(move || {
        while let Ok((at, bytes)) = due.recv() {
            if let Some(wait) = Instant::checked_duration_since(&at, Instant::now()) {
                thread::sleep(wait);
            }
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut filter = Filter::new(way == Way::Back && shared.clear);
        let mut silent = false;
        let mut buffer = vec![0; 64 << 10];
        while let Ok(size @ 1..) = from.read(&mut buffer) {
            let Some(bytes) = buffer.get_mut(..size) else { break };
            let (counter, limit, record, flip) = match way {
                Way::Out => (&shared.sent, &shared.cut_after, &shared.transcript, &shared.flip),
                Way::Back => (
                    &shared.received,
                    &shared.cut_answers_after,
                    &shared.answers,
                    &shared.flip_answer,
                ),
            };
            let before = counter.fetch_add(size as u64, Ordering::Relaxed);
            let at = flip.load(Ordering::Relaxed).checked_sub(before);
            let at = at.and_then(|at| usize::try_from(at).ok());
            if let Some(byte) = at.and_then(|at| bytes.get_mut(at)) {
                *byte ^= 1;
            }
            let bytes = &*bytes;
            let left = limit.load(Ordering::Relaxed).saturating_sub(before);
            let cut = (size as u64) > left;
            if cut && way == Way::Out && shared.cut_once.swap(false, Ordering::Relaxed) {
                shared.cut_after.store(u64::MAX, Ordering::Relaxed);
            }
            let bytes = match usize::try_from(left) {
                Ok(left) if cut => bytes.get(..left).unwrap_or_default(),
                _ => bytes,
            };
            let fault = (way == Way::Back).then(|| lock(&shared.fault).take()).flatten();
            silent |= fault == Some(Fault::Silence);
            if let Some(Fault::Say(words)) = fault {
                let _ = queue.send((Instant::now() + delay, words));
                break;
            }
            let mut bytes = filter.pass(if silent { &[] } else { bytes });
            if way == Way::Back && shared.strips.load(Ordering::Relaxed) {
                ENCRYPTION.iter().for_each(|offer| take_out(&mut bytes, offer));
            }
            if shared.clear {
                lock(record).extend(&bytes);
            }
            if way == Way::Out {
                let held = bytes.split_off(shared.gate.passes(&bytes));
                if queue.send((Instant::now() + delay, bytes)).is_err() {
                    break;
                }
                shared.gate.wait();
                bytes = held;
            }
            if queue.send((Instant::now() + delay, bytes)).is_err() || cut {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
    });
}

fn take_out(bytes: &mut Vec<u8>, offer: &[u8]) {
    while let Some(at) = bytes.windows(offer.len()).position(|window| window == offer) {
        bytes.drain(at..at + offer.len());
    }
}

/// Removes the offer to compress from a greeting.
pub(crate) struct Filter {
    hides: bool,
    held: VecDeque<u8>,
}

impl Filter {
    /// Creates a filter that removes the offer if `hides` is set.
    pub(crate) fn new(hides: bool) -> Filter {
        Filter { hides, held: VecDeque::new() }
    }

    /// Returns whether it lets everything through.
    pub(crate) fn is_idle(&self) -> bool {
        !self.hides
    }

    /// Returns the bytes to forward. Holds back all bytes until they contain the offer or the end
    /// of the greeting.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        if !self.hides {
            return bytes.to_vec();
        }
        self.held.extend(bytes);
        let text = self.held.make_contiguous();
        if let Some(at) = text.windows(COMPRESSION.len()).position(|w| w == COMPRESSION) {
            self.held.drain(at..at + COMPRESSION.len());
            self.hides = false;
        } else if text.windows(4).any(|w| w == b"* OK") && text.ends_with(b"\r\n") {
            self.hides = false;
        } else {
            return Vec::new();
        }
        self.held.drain(..).collect()
    }
}
