//! The servers that were reached over verified TLS: lists them, and removes servers from the list.
//! The client refuses connections without TLS to a server in the list.

use std::path::Path;

use crate::config::DEFAULT_PATH;
use crate::error::Result;
use crate::names::Paths;
use crate::replica::tls::VerifiedServers;
use crate::settings::{Settings, Target};

/// Returns the list for clients with these settings.
pub fn verified_servers(settings: &Settings) -> VerifiedServers {
    let command = match settings.file() {
        Some(path) if path != Path::new(DEFAULT_PATH) => {
            format!("sync_client -C {} --forget-tls", path.display())
        }
        _ => "sync_client --forget-tls".to_owned(),
    };
    VerifiedServers::new(Paths::new(&settings.layout, &settings.naming).tls_verified(), command)
}

/// Returns the servers that were reached over verified TLS, as `host:port`.
///
/// # Errors
/// [`Kind::Io`](crate::Kind::Io).
pub fn remembered_tls(settings: &Settings) -> Result<Vec<String>> {
    verified_servers(settings).list()
}

/// Removes a server from the list of servers with verified TLS, so that connections without TLS are
/// allowed. `server` has the form of `sync_host`. If `server` has no port, the host is removed with
/// all ports, whatever `sync_port` is. Returns the removed entries.
///
/// # Errors
/// [`Kind::Config`](crate::Kind::Config) if the name is invalid; [`Kind::Io`](crate::Kind::Io).
pub fn forget_tls(settings: &Settings, server: &str) -> Result<Vec<String>> {
    match Target::parse(server)? {
        Target::Tcp { host, port, .. } => verified_servers(settings).forget(&host, port),
        // The list has no UNIX sockets.
        Target::Unix(_) => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::error::Kind;
    use crate::settings::Overrides;

    #[test]
    fn a_server_is_forgotten_by_the_name_that_sync_host_has() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!("configdirectory: {}\nsync_port: 2005\n", dir.path().display());
        let read =
            |config: &Config| Settings::resolve(config, None, &Overrides::default()).unwrap();
        let settings = read(&Config::from_text(text.as_bytes(), "imapd.conf").unwrap());
        let known = verified_servers(&settings);
        assert_eq!(known.how_to_forget("A.example.", 1), "sync_client --forget-tls a.example:1");
        let remember = || {
            for (host, port) in [("a.example", 143), ("a.example", 2005), ("::1", 993)] {
                known.remember(host, port, None).unwrap();
            }
        };
        for (server, forgotten) in [
            ("a.example", &["a.example:143", "a.example:2005"][..]),
            ("A.example.:imap", &["a.example:143"]),
            ("a.example:2005/noauth", &["a.example:2005"]),
            ("[::1]:993/tls", &["[::1]:993"]),
            ("::1", &["[::1]:993"]),
            ("example", &[]),
            ("/run/socket", &[]),
        ] {
            remember();
            assert_eq!(forget_tls(&settings, server).unwrap(), forgotten, "{server}");
        }
        for bad in ["", "a.example:", "a.example:no-such-service"] {
            assert_eq!(forget_tls(&settings, bad).unwrap_err().kind(), Kind::Config, "{bad}");
        }

        let path = dir.path().join("other.conf");
        std::fs::write(&path, text).unwrap();
        let known = verified_servers(&read(&Config::load(&path).unwrap()));
        let command = format!("sync_client -C {} --forget-tls a:1", path.display());
        assert_eq!(known.how_to_forget("a", 1), command);
    }
}
