//! A line between client and server, with a rate and a round trip. It counts the traffic and can
//! record it.
//!
//! [`Proxy`](crate::Proxy) breaks connections; a link carries large amounts at low cost. All
//! connections share the rate, each direction separately. The rate applies to the data without
//! packet headers. On a line with a rate, socket buffers are small, so that the line slows the
//! client down and the buffers do not hide it.

mod bucket;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::proxy::Filter;
use bucket::{Bucket, Window};

/// Bytes to read at once if the rate is not limited.
const LARGE: usize = 256 << 10;
/// Bytes to read at once from a slow line: the payload of a usual packet.
const PACKET: usize = 1448;
/// The transmission time of the bytes to read at once from a line with a rate.
const PIECE: Duration = Duration::from_millis(2);
/// The smallest socket buffer of a line with a rate, in bytes.
const LEAST_BUFFER: usize = 64 << 10;
/// Bytes that may be in transit on a line without a rate.
const WIDE: usize = 16 << 20;

/// The properties of a line. By default it is as fast as the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Line {
    /// Bits a second in each direction; `None` means no limit.
    pub bits_per_second: Option<u64>,
    /// Round-trip time: from sending a byte to receiving its reply.
    pub round_trip: Duration,
    /// Whether to hide the server's offer to compress, and to record what each client sends.
    pub records: bool,
}

/// Forwards connections from a port of 127.0.0.1 to a server on 127.0.0.1 until it is dropped.
#[derive(Debug)]
pub struct Link {
    port: u16,
    shared: Arc<Shared>,
}

/// The traffic of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Bytes from client to server.
    pub sent: u64,
    /// Bytes from server to client.
    pub received: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Number of times that a client sent something after it had received something, as seen at the
    /// client's end of the line. Each round trip that the client waits for counts once.
    pub turns: u64,
}

#[derive(Debug)]
struct Shared {
    target: u16,
    line: Line,
    stopping: AtomicBool,
    sent: AtomicU64,
    received: AtomicU64,
    connections: AtomicU64,
    turns: AtomicU64,
    /// The rates: client to server, server to client.
    buckets: Option<[Bucket; 2]>,
    open: Mutex<Vec<TcpStream>>,
    recorded: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Out,
    Back,
}

/// One direction of a connection.
struct Lane {
    way: Way,
    shared: Arc<Shared>,
    /// Whether the client has received something since it last sent.
    answered: Arc<AtomicBool>,
    record: Option<Arc<Mutex<Vec<u8>>>>,
}

impl Link {
    /// Forwards to the port `target` over the given line.
    pub fn new(target: u16, line: Line) -> Link {
        let listener = listen(line).expect("a free port of 127.0.0.1");
        let port = listener.local_addr().expect("a bound socket has a port").port();
        let now = Instant::now();
        let shared = Arc::new(Shared {
            target,
            line,
            stopping: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            buckets: line.bits_per_second.map(|rate| [(); 2].map(|()| Bucket::new(rate, now))),
            open: Mutex::default(),
            recorded: Mutex::default(),
        });
        let taken = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &taken));
        Link { port, shared }
    }

    /// Returns the port to connect to on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the traffic so far.
    pub fn carried(&self) -> Carried {
        Carried {
            sent: self.shared.sent.load(Ordering::Relaxed),
            received: self.shared.received.load(Ordering::Relaxed),
            connections: self.shared.connections.load(Ordering::Relaxed),
            turns: self.shared.turns.load(Ordering::Relaxed),
        }
    }

    /// Returns what the client of each connection has sent, in the order of connections. The line
    /// must have `records` set.
    pub fn take_recorded(&self) -> Vec<Vec<u8>> {
        let recorded = lock(&self.shared.recorded);
        recorded.iter().map(|connection| std::mem::take(&mut *lock(connection))).collect()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        for stream in lock(&self.shared.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Line {
    /// Returns the size of socket buffers: the bytes in transit at the line's rate and round trip,
    /// within limits.
    fn buffer(self) -> Option<usize> {
        let bytes_per_second = self.bits_per_second? as f64 / 8.0;
        let under_way = bytes_per_second * self.round_trip.as_secs_f64();
        Some((under_way as usize).clamp(LEAST_BUFFER, WIDE))
    }

    /// Returns the number of bytes to read at once.
    fn piece(self) -> usize {
        let Some(rate) = self.bits_per_second else { return LARGE };
        let bytes = rate as f64 / 8.0 * PIECE.as_secs_f64();
        (bytes as usize).clamp(PACKET, LARGE)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Creates a socket with buffers and packets for the line. Accepted sockets inherit them.
fn socket(line: Line) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    if let Some(size) = line.buffer() {
        socket.set_recv_buffer_size(size)?;
        socket.set_send_buffer_size(size)?;
        // A packet on loopback has 64 KiB and would fill such a buffer.
        socket.set_tcp_mss(u32::try_from(PACKET).unwrap_or(1448))?;
    }
    Ok(socket)
}

fn listen(line: Line) -> std::io::Result<TcpListener> {
    let socket = socket(line)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

fn connect(shared: &Shared) -> std::io::Result<TcpStream> {
    let socket = socket(shared.line)?;
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, shared.target)).into())?;
    Ok(socket.into())
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.stopping.load(Ordering::Relaxed) {
            return;
        }
        let Ok(client) = client else { continue };
        let Ok(server) = connect(shared) else { continue };
        shared.connections.fetch_add(1, Ordering::Relaxed);
        for stream in [&client, &server] {
            let _ = SockRef::from(stream).set_tcp_nodelay(true);
            lock(&shared.open).extend(stream.try_clone());
        }
        let (Ok(client_in), Ok(server_in)) = (client.try_clone(), server.try_clone()) else {
            continue;
        };
        let answered = Arc::new(AtomicBool::new(false));
        let record = shared.line.records.then(|| {
            let record = Arc::<Mutex<Vec<u8>>>::default();
            lock(&shared.recorded).push(Arc::clone(&record));
            record
        });
        let lane = |way| Lane {
            way,
            shared: Arc::clone(shared),
            answered: Arc::clone(&answered),
            record: record.clone().filter(|_| way == Way::Out),
        };
        lane(Way::Out).run(client_in, server);
        lane(Way::Back).run(server_in, client);
    }
}

impl Lane {
    /// Starts the lane. If the line has a round trip, a second thread holds bytes until they
    /// arrive.
    fn run(self, from: TcpStream, to: TcpStream) {
        let one_way = self.shared.line.round_trip / 2;
        if one_way.is_zero() {
            thread::spawn(move || {
                let mut far = &to;
                self.read(&from, |bytes, at| {
                    sleep_until(at);
                    self.arrives(bytes);
                    far.write_all(bytes).is_ok()
                });
                finish(&from, &to);
            });
            return;
        }
        let lane = Arc::new(self);
        let window = Arc::new(Window::new(WIDE));
        let (queue, due) = mpsc::channel::<(Instant, Vec<u8>)>();
        let (arriving, room) = (Arc::clone(&lane), Arc::clone(&window));
        let near = from.try_clone();
        thread::spawn(move || {
            let mut far = &to;
            while let Ok((at, bytes)) = due.recv() {
                sleep_until(Some(at));
                arriving.arrives(&bytes);
                if far.write_all(&bytes).is_err() {
                    break;
                }
                room.leave(bytes.len());
            }
            // From here on this thread takes no bytes out of the buffer. Lift the limit of the
            // buffer, so that the reading thread does not wait forever for room.
            drop(due);
            room.open();
            if let Ok(near) = near {
                finish(&near, &to);
            }
        });
        thread::spawn(move || {
            lane.read(&from, |bytes, at| {
                // The bytes have left this end when the line has accepted them.
                sleep_until(at);
                window.enter(bytes.len());
                let at = at.unwrap_or_else(Instant::now) + one_way;
                queue.send((at, bytes.to_vec())).is_ok()
            });
        });
    }

    /// Reads until the end. Passes each piece to `put` with the time at which the line has accepted
    /// it.
    fn read(&self, mut from: &TcpStream, mut put: impl FnMut(&[u8], Option<Instant>) -> bool) {
        let shared = &self.shared;
        let mut filter = Filter::new(self.way == Way::Back && shared.line.records);
        let mut buffer = vec![0; shared.line.piece()];
        while let Ok(size @ 1..) = from.read(&mut buffer) {
            let Some(bytes) = buffer.get(..size) else { break };
            let counter = match self.way {
                Way::Out => &shared.sent,
                Way::Back => &shared.received,
            };
            counter.fetch_add(size as u64, Ordering::Relaxed);
            if self.way == Way::Out && self.answered.swap(false, Ordering::Relaxed) {
                shared.turns.fetch_add(1, Ordering::Relaxed);
            }
            if let Some(record) = &self.record {
                lock(record).extend_from_slice(bytes);
            }
            let held;
            let bytes = if filter.is_idle() {
                bytes
            } else {
                held = filter.pass(bytes);
                &held
            };
            let bucket = shared.buckets.as_ref().map(|[out, back]| match self.way {
                Way::Out => out,
                Way::Back => back,
            });
            let at = bucket.map(|bucket| bucket.take(size, Instant::now()));
            if !put(bytes, at) {
                break;
            }
        }
    }

    fn arrives(&self, bytes: &[u8]) {
        if self.way == Way::Back && !bytes.is_empty() {
            self.answered.store(true, Ordering::Relaxed);
        }
    }
}

fn sleep_until(at: Option<Instant>) {
    if let Some(wait) = at.and_then(|at| at.checked_duration_since(Instant::now())) {
        thread::sleep(wait);
    }
}

fn finish(from: &TcpStream, to: &TcpStream) {
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests;
