//! What a replica offers, and what a login may rely on.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What the greeting of a sync_server or the capabilities of an imapd offer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    /// SASL mechanisms in upper case, in the order they came.
    pub mechanisms: Vec<String>,
    pub starttls: bool,
    /// An initial response may go with AUTHENTICATE; always on csync.
    pub sasl_ir: bool,
    pub deflate: bool,
    pub sieve_mailbox: bool,
    pub archive: bool,
    /// The replication commands of imapd; always on csync.
    pub replication: bool,
    /// Of the server: major and minor, if it tells.
    pub version: Option<(u32, u32)>,
}

/// The connection that a login is made over.
#[derive(Debug, Default, Clone)]
pub(super) struct Surroundings {
    /// The service that is logged in to, `csync` or `imap`: Kerberos has principals for it.
    #[cfg_attr(not(feature = "libsasl2"), allow(dead_code, reason = "for plugins alone"))]
    pub service: &'static str,
    /// The host's name, as configured.
    #[cfg_attr(not(feature = "libsasl2"), allow(dead_code, reason = "for plugins alone"))]
    pub host: String,
    /// Whether nobody on the way can read along.
    pub encrypted: bool,
    /// Channel binding data by its name: `tls-exporter`, with TLS 1.3 alone.
    pub tls_unique_or_exporter: Option<(&'static str, Vec<u8>)>,
    /// `tls-server-end-point`: the hash of the server's certificate (RFC 5929).
    pub tls_server_end_point: Option<Vec<u8>>,
    /// Whether a certificate of ours was presented.
    pub client_certificate: bool,
    /// On a UNIX socket, where a sync_server takes whoever connects for authorised.
    pub trusted_socket: bool,
    /// How long a plugin may wait for others (`client_timeout`).
    #[cfg_attr(not(feature = "libsasl2"), allow(dead_code, reason = "for plugins alone"))]
    pub patience: Duration,
    /// Ends such a wait.
    #[cfg_attr(not(feature = "libsasl2"), allow(dead_code, reason = "for plugins alone"))]
    pub cancel: Arc<AtomicBool>,
}
