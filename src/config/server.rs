//! Parses the address of a replica: the name of the server with its options, and the port
//! (`backend_connect` in `imap/backend.c`, `sync_connect` in `imap/sync_support.c`).

use std::path::PathBuf;

use crate::error::{Error, Kind, Result};

/// Ports of services that are missing in /etc/services.
const DEFAULT_PORTS: [(&str, u16); 2] = [("csync", 2005), ("imap", 143)];

/// The address of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A host, with the port and the options after its name.
    Tcp {
        /// Host name or IP address.
        host: String,
        /// Port, if the server's name has one.
        port: Option<u16>,
        /// Whether TLS starts with the first byte (`/tls`).
        tls: bool,
        /// Whether the replica requires no login (`/noauth`).
        noauth: bool,
    },
    /// A UNIX socket.
    Unix(PathBuf),
}

impl Target {
    /// Parses `host`, `host:port`, `[v6]:port`, each with optional `/tls` and `/noauth`, or
    /// `/path`. A port may be a service name.
    ///
    /// # Errors
    /// [`Kind::Config`] for anything else.
    pub fn parse(server: &str) -> Result<Target> {
        let bad = |what: String| {
            Error::new(Kind::Config, "read server name", server, what).with_hint(
                "give host, host:port, [IPv6 address]:port, each optionally followed by /tls or \
                 /noauth, or /path/of/socket",
            )
        };
        if server.starts_with('/') {
            return Ok(Target::Unix(PathBuf::from(server)));
        }
        let mut parts = server.split('/');
        let place = parts.next().unwrap_or_default();
        let (mut tls, mut noauth) = (false, false);
        for option in parts {
            match option {
                "tls" => tls = true,
                "noauth" => noauth = true,
                // Cyrus ignores an unknown option. Refuse it, because a typing error in `/tls` must
                // not lead to clear text.
                other => return Err(bad(format!("/{other} is not a known ending"))),
            }
        }
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => {
                let (host, port) =
                    rest.split_once(']').ok_or_else(|| bad("] is missing".into()))?;
                (host, port.strip_prefix(':'))
            }
            // More than one colon: an IPv6 address without a port.
            None if place.matches(':').count() > 1 => (place, None),
            None => place.split_once(':').map_or((place, None), |(h, p)| (h, Some(p))),
        };
        if host.is_empty() {
            return Err(bad("the host is missing".into()));
        }
        let port = port
            .map(service_port)
            .transpose()
            .map_err(|error| bad(format!("{}: {}", error.subject(), error.detail())))?;
        Ok(Target::Tcp { host: host.to_owned(), port, tls, noauth })
    }

    /// Returns the host without port and options, or the path of a UNIX socket.
    pub fn host(&self) -> String {
        match self {
            Target::Tcp { host, .. } => host.clone(),
            Target::Unix(path) => path.display().to_string(),
        }
    }
}

/// Returns the port for a number, or for the name of a service in /etc/services.
///
/// # Errors
/// [`Kind::Config`] for a number that is not a port, and for an unknown service.
pub fn service_port(name: &str) -> Result<u16> {
    let bad = |what: &str| {
        Error::new(Kind::Config, "look up port", name, what)
            .with_hint("give the port as a number from 1 to 65535, or the name of a service")
    };
    if name.is_empty() {
        return Err(bad("the port is missing"));
    }
    match name.parse::<u16>() {
        Ok(0) => return Err(bad("port 0 is not allowed")),
        Ok(port) => return Ok(port),
        Err(_) if name.bytes().all(|b| b.is_ascii_digit()) => {
            return Err(bad("the port is too large"));
        }
        Err(_) => {}
    }
    let services = std::fs::read_to_string("/etc/services").unwrap_or_default();
    let port_of = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let (first, place) = (words.next()?, words.next()?);
        let port = place.strip_suffix("/tcp")?.parse().ok()?;
        (first == name || words.any(|alias| alias == name)).then_some(port)
    };
    let default = || DEFAULT_PORTS.iter().find(|(known, _)| *known == name).map(|(_, port)| *port);
    services.lines().find_map(port_of).or_else(default).ok_or_else(|| bad("no such service"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: Option<u16>) -> Target {
        Target::Tcp { host: host.into(), port, tls: false, noauth: false }
    }

    #[test]
    fn server_names_are_host_port_or_path() {
        assert_eq!(Target::parse("replica").unwrap(), tcp("replica", None));
        assert_eq!(Target::parse("replica:2005").unwrap(), tcp("replica", Some(2005)));
        assert_eq!(Target::parse("replica:imap").unwrap(), tcp("replica", Some(143)));
        assert_eq!(Target::parse("::1").unwrap(), tcp("::1", None));
        assert_eq!(Target::parse("[::1]:99").unwrap(), tcp("::1", Some(99)));
        assert_eq!(Target::parse("/run/csync").unwrap(), Target::Unix("/run/csync".into()));
        for bad in
            ["", ":1", "a:", "a:0", "a:70000", "a:no-such-service", "[::1", "a/tsl", "a:1/tls/x"]
        {
            assert_eq!(Target::parse(bad).unwrap_err().kind(), Kind::Config, "{bad}");
        }
    }

    #[test]
    fn options_follow_the_port() {
        let with = |tls, noauth| {
            let (host, port) = ("::1".to_owned(), Some(993));
            Target::Tcp { host, port, tls, noauth }
        };
        assert_eq!(Target::parse("[::1]:993/tls").unwrap(), with(true, false));
        assert_eq!(Target::parse("[::1]:993/noauth").unwrap(), with(false, true));
        assert_eq!(Target::parse("[::1]:993/noauth/tls").unwrap(), with(true, true));
    }
}
