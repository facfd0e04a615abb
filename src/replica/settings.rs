//! How to connect.

use std::time::Duration;

use super::sasl::Credentials;
use super::socket::KeepAlive;
use super::tls;

/// How to connect.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sync_port`: a number or a service name; used where the server's name has no port.
    pub port: Option<String>,
    /// Whether imapd may be spoken to (`sync_try_imap`).
    pub try_imap: bool,
    /// Name or address to connect from (`client_bind`, `client_bind_name`).
    pub bind: Option<String>,
    /// Whether and how the system probes an idle connection (`tcp_keepalive`).
    pub keep_alive: Option<KeepAlive>,
    /// Encryption.
    pub tls: tls::Settings,
    /// Who to log in as.
    pub credentials: Credentials,
    /// How long each step of connecting and logging in may take (`client_timeout`).
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
