//! Settings of TLS.

use std::path::PathBuf;

use super::resolver::Resolver;
use crate::config::{Fingerprint, Origin, Target, opt};
use crate::error::{Error, Result};

/// Whether to use TLS (`sync_tls`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Never.
    Off,
    /// If the replica offers TLS.
    Try,
    /// Always. A replica that does not offer TLS is refused.
    Require,
}

/// A supported version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2
    Tls12,
    /// 1.3
    Tls13,
}

/// Settings of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Whether to use TLS.
    pub sync_tls: TlsMode,
    /// Whether to verify the replica's certificate, if root certificates are configured.
    pub sync_tls_verify: bool,
    /// SHA-256 of the certificates that are accepted, whatever their issuer. If empty, any
    /// certificate that passes the verification is accepted.
    pub sync_tls_fingerprint: Vec<Fingerprint>,
    /// File of root certificates (`tls_server_ca_file`, else `tls_client_ca_file`).
    pub ca_file: Option<PathBuf>,
    /// Directory of root certificates (`tls_server_ca_dir`, else `tls_client_ca_dir`).
    pub ca_dir: Option<PathBuf>,
    /// File of lists of revoked certificates.
    pub tls_crl_file: Option<PathBuf>,
    /// Files of the certificate that this client presents, and of its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The versions of TLS that may be used. At least one, unless TLS is off.
    pub tls_versions: Vec<TlsVersion>,
}

impl Tls {
    /// Reads the settings. Some depend on the replica, if one is named.
    pub(super) fn resolve(resolver: &mut Resolver<'_>, target: Option<&Target>) -> Result<Tls> {
        let modes = [("off", TlsMode::Off), ("try", TlsMode::Try), ("require", TlsMode::Require)];
        let sync_tls = resolver.choice(opt::SYNC_TLS, &modes, TlsMode::Try);
        let pins = resolver.text(opt::SYNC_TLS_FINGERPRINT);
        let sync_tls_fingerprint = Fingerprint::parse_all(&pins)?;
        // TLS is never used on a UNIX socket.
        let is_unix = matches!(target, Some(Target::Unix(_)));
        let at_once = matches!(target, Some(Target::Unix(_) | Target::Tcp { tls: true, .. }));
        if sync_tls == TlsMode::Off && !sync_tls_fingerprint.is_empty() && !at_once {
            return Err(contradiction(resolver));
        }
        let (ca_file, ca_dir) = authorities(resolver);
        Ok(Tls {
            sync_tls,
            sync_tls_verify: resolver.switch(opt::SYNC_TLS_VERIFY),
            sync_tls_fingerprint,
            ca_file,
            ca_dir,
            tls_crl_file: resolver.path(opt::TLS_CRL_FILE),
            identity: identity(resolver, target),
            tls_versions: versions(resolver, is_unix || sync_tls == TlsMode::Off && !at_once)?,
        })
    }
}

/// Makes the error for options that contradict each other. One of them requests clear text and the
/// other TLS, and the client cannot know which one is right.
fn contradiction(resolver: &Resolver<'_>) -> Error {
    let off = match resolver.origin(opt::SYNC_TLS.spec()) {
        place @ Origin::Line { .. } => format!(" ({place})"),
        _ => String::new(),
    };
    let what = format!("sync_tls: off{off} forbids TLS, but sync_tls_fingerprint needs it");
    let own = match resolver.channel() {
        Some(channel) => format!(
            "; look for {channel}_sync_tls and {channel}_sync_tls_fingerprint, and for both names \
             without the channel, which count for every channel without a value of its own"
        ),
        None => String::new(),
    };
    resolver
        .refuse(opt::SYNC_TLS_FINGERPRINT.spec(), what)
        .with_hint(format!("remove one of the two options from imapd.conf{own}"))
}

/// Returns the file and the directory of root certificates. `tls_server_ca_file` and
/// `tls_server_ca_dir` are for the certificates of servers that Cyrus connects to. If neither is
/// set, `tls_client_ca_file` and `tls_client_ca_dir` are used.
fn authorities(resolver: &mut Resolver<'_>) -> (Option<PathBuf>, Option<PathBuf>) {
    let mut pair = |file, dir| (resolver.path(file), resolver.path(dir));
    let servers = pair(opt::TLS_SERVER_CA_FILE, opt::TLS_SERVER_CA_DIR);
    let clients = pair(opt::TLS_CLIENT_CA_FILE, opt::TLS_CLIENT_CA_DIR);
    match servers {
        (None, None) => clients,
        servers => servers,
    }
}

/// Returns the files of certificate and key: `<host>_client_cert` and `<host>_client_key`, where
/// the host ends before its first dot, otherwise `tls_client_cert` and `tls_client_key`. If no key
/// file is set, the certificate's file contains the key (`tls_init_clientengine` in `imap/tls.c`).
fn identity(resolver: &mut Resolver<'_>, target: Option<&Target>) -> Option<(PathBuf, PathBuf)> {
    let cert = resolver.string(opt::TLS_CLIENT_CERT);
    let key = resolver.string(opt::TLS_CLIENT_KEY);
    let host = target.map(Target::host).unwrap_or_default();
    let host = host.split('.').next().unwrap_or_default();
    let cert = resolver.other(&format!("{host}_client_cert")).or(cert)?;
    let key = resolver.other(&format!("{host}_client_key")).or(key).unwrap_or(cert.clone());
    let disabled = [&cert, &key].iter().any(|value| value.eq_ignore_ascii_case("disabled"));
    (!disabled).then(|| (PathBuf::from(cert), PathBuf::from(key)))
}

/// Returns the configured versions of TLS that are supported here.
fn versions(resolver: &mut Resolver<'_>, off: bool) -> Result<Vec<TlsVersion>> {
    let text = resolver.text(opt::TLS_VERSIONS);
    let named = |name: &str| {
        let mut words = text.split([' ', '\t', ',']);
        words.any(|word| word.eq_ignore_ascii_case(name))
    };
    let known = [("tls1_2", TlsVersion::Tls12), ("tls1_3", TlsVersion::Tls13)];
    let versions: Vec<_> =
        known.iter().filter(|(name, _)| named(name)).map(|(_, version)| *version).collect();
    if versions.is_empty() && !off {
        let what = format!("{text:?} allows neither tls1_2 nor tls1_3");
        return Err(resolver
            .refuse(opt::TLS_VERSIONS.spec(), what)
            .with_hint("this program supports TLS 1.2 and 1.3: name at least one of them"));
    }
    Ok(versions)
}
