//! Chooses the ports on which to look for a replica (`backend_connect` in `imap/backend.c`,
//! `sync_connect` in `imap/sync_support.c`).

use crate::error::Result;
use crate::settings::service_port;

/// A port on which a replica may listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    /// The port.
    pub port: u16,
    /// Whether imapd may listen there.
    pub may_be_imap: bool,
}

/// Returns the ports to try, in order. If the server's name or `sync_port` names a port, it is the
/// only port, and the greeting shows which server listens there. Otherwise imapd's port comes first
/// if `try_imap` is set, and then the port of sync_server.
///
/// # Errors
/// [`Kind::Config`](crate::Kind::Config) if the name of the service is unknown.
pub(super) fn ways(named: Option<u16>, try_imap: bool) -> Result<Vec<Way>> {
    let way = |service: &str, may_be_imap| Ok(Way { port: service_port(service)?, may_be_imap });
    match named {
        Some(port) => Ok(vec![Way { port, may_be_imap: try_imap }]),
        None if try_imap => Ok(vec![way("imap", true)?, way("csync", true)?]),
        None => Ok(vec![way("csync", false)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_port_is_the_only_one() {
        let way = |port, may_be_imap| Way { port, may_be_imap };
        assert_eq!(ways(Some(2100), true).unwrap(), [way(2100, true)]);
        assert_eq!(ways(Some(2100), false).unwrap(), [way(2100, false)]);
        assert_eq!(ways(None, true).unwrap(), [way(143, true), way(2005, true)]);
        assert_eq!(ways(None, false).unwrap(), [way(2005, false)]);
    }
}
