//! The capabilities that a replica offers, and the conditions of a login.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The capabilities from the greeting of a sync_server or from the CAPABILITY of an imapd.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct ServerCapabilities {
    /// SASL mechanisms in upper case, in the order of the server's list.
    pub mechanisms: Vec<String>,
    pub starttls: bool,
    /// Whether the command AUTHENTICATE may contain the first response; always true for csync.
    pub sasl_ir: bool,
    pub deflate: bool,
    pub sieve_mailbox: bool,
    pub archive: bool,
    /// Whether imapd has the replication commands; always true for csync.
    pub replication: bool,
    /// Major and minor version of the server, if it sends them.
    pub version: Option<(u32, u32)>,
    /// See [`Capabilities::empties_scripts`](super::Capabilities::empties_scripts).
    pub empties_scripts: bool,
}

/// The connection over which the client logs in.
#[derive(Debug, Default, Clone)]
pub(super) struct Surroundings {
    /// The service, `csync` or `imap`. Kerberos principals depend on it.
    #[cfg_attr(not(feature = "libsasl2"), allow(dead_code, reason = "used only by plugins"))]
    pub service: &'static str,
    /// The host name, as configured.
    #[cfg_attr(not(feature = "libsasl2"), allow(dead_code, reason = "used only by plugins"))]
    pub host: String,
    /// Whether TLS encrypts the connection, or it is a UNIX socket.
    pub encrypted: bool,
    /// Channel binding data and its type, `tls-exporter`. Only TLS 1.3 has it.
    pub tls_unique_or_exporter: Option<(&'static str, Vec<u8>)>,
    /// `tls-server-end-point`: the hash of the server's certificate (RFC 5929).
    pub tls_server_end_point: Option<Vec<u8>>,
    /// Whether this client has presented a certificate.
    pub client_certificate: bool,
    /// Whether this is a UNIX socket, on which sync_server requires no login.
    pub trusted_socket: bool,
    /// How long a plugin of libsasl2 may wait for other servers, such as Kerberos servers
    /// (`client_timeout`).
    #[cfg_attr(not(feature = "libsasl2"), allow(dead_code, reason = "used only by plugins"))]
    pub patience: Duration,
    /// If set, ends the wait of a plugin.
    #[cfg_attr(not(feature = "libsasl2"), allow(dead_code, reason = "used only by plugins"))]
    pub cancel: Arc<AtomicBool>,
}
