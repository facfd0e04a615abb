//! How TLS is configured.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fingerprint::Fingerprint;
use super::verified::VerifiedServers;

/// When to encrypt (`sync_tls`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Never.
    Off,
    /// Where the replica offers it.
    #[default]
    Try,
    /// Always; a replica that does not offer it is refused.
    Require,
}

/// TLS settings.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// When to encrypt.
    pub mode: Mode,
    /// Verify certificates where there are roots (`sync_tls_verify`).
    pub verify: bool,
    /// SHA-256 of the certificates that are taken, whoever signed them
    /// (`sync_tls_fingerprint`); none: any that verifies.
    pub fingerprints: Vec<Fingerprint>,
    /// File of root certificates (`tls_server_ca_file`, else `tls_client_ca_file`).
    pub ca_file: Option<PathBuf>,
    /// Directory of root certificates (`tls_server_ca_dir`, else `tls_client_ca_dir`).
    pub ca_dir: Option<PathBuf>,
    /// File of lists of revoked certificates (`tls_crl_file`).
    pub crl_file: Option<PathBuf>,
    /// Certificate to present, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// `tls_versions`, as in imapd.conf.
    pub versions: String,
    /// Whether the replica was ever spoken to, or meant to be, under TLS: then it is from then on.
    pub committed: Committed,
    /// Servers that were reached over TLS that verified, by whichever process; `None` remembers
    /// nothing.
    pub verified: Option<VerifiedServers>,
}

/// Remembers that TLS was begun with a replica, over all its connections.
#[derive(Debug, Clone, Default)]
pub struct Committed(Arc<AtomicBool>);

impl Committed {
    /// From now on clear text is refused.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether clear text is refused.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
