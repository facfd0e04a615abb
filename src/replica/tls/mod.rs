//! TLS: how it is configured, which certificates are taken, and the layer itself.
//!
//! Cyrus's client verifies no certificate (`tls_init_clientengine` in `imap/tls.c`). Here one is
//! verified as soon as there is something to verify it with; see `docs/transport.md`.

mod channel;
mod der;
mod failure;
mod identity;
mod trust;
pub(in crate::replica) mod verified;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};
pub use channel::Channel;
use identity::Identity;
pub use verified::VerifiedServers;
use verify::Verifier;

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

/// SHA-256 of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(certificate).into())
    }

    /// From `sha256:` and 64 hexadecimal digits, with or without colons between them.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let (name, digits) = text.split_once(':')?;
        if !name.eq_ignore_ascii_case("sha256") {
            return None;
        }
        let digits: Vec<u8> = digits.bytes().filter(|b| *b != b':').collect();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Fingerprint(bytes))
    }

    /// Any number of them, with blanks or commas between.
    ///
    /// # Errors
    /// [`Kind::Config`] for what is none.
    pub fn parse_all(text: &str) -> Result<Vec<Fingerprint>> {
        let words = text.split([' ', '\t', ',']).filter(|word| !word.is_empty());
        words
            .map(|word| {
                Fingerprint::parse(word).ok_or_else(|| {
                    let what = format!("{word:?} is no fingerprint");
                    Error::new(Kind::Config, "understand", "sync_tls_fingerprint", what).hint(
                        "write sha256: and the 64 digits that openssl x509 -noout -fingerprint \
                         -sha256 prints",
                    )
                })
            })
            .collect()
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Everything that a handshake needs.
pub struct Setup {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    verifier: Arc<Verifier>,
    identity: Option<Arc<Identity>>,
    host: String,
}

impl Setup {
    /// Reads certificates and key; `alpn` offers to speak IMAP by its name.
    ///
    /// # Errors
    /// [`Kind::Config`] for a file that is missing or holds nothing of use.
    pub fn new(settings: &Settings, host: &str, alpn: bool) -> Result<Setup> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(Verifier::new(settings, &provider)?);
        let identity = settings.identity.as_ref();
        let identity = identity.map(|(cert, key)| Identity::read(cert, key, &provider));
        let identity = identity.transpose()?.map(Arc::new);
        let mut config = client_config(settings, provider, &verifier, identity.as_ref())?;
        if alpn {
            config.alpn_protocols = vec![b"imap".to_vec()];
        }
        let name = server_name(host, &verifier)?;
        let config = Arc::new(config);
        Ok(Setup { config, name, verifier, identity, host: host.to_owned() })
    }

    /// The certificate that was shown, if it is one that could have been refused.
    pub fn verified(&self) -> Option<Fingerprint> {
        self.verifier.seen().filter(|_| self.verifier.is_strict())
    }

    /// What the certificate shown was taken for. `Some` is a warning to log.
    pub fn warning(&self) -> Option<String> {
        let seen = self.verifier.seen()?;
        if self.verifier.is_strict() {
            return None;
        }
        let why = match self.verifier.is_off() {
            true => "sync_tls_verify is off",
            false => "imapd.conf names no certificates to verify it with",
        };
        Some(format!(
            "the certificate of {} is not verified: {why}; set tls_server_ca_file or \
             tls_server_ca_dir, or, to take this certificate and no other, \
             sync_tls_fingerprint: {seen}",
            self.host
        ))
    }

    /// Whether a certificate of ours was asked for and shown.
    pub fn identity_shown(&self) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.was_asked())
    }

    /// What went wrong with a handshake, and what to do.
    pub fn explain(&self, error: &rustls::Error) -> Error {
        failure::explain(error, &self.host, self.verifier.seen())
    }
}

fn client_config(
    settings: &Settings,
    provider: Arc<CryptoProvider>,
    verifier: &Arc<Verifier>,
    identity: Option<&Arc<Identity>>,
) -> Result<ClientConfig> {
    let known = [("tls1_2", &TLS12), ("tls1_3", &TLS13)];
    let wanted = |name: &str| {
        let mut words = settings.versions.split([' ', '\t', ',']);
        words.any(|word| word.eq_ignore_ascii_case(name))
    };
    let versions: Vec<_> =
        known.iter().filter(|(name, _)| wanted(name)).map(|(_, version)| *version).collect();
    if versions.is_empty() {
        let what = format!("{:?} allows neither tls1_2 nor tls1_3", settings.versions);
        return Err(Error::new(Kind::Config, "use", "tls_versions", what)
            .hint("TLS 1.2 and 1.3 are spoken here: name at least one of them"));
    }
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|e| Error::new(Kind::Internal, "set up", "TLS", e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone());
    Ok(match identity {
        Some(identity) => builder.with_client_cert_resolver(identity.clone()),
        None => builder.with_no_client_auth(),
    })
}

/// The name that the certificate must have, and that the replica is told (SNI).
fn server_name(host: &str, verifier: &Verifier) -> Result<ServerName<'static>> {
    let plain = host.split('%').next().unwrap_or(host).trim_end_matches('.');
    match ServerName::try_from(plain.to_owned()) {
        Ok(name) => Ok(name),
        // Nobody looks at it.
        Err(_) if !verifier.wants_name() => {
            Ok(ServerName::from(std::net::IpAddr::from([0, 0, 0, 0])))
        }
        Err(_) => Err(Error::new(
            Kind::Config,
            "verify the certificate of",
            host,
            "this is neither a DNS name nor an address",
        )
        .hint("name the replica by its DNS name, or set sync_tls_fingerprint")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_in_every_usual_form() {
        let plain = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let expected = Fingerprint::of(b"test");
        assert_eq!(expected.to_string(), format!("sha256:{plain}"));
        let pairs: Vec<String> =
            plain.as_bytes().chunks(2).map(|p| String::from_utf8_lossy(p).to_uppercase()).collect();
        for text in [format!("sha256:{plain}"), format!("SHA256:{}", pairs.join(":"))] {
            assert_eq!(Fingerprint::parse(&text), Some(expected), "{text}");
        }
        let two = format!("sha256:{plain}, sha256:{plain}");
        assert_eq!(Fingerprint::parse_all(&two).unwrap().len(), 2);
        for bad in ["sha1:aa", plain, "sha256:", "sha256:zz", &format!("sha256:{plain}00")] {
            assert_eq!(Fingerprint::parse_all(bad).unwrap_err().kind(), Kind::Config, "{bad}");
        }
    }

    #[test]
    fn versions_that_are_not_spoken_are_refused() {
        let settings =
            |versions: &str| Settings { versions: versions.into(), ..Default::default() };
        let error = Setup::new(&settings("tls1_0 tls1_1"), "a", false).err().unwrap();
        assert_eq!(error.kind(), Kind::Config);
        for versions in ["tls1_2", "tls1_0 tls1_1 tls1_2 tls1_3", "TLS1_3"] {
            Setup::new(&settings(versions), "a", false).unwrap();
        }
    }

    #[test]
    fn names_that_no_certificate_can_have_do_without_verification_alone() {
        let settings = Settings { versions: "tls1_3".into(), ..Default::default() };
        for host in ["a_b", "replica", "127.0.0.1", "::1", "fe80::1%eth0", "replica.example."] {
            Setup::new(&settings, host, true).unwrap();
        }
    }
}
