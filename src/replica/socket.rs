//! Opens sockets: tries all addresses of a host in turn, with a time limit, and stops soon when
//! cancelled (`backend_connect` in `imap/backend.c`).

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, SockRef, TcpKeepalive, Type};

use super::aside::{Left, aside};
use super::patience::TICK;
use crate::error::{Error, Kind, Result, Subject, reason};
use crate::settings::KeepAlive;
use crate::sys::poll;

/// The maximum number of addresses of a host that are tried.
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
            Socket::Unix(socket) => socket.write(bytes),
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

    /// Turns probes of idle connections on. Returns the options that the system refuses, with the
    /// reasons; the other options still take effect.
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

    /// Returns the address of the other end, or `None` for a UNIX socket.
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
    pub timeout: Duration,
    pub cancel: &'d AtomicBool,
    /// The name or address to connect from (`client_bind`).
    pub bind: Option<&'d str>,
}

impl Dialer<'_> {
    /// Connects to the first address of a host that accepts the connection.
    ///
    /// # Errors
    /// [`Kind::Connect`] with the reason for each address; [`Kind::Cancelled`].
    pub fn tcp(&self, host: &str, port: u16) -> Result<Socket> {
        let addresses = self.resolve(host, port)?;
        let from = match self.bind {
            Some(name) => self.resolve(name, 0)?,
            None => Vec::new(),
        };
        let (mut reasons, mut last) = (Vec::new(), None);
        for address in addresses.into_iter().take(ADDRESSES) {
            match self.dial(address, &from) {
                Ok(socket) => return Ok(Socket::Tcp(socket)),
                Err(Failure::Cancelled) => return Err(cancelled()),
                Err(Failure::Io(error)) => {
                    reasons.push(format!("{address}: {}", reason(&error)));
                    last = Some(error);
                }
            }
        }
        let place = Subject::host(format!("{host}:{port}"));
        match last {
            Some(last) => Err(failed(place, reasons.join(", ")).caused_by(last)),
            None => Err(Error::new(Kind::Connect, "connect to", place, "it has no address")),
        }
    }

    /// Connects to a UNIX socket.
    ///
    /// # Errors
    /// Same as for [`Dialer::tcp`].
    pub fn unix(&self, path: &Path) -> Result<Socket> {
        let place = Subject::from(path);
        let broken = |error: io::Error| failed(place.clone(), reason(&error)).caused_by(error);
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None).map_err(broken)?;
        socket.set_nonblocking(true).map_err(broken)?;
        let address = SockAddr::unix(path).map_err(broken)?;
        let begun = Instant::now();
        loop {
            match socket.connect(&address) {
                Ok(()) => return Ok(Socket::Unix(socket.into())),
                // The server's queue is full. The system does not signal when there is room again.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.is_cancelled() {
                        return Err(cancelled());
                    }
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

    fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    fn dial(&self, address: SocketAddr, from: &[SocketAddr]) -> Result<TcpStream, Failure> {
        let domain = Domain::for_address(address);
        let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // This only improves speed: ignore errors.
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
            if self.is_cancelled() {
                return Err(Failure::Cancelled);
            }
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
    /// thread that can be abandoned. That thread ends when the resolver gives up.
    fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let unknown = |why: String| {
            Error::new(Kind::Connect, "look up address of", Subject::host(host), why)
                .hint("check the name in sync_host (or -S), and the system's resolver")
        };
        let name = host.to_owned();
        let look_up = move || {
            let addresses = (name.as_str(), port).to_socket_addrs();
            addresses.map(Iterator::collect)
        };
        match aside("cyrsync-resolve", self.timeout, self.cancel, look_up) {
            Ok(addresses) => addresses.map_err(|e| unknown(reason(&e))),
            Err(Left::Cancelled) => Err(cancelled()),
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
    let found = Dialer { timeout, cancel, bind: None }.resolve(host, 0)?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.into_iter().take(ADDRESSES).map(|address| address.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// Binds to a local address of the same family as the other end's.
fn bind(socket: &socket2::Socket, to: SocketAddr, from: &[SocketAddr]) -> io::Result<()> {
    let mut last = io::Error::other("client_bind_name has no address of this kind");
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
    Cancelled,
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

fn cancelled() -> Error {
    Error::new(Kind::Cancelled, "connect to", "the replica", "asked to stop")
}

fn failed(place: Subject, why: String) -> Error {
    Error::new(Kind::Connect, "connect to", place, why)
        .hint("is sync_server or imapd running there? see cyrus.conf and sync_port")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    fn dialer<'d>(cancel: &'d AtomicBool, bind: Option<&'d str>) -> Dialer<'d> {
        Dialer { timeout: Duration::from_secs(20), cancel, bind }
    }

    #[test]
    fn a_name_is_looked_up_and_every_address_tried() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let cancel = AtomicBool::new(false);
        // `localhost` may also be ::1, where nobody listens.
        let socket = dialer(&cancel, None).tcp("localhost", port).unwrap();
        let (local, peer) = socket.addresses();
        assert_eq!(peer.unwrap().port(), port);
        assert!(local.unwrap().ip().is_loopback());
    }

    #[test]
    fn an_address_of_our_own_is_taken() {
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
    fn nobody_there_is_told_with_the_address() {
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
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let cancel = AtomicBool::new(false);
        let patient = dialer(&cancel, None);
        let impatient = Dialer { timeout: Duration::ZERO, ..dialer(&cancel, None) };
        // Nobody accepts connections, so the queue fills up.
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
