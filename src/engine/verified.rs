//! Forgetting that a server was reached over TLS that verified.

use std::path::Path;

use crate::config::{Config, DEFAULT_PATH};
use crate::error::Result;
use crate::names::Paths;
use crate::replica::tls::VerifiedServers;
use crate::replica::{Target, service_port};

/// The servers that clients of a configuration reached over TLS that verified.
pub fn verified_servers(config: &Config) -> VerifiedServers {
    let command = match config.path() {
        Some(path) if path != Path::new(DEFAULT_PATH) => {
            format!("sync_client -C {} --forget-tls", path.display())
        }
        _ => "sync_client --forget-tls".to_owned(),
    };
    VerifiedServers::new(Paths::new(config).tls_verified(), command)
}

/// Forgets that `server`, named as in `sync_host`, was reached over TLS that verified: then it may
/// be spoken to in clear again. Without a port in the name, `sync_port` does not count: the host is
/// forgotten with every port. Returns what was forgotten.
///
/// # Errors
/// [`Kind::Config`](crate::Kind::Config) for a name that is none, and [`Kind::Io`](crate::Kind::Io).
pub fn forget_tls(config: &Config, server: &str) -> Result<Vec<String>> {
    match Target::parse(server)? {
        Target::Tcp { host, port, .. } => {
            let port = port.as_deref().map(service_port).transpose()?;
            verified_servers(config).forget(&host, port)
        }
        // Never remembered.
        Target::Unix(_) => Ok(Vec::new()),
    }
}
