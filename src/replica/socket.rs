//! Opens sockets: tries all addresses of a host in turn, with a time limit for each
//! (`backend_connect` in `imap/backend.c`). Attempts can be cancelled.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, SockRef, TcpKeepalive, Type};

use super::aside::{Left, aside_until};
use super::interrupt::{Asking, Interrupt};
use super::patience::TICK;
use crate::error::{Error, Kind, Result, Subject, reason};
use crate::settings::KeepAlive;
use crate::sys::poll;

/// Maximum number of addresses of a host that are tried.
const ADDRESSES: usize = 32;

/// A connected socket.
#[derive(Debug)]
pub enum Socket {
    /// A TCP socket.
    Tcp(TcpStream),
    /// A UNIX socket.
    Unix(UnixStream),
}

impl Socket {
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => socket.read(buffer),
            Socket::Unix(socket) => socket.read(buffer),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => socket.write(bytes),
            // Before Rust 1.90, the standard library lets the kernel send SIGPIPE here.
            Socket::Unix(socket) => {
                SockRef::from(&*socket).send_with_flags(bytes, libc::MSG_NOSIGNAL)
            }
        }
    }

    /// Returns another handle to the same socket.
    pub(super) fn try_clone(&self) -> io::Result<Socket> {
        match self {
            Socket::Tcp(socket) => socket.try_clone().map(Socket::Tcp),
            Socket::Unix(socket) => socket.try_clone().map(Socket::Unix),
        }
    }

    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Socket::Tcp(socket) => socket.set_nonblocking(true),
            Socket::Unix(socket) => socket.set_nonblocking(true),
        }
    }

    /// Turns on TCP keepalive, with which the system probes idle connections. Returns the options
    /// that the system refuses, with the reasons; the other options still take effect.
    pub(super) fn keep_alive(&self, wanted: Option<KeepAlive>) -> Vec<(&'static str, io::Error)> {
        let (Socket::Tcp(socket), Some(wanted)) = (self, wanted) else { return Vec::new() };
        let socket = SockRef::from(socket);
        let mut refused = Vec::new();
        let mut note = |option, result: io::Result<()>| {
            refused.extend(result.err().map(|error| (option, error)));
        };
        note("tcp_keepalive", socket.set_keepalive(true));
        let none = TcpKeepalive::new();
        if !wanted.idle.is_zero() {
            let idle = none.clone().with_time(wanted.idle);
            note("tcp_keepalive_idle", socket.set_tcp_keepalive(&idle));
        }
        if !wanted.interval.is_zero() {
            let interval = none.clone().with_interval(wanted.interval);
            note("tcp_keepalive_intvl", socket.set_tcp_keepalive(&interval));
        }
        if wanted.probes > 0 {
            let probes = none.with_retries(wanted.probes);
            note("tcp_keepalive_cnt", socket.set_tcp_keepalive(&probes));
        }
        refused
    }

    /// Returns the address of the replica, or `None` for a UNIX socket.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        match self {
            Socket::Tcp(socket) => socket.peer_addr().ok().map(|peer| peer.ip()),
            Socket::Unix(_) => None,
        }
    }

    /// Returns the addresses of both ends, or `None` for a UNIX socket.
    #[cfg(test)]
    fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        match self {
            Socket::Tcp(socket) => (socket.local_addr().ok(), socket.peer_addr().ok()),
            Socket::Unix(_) => (None, None),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Tcp(socket) => socket.as_fd(),
            Socket::Unix(socket) => socket.as_fd(),
        }
    }
}

/// Parameters for connecting.
pub(super) struct Dialer<'d> {
    /// Time limit for each address.
    timeout: Duration,
    cancel: &'d AtomicBool,
    /// The name or address of this machine to connect from (`client_bind`).
    bind: Option<&'d str>,
    interrupt: Asking,
    begun: Instant,
}

impl<'d> Dialer<'d> {
    /// Prepares an attempt. `timeout` is for each address; `bind` is the name or address of this
    /// machine to connect from (`client_bind`). `cancel` and `interrupt` can end the attempt.
    pub fn new(
        timeout: Duration,
        cancel: &'d AtomicBool,
        bind: Option<&'d str>,
        interrupt: Option<Arc<dyn Interrupt>>,
    ) -> Dialer<'d> {
        let interrupt = Asking::new(interrupt);
        Dialer { timeout, cancel, bind, interrupt, begun: Instant::now() }
    }

    /// Connects to the first address of a host that accepts the connection.
    ///
    /// # Errors
    /// [`Kind::Connect`] with the reason for each address; [`Kind::Cancelled`]; the error of the
    /// [`Interrupt`].
    pub fn tcp(&mut self, host: &str, port: u16) -> Result<Socket> {
        let addresses = self.resolve(host, port)?;
        let from = match self.bind {
            Some(name) => self.resolve(name, 0)?,
            None => Vec::new(),
        };
        let (mut reasons, mut last) = (Vec::new(), None);
        for address in addresses.into_iter().take(ADDRESSES) {
            match self.dial(address, &from) {
                Ok(socket) => return Ok(Socket::Tcp(socket)),
                Err(Failure::Ended(error)) => return Err(error),
                Err(Failure::Io(error)) => {
                    reasons.push(format!("{address}: {}", reason(&error)));
                    last = Some(error);
                }
            }
        }
        let place = Subject::host(format!("{host}:{port}"));
        match last {
            Some(last) => Err(failed(place, reasons.join(", ")).with_source(last)),
            None => Err(Error::new(Kind::Connect, "connect to", place, "the name has no address")),
        }
    }

    /// Connects to a UNIX socket.
    ///
    /// # Errors
    /// Same as for [`Dialer::tcp`].
    pub fn unix(&mut self, path: &Path) -> Result<Socket> {
        let place = Subject::from(path);
        let broken = |error: io::Error| failed(place.clone(), reason(&error)).with_source(error);
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None).map_err(broken)?;
        socket.set_nonblocking(true).map_err(broken)?;
        let address = SockAddr::unix(path).map_err(broken)?;
        let begun = Instant::now();
        loop {
            match socket.connect(&address) {
                Ok(()) => return Ok(Socket::Unix(socket.into())),
                // The server's queue is full. poll(2) does not report when there is room again, so
                // try again soon.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ask()?;
                    if begun.elapsed() >= self.timeout {
                        return Err(failed(place, timed_out(self.timeout).to_string()));
                    }
                    thread::sleep(TICK.min(Duration::from_millis(20)));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(error)),
            }
        }
    }

    /// Fails if the attempt must end.
    fn ask(&mut self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Cancelled, "connect to", "the replica", "asked to stop"));
        }
        self.interrupt.ask(self.begun.elapsed())
    }

    fn dial(&mut self, address: SocketAddr, from: &[SocketAddr]) -> Result<TcpStream, Failure> {
        let domain = Domain::for_address(address);
        let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // This option only improves speed, so ignore errors.
        let _ = socket.set_tcp_nodelay(true);
        if self.bind.is_some() {
            bind(&socket, address, from)?;
        }
        match socket.connect(&address.into()) {
            Ok(()) => return Ok(socket.into()),
            Err(error) if is_under_way(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let begun = Instant::now();
        loop {
            self.ask().map_err(Failure::Ended)?;
            let left = self.timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(timed_out(self.timeout).into());
            }
            let ready = poll::wait(&socket, true, left.min(TICK))?;
            if ready.read || ready.write {
                return match socket.take_error()? {
                    Some(error) => Err(error.into()),
                    None => Ok(socket.into()),
                };
            }
        }
    }

    /// Looks up the addresses of a name. The system's resolver may take very long, so it runs on a
    /// thread that the caller can abandon. That thread ends when the resolver returns.
    fn resolve(&mut self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let unknown = |why: String| {
            Error::new(Kind::Connect, "look up address of", Subject::host(host), why)
                .with_hint("check the name in sync_host (or -S), and the system's resolver")
        };
        let name = host.to_owned();
        let look_up = move || {
            let addresses = (name.as_str(), port).to_socket_addrs();
            addresses.map(Iterator::collect)
        };
        let limit = self.timeout;
        match aside_until("cyrsync-resolve", limit, || self.ask().err(), look_up) {
            Ok(addresses) => addresses.map_err(|e| unknown(reason(&e))),
            Err(Left::Ended(error)) => Err(error),
            Err(Left::Late) => Err(unknown(timed_out(self.timeout).to_string())),
            Err(Left::Failed(error)) => Err(unknown(error.to_string())),
        }
    }
}

/// Returns the addresses of a host, in the order in which they are tried.
///
/// # Errors
/// [`Kind::Connect`] if there is none; [`Kind::Cancelled`].
pub fn addresses(host: &str, timeout: Duration, cancel: &AtomicBool) -> Result<Vec<IpAddr>> {
    let found = Dialer::new(timeout, cancel, None, None).resolve(host, 0)?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.into_iter().take(ADDRESSES).map(|address| address.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// Binds the socket to one of the local addresses `from`, of the same family as `to`.
fn bind(socket: &socket2::Socket, to: SocketAddr, from: &[SocketAddr]) -> io::Result<()> {
    let mut last =
        io::Error::other("client_bind_name has no address of the same family (IPv4 or IPv6)");
    for address in from.iter().filter(|from| from.is_ipv4() == to.is_ipv4()) {
        match socket.bind(&(*address).into()) {
            Ok(()) => return Ok(()),
            Err(error) => {
                last = io::Error::new(
                    error.kind(),
                    format!("bind {}: {}", address.ip(), reason(&error)),
                )
            }
        }
    }
    Err(last)
}

enum Failure {
    Ended(Error),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}

fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS) || error.kind() == io::ErrorKind::Interrupted
}

fn timed_out(limit: Duration) -> io::Error {
    let what = format!("no answer for {} seconds (client_timeout)", limit.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, what)
}

fn failed(place: Subject, why: String) -> Error {
    Error::new(Kind::Connect, "connect to", place, why)
        .with_hint("check that sync_server or imapd runs there; see cyrus.conf and sync_port")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    fn dialer<'d>(cancel: &'d AtomicBool, bind: Option<&'d str>) -> Dialer<'d> {
        Dialer::new(Duration::from_secs(20), cancel, bind, None)
    }

    #[test]
    fn a_name_is_looked_up_and_every_address_tried() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let cancel = AtomicBool::new(false);
        // `localhost` may also have the address ::1, on which nothing listens.
        let socket = dialer(&cancel, None).tcp("localhost", port).unwrap();
        let (local, peer) = socket.addresses();
        assert_eq!(peer.unwrap().port(), port);
        assert!(local.unwrap().ip().is_loopback());
    }

    #[test]
    fn the_client_binds_to_a_configured_address() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let cancel = AtomicBool::new(false);
        let socket = dialer(&cancel, Some("127.0.0.77")).tcp("127.0.0.1", port).unwrap();
        assert_eq!(socket.addresses().0.unwrap().ip(), Ipv4Addr::new(127, 0, 0, 77));
        let wrong = dialer(&cancel, Some("::1")).tcp("127.0.0.1", port).unwrap_err();
        assert!(wrong.to_string().contains("client_bind_name"), "{wrong}");
    }

    #[test]
    fn idle_connections_are_probed_as_configured() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let cancel = AtomicBool::new(false);
        let connect = || dialer(&cancel, None).tcp("127.0.0.1", port).unwrap();
        let off = connect();
        assert!(off.keep_alive(None).is_empty());
        let Socket::Tcp(socket) = &off else { panic!("it is TCP") };
        assert!(!SockRef::from(socket).keepalive().unwrap());
        let system = SockRef::from(socket).tcp_keepalive_time().unwrap();

        let plain = connect();
        assert!(plain.keep_alive(Some(KeepAlive::default())).is_empty());
        let Socket::Tcp(socket) = &plain else { panic!("it is TCP") };
        let socket = SockRef::from(socket);
        assert_eq!(
            (socket.keepalive().unwrap(), socket.tcp_keepalive_time().unwrap()),
            (true, system)
        );

        let all = connect();
        let seconds = Duration::from_secs;
        let wanted = KeepAlive { idle: seconds(120), interval: seconds(7), probes: 3 };
        assert!(all.keep_alive(Some(wanted)).is_empty());
        let too_much = KeepAlive { idle: seconds(1 << 20), ..KeepAlive::default() };
        let refused = all.keep_alive(Some(too_much));
        assert_eq!(
            refused.iter().map(|(option, _)| *option).collect::<Vec<_>>(),
            ["tcp_keepalive_idle"]
        );
        let Socket::Tcp(socket) = &all else { panic!("it is TCP") };
        let socket = SockRef::from(socket);
        let times =
            (socket.tcp_keepalive_time().unwrap(), socket.tcp_keepalive_interval().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(
            (times, socket.tcp_keepalive_retries().unwrap()),
            ((seconds(120), seconds(7)), 3)
        );
    }

    #[test]
    fn a_refused_connection_is_reported_with_the_address() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let cancel = AtomicBool::new(false);
        let error = dialer(&cancel, None).tcp("127.0.0.1", port).unwrap_err();
        assert_eq!(error.kind(), Kind::Connect);
        assert!(error.detail().contains("refused"), "{error}");
        let error = dialer(&cancel, None).unix(Path::new("/nonexistent/socket")).unwrap_err();
        assert_eq!(error.kind(), Kind::Connect);
        assert_eq!(*error.subject(), "/nonexistent/socket");
    }

    #[test]
    fn a_full_queue_can_be_given_up_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        // With the queue of the standard library, all descriptors of a process may be used first.
        let listener = socket2::Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        listener.listen(1).unwrap();
        let cancel = AtomicBool::new(false);
        let mut patient = dialer(&cancel, None);
        let mut impatient = Dialer { timeout: Duration::ZERO, ..dialer(&cancel, None) };
        // The listener accepts no connections, so its queue fills up.
        let mut held = Vec::new();
        let error = loop {
            match impatient.unix(&path) {
                Ok(socket) => held.push(socket),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("client_timeout"), "{error}");
        cancel.store(true, Ordering::Relaxed);
        assert_eq!(patient.unix(&path).unwrap_err().kind(), Kind::Cancelled);
    }
}
