//! From a server's name to a session: connect, greeting, login, compression, capabilities
//! (`sync_connect` in `imap/sync_support.c`, `imap/backend.c`).

use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::dialect::{Dialect, Tagger};
use super::lines::read_line;
use super::link::{Link, Socket};
use super::offer::{Offer, Surroundings};
use super::responses::{Ending, ending};
use super::sasl::{self, Credentials};
use super::session::Session;
use super::{Enabled, Replica, Verb};
use crate::dlist::Value;
use crate::error::{Error, Kind, Result};
use crate::observe::{Level, Observer};
use crate::sys::poll;

/// Port of the service `csync` where the system's list does not name it.
const CSYNC_PORT: u16 = 2005;
/// Lines of a greeting; real ones have about six.
const GREETING_LINES: usize = 64;
/// The version from which mailboxes of JMAP notifications are known.
const NOTIFICATIONS_SINCE: (u32, u32) = (3, 8);
/// Capability bits as Cyrus's client prints them with `-v`.
const CAPA_SIEVE_MAILBOX: u32 = 1 << 11;
const CAPA_REPLICATION_ARCHIVE: u32 = 1 << 12;

/// Where a replica is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A host and, if the name gave one, a port.
    Tcp {
        /// Name or address.
        host: String,
        /// Port, if the server's name holds one.
        port: Option<u16>,
    },
    /// A UNIX socket.
    Unix(PathBuf),
}

impl Target {
    /// From `host`, `host:port`, `[v6]:port` or `/path`.
    pub fn parse(server: &str) -> Result<Target> {
        let bad = |what: &str| {
            Error::new(Kind::Config, "understand server name", server, what)
                .hint("give host, host:port, [IPv6 address]:port or /path/of/socket")
        };
        if server.starts_with('/') {
            return Ok(Target::Unix(PathBuf::from(server)));
        }
        if let Some((_, option)) = server.split_once('/') {
            return Err(Error::new(
                Kind::Unsupported,
                "understand server name",
                server,
                format!("connections with /{option} cannot be made yet"),
            )
            .hint("give host or host:port"));
        }
        let (host, port) = match server.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(|| bad("] is missing"))?;
                (host, port.strip_prefix(':'))
            }
            // More than one colon: an IPv6 address as it is.
            None if server.matches(':').count() > 1 => (server, None),
            None => server.split_once(':').map_or((server, None), |(h, p)| (h, Some(p))),
        };
        if host.is_empty() {
            return Err(bad("the host is missing"));
        }
        let port =
            port.map(|p| p.parse().map_err(|_| bad("the port is not a number"))).transpose()?;
        Ok(Target::Tcp { host: host.to_owned(), port })
    }
}

/// How to connect.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sync_port`: a number or a service name; used where the server's name has no port.
    pub port: Option<String>,
    /// Who to log in as.
    pub credentials: Credentials,
    /// How long connecting and logging in may take (`client_timeout`).
    pub connect_timeout: Duration,
    /// How long a reply may take (`sync_timeout`).
    pub timeout: Duration,
    /// Level of deflate, 1 to 9; 0 switches compression off.
    pub deflate_level: u32,
    /// Fail where compression is not to be had.
    pub require_compress: bool,
    /// Ask for staging on the archive partition.
    pub archive: bool,
    /// Have the replica take lower modseqs, UIDs and UIDVALIDITYs than its own.
    pub force: bool,
}

impl Session {
    /// Connects to a replica and logs in.
    pub fn connect(
        target: &Target,
        settings: &Settings,
        observer: Arc<dyn Observer>,
        cancel: Arc<AtomicBool>,
    ) -> Result<Session> {
        let socket = open(target, settings)?;
        let mut link = Link::new(socket, settings.connect_timeout, cancel)?;
        let greeting = greeting(&mut link)?;
        // On a UNIX socket the server trusts whoever may open it and offers no mechanism.
        if !greeting.mechanisms.is_empty() || matches!(target, Target::Tcp { .. }) {
            let mut tagger = Tagger::new(Dialect::Csync);
            let surroundings = Surroundings::default();
            let credentials = &settings.credentials;
            sasl::login(&mut link, &mut tagger, &greeting, &surroundings, credentials)?;
        }
        if settings.deflate_level > 0 && greeting.deflate {
            start_deflate(&mut link, settings.deflate_level, observer.as_ref())?;
        }
        if settings.require_compress && !link.is_compressed() {
            return Err(Error::new(
                Kind::Unsupported,
                "enable compression with",
                "the replica",
                "the replica does not offer it",
            )
            .hint("leave -z out, or build the replica's Cyrus with zlib"));
        }
        link.set_timeout(settings.timeout);
        let mut session = Session::new(link, observer.clone());
        session.enable(&greeting, settings.archive, observer.as_ref())?;
        if settings.force {
            let ticket = session.submit(Verb::Apply, &mut |w| {
                w.name("FORCE")?.open_kv()?;
                w.close()
            })?;
            session.wait(ticket).inspect_err(|_| {
                observer.log(Level::Error, "SYNCERROR: failed to enable force mode");
            })?;
        }
        Ok(session)
    }

    /// Agrees on capabilities with the server (`sync_do_enable`).
    fn enable(&mut self, greeting: &Offer, archive: bool, observer: &dyn Observer) -> Result<()> {
        let notifications = greeting.version >= Some(NOTIFICATIONS_SINCE);
        self.enabled.notifications = notifications;
        let mut bits = 0;
        if greeting.sieve_mailbox {
            observer.log(Level::Info, "Destination supports #sieve mailbox");
            bits |= CAPA_SIEVE_MAILBOX;
        }
        if archive && greeting.archive {
            observer.log(Level::Info, "Destination supports replication to archive");
            bits |= CAPA_REPLICATION_ARCHIVE;
        } else if archive {
            observer.log(Level::Notice, "Destination doesn't support replication to archive");
        }
        if bits == 0 {
            return Ok(());
        }
        observer.action(&format!("ENABLE {bits:#x}"));
        let names = [
            (CAPA_SIEVE_MAILBOX, "SIEVE-MAILBOX"),
            (CAPA_REPLICATION_ARCHIVE, "REPLICATION-ARCHIVE"),
        ];
        let ticket = self.submit(Verb::Apply, &mut |w| {
            w.name("CAPABILITIES")?.open_list()?;
            for (_, name) in names.iter().filter(|(bit, _)| bits & bit != 0) {
                w.atom(name.as_bytes())?;
            }
            w.close()
        })?;
        let reply = self.wait(ticket)?;
        let has = |name: &str| {
            let items = reply.items.iter().filter_map(|item| item.parse().ok());
            let lists = items.filter(|(item, _)| **item == *b"ENABLED");
            let mut agreed = lists.filter_map(|(_, value)| Some(value.list().ok()?.to_vec()));
            agreed.any(|list| {
                list.iter()
                    .any(|v| matches!(v, Value::Atom(a) if a.eq_ignore_ascii_case(name.as_bytes())))
            })
        };
        self.enabled = Enabled {
            sieve_mailbox: has("SIEVE-MAILBOX"),
            archive: has("REPLICATION-ARCHIVE"),
            notifications,
        };
        if bits & CAPA_REPLICATION_ARCHIVE != 0 && !self.enabled.archive {
            let what = "Replication to archive requested but destination didn't enable it";
            observer.log(Level::Notice, what);
            return Err(Error::new(Kind::ReplicaDenied, "enable", "REPLICATION-ARCHIVE", what)
                .hint("set archive_enabled on the replica or leave -a out"));
        }
        Ok(())
    }
}

fn open(target: &Target, settings: &Settings) -> Result<Socket> {
    let failed = |place: String, error: &std::io::Error| {
        Error::new(Kind::Connect, "connect to", place, error.to_string())
            .hint("is sync_server running there? see cyrus.conf and sync_port")
    };
    let (host, port) = match target {
        Target::Unix(path) => {
            let socket = UnixStream::connect(path);
            return socket.map(Socket::Unix).map_err(|e| failed(path.display().to_string(), &e));
        }
        Target::Tcp { host, port } => (host, port),
    };
    let port = match port {
        Some(port) => *port,
        None => service_port(settings.port.as_deref())?,
    };
    let addresses = (host.as_str(), port)
        .to_socket_addrs()
        .map_err(|e| failed(format!("{host}:{port}"), &e))?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, settings.connect_timeout) {
            Ok(socket) => {
                // Neither is worth failing for.
                let _ = socket.set_nodelay(true);
                let _ = poll::keep_alive(&socket);
                return Ok(Socket::Tcp(socket));
            }
            Err(error) => last = Some(failed(address.to_string(), &error)),
        }
    }
    Err(last.unwrap_or_else(|| {
        Error::new(Kind::Connect, "connect to", format!("{host}:{port}"), "it has no address")
    }))
}

/// `sync_port` as a number, or by the system's list of services.
fn service_port(service: Option<&str>) -> Result<u16> {
    let name = service.unwrap_or("csync");
    if let Ok(port) = name.parse() {
        return Ok(port);
    }
    let services = std::fs::read_to_string("/etc/services").unwrap_or_default();
    let port_of = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let (first, place) = (words.next()?, words.next()?);
        let port = place.strip_suffix("/tcp")?.parse().ok()?;
        (first == name || words.any(|alias| alias == name)).then_some(port)
    };
    match services.lines().find_map(port_of) {
        Some(port) => Ok(port),
        None if service.is_none() => Ok(CSYNC_PORT),
        None => Err(Error::new(Kind::Config, "look up sync_port", name, "no such service")
            .hint("give the port as a number")),
    }
}

fn greeting(link: &mut Link) -> Result<Offer> {
    let mut greeting = Offer { sasl_ir: true, replication: true, ..Offer::default() };
    for _ in 0..GREETING_LINES {
        let line = read_line(link)?;
        let line = String::from_utf8_lossy(&line);
        let Some(line) = line.strip_prefix("* ") else {
            return Err(not_csync(&line));
        };
        match ending(line.as_bytes()) {
            Some(Ending::Ok(_)) => {
                greeting.version = version(line);
                return Ok(greeting);
            }
            Some(Ending::No(text) | Ending::Bad(text) | Ending::Bye(text)) => {
                return Err(Error::new(Kind::Connect, "connect to", "the replica", text)
                    .hint("the replica turned the connection down; its log says why"));
            }
            None => {}
        }
        let mut words = line.split_whitespace();
        match words.next() {
            Some("SASL") => greeting.mechanisms.extend(words.map(str::to_ascii_uppercase)),
            Some("STARTTLS") => greeting.starttls = true,
            Some("COMPRESS") => greeting.deflate = words.any(|w| w == "DEFLATE"),
            Some("SIEVE-MAILBOX") => greeting.sieve_mailbox = true,
            Some("REPLICATION-ARCHIVE") => greeting.archive = true,
            _ => {}
        }
    }
    Err(not_csync("the greeting does not end"))
}

/// Major and minor version in `OK host Cyrus sync server 3.6.1-4` (`dobanner`).
fn version(line: &str) -> Option<(u32, u32)> {
    let (_, version) = line.split_once(" Cyrus sync server ")?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn not_csync(line: &str) -> Error {
    let line: String = line.chars().filter(|c| !c.is_control()).take(80).collect();
    Error::new(
        Kind::Protocol,
        "read greeting of",
        "the replica",
        format!("this is not a Cyrus sync server: {line}"),
    )
    .hint("check sync_host and sync_port")
}

fn start_deflate(link: &mut Link, level: u32, observer: &dyn Observer) -> Result<()> {
    link.write(b"COMPRESS DEFLATE\r\n")?;
    link.flush()?;
    match ending(&read_line(link)?) {
        Some(Ending::Ok(_)) => link.start_deflate(level),
        _ => {
            observer.log(Level::Notice, "Failed to enable compression, continuing uncompressed");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_names_are_host_port_or_path() {
        let tcp = |host: &str, port| Target::Tcp { host: host.into(), port };
        assert_eq!(Target::parse("replica").unwrap(), tcp("replica", None));
        assert_eq!(Target::parse("replica:2005").unwrap(), tcp("replica", Some(2005)));
        assert_eq!(Target::parse("::1").unwrap(), tcp("::1", None));
        assert_eq!(Target::parse("[::1]:99").unwrap(), tcp("::1", Some(99)));
        assert_eq!(Target::parse("/run/csync").unwrap(), Target::Unix("/run/csync".into()));
        for bad in ["", ":1", "a:b", "a:70000", "[::1"] {
            assert_eq!(Target::parse(bad).unwrap_err().kind(), Kind::Config, "{bad}");
        }
        assert_eq!(Target::parse("a:993/tls").unwrap_err().kind(), Kind::Unsupported);
    }

    #[test]
    fn the_greeting_tells_the_version() {
        assert_eq!(version("OK a.b Cyrus sync server 3.6.1-4+deb12u3"), Some((3, 6)));
        assert_eq!(version("OK a Cyrus sync server 3.12.3"), Some((3, 12)));
        assert_eq!(version("OK hello"), None);
        assert!(version("OK a Cyrus sync server x") < Some(NOTIFICATIONS_SINCE));
    }

    #[test]
    fn ports_are_numbers_or_services() {
        assert_eq!(service_port(Some("2100")).unwrap(), 2100);
        assert_eq!(service_port(None).unwrap(), CSYNC_PORT);
        assert_eq!(service_port(Some("no-such-service")).unwrap_err().kind(), Kind::Config);
    }
}
