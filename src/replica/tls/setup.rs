//! Prepares a TLS handshake.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};

use super::failure;
use super::identity::Identity;
use super::verify::Verifier;
use crate::error::{Error, Kind, Result};
use crate::replica::stage::{Shown, Trust};
use crate::settings::{Fingerprint, Tls, TlsVersion};

/// Everything that a handshake needs.
pub struct Setup {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
    verifier: Arc<Verifier>,
    identity: Option<Arc<Identity>>,
    host: String,
}

impl Setup {
    /// Reads the certificates and the key. If `alpn` is set, offers the protocol `imap` by ALPN.
    ///
    /// # Errors
    /// [`Kind::Config`] if a file is missing or unusable.
    pub fn new(settings: &Tls, host: &str, alpn: bool) -> Result<Setup> {
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

    /// Returns the fingerprint of the presented certificate, if the certificate was checked.
    pub fn verified(&self) -> Option<Fingerprint> {
        self.verifier.seen().filter(|_| self.verifier.is_strict())
    }

    /// Returns a handle to the presented certificate. It can be used even if the handshake fails.
    pub fn watch(&self) -> Watch {
        Watch(self.verifier.clone())
    }

    /// Returns a warning for the log if the certificate was accepted without a check.
    pub fn warning(&self) -> Option<String> {
        let seen = self.verifier.seen()?;
        if self.verifier.is_strict() {
            return None;
        }
        let why = if self.verifier.is_off() {
            "sync_tls_verify is off"
        } else {
            "imapd.conf names no authorities to verify it with"
        };
        Some(format!(
            "the certificate of {} is not verified: {why}; set tls_server_ca_file or \
             tls_server_ca_dir; or, to accept only this certificate, set sync_tls_fingerprint: \
             {seen}",
            self.host
        ))
    }

    /// Returns whether the replica requested the certificate of this client, which was then
    /// presented.
    pub fn identity_shown(&self) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.was_asked())
    }

    /// Makes the error for a failed handshake, with the reason and what to do.
    pub fn explain(&self, error: &rustls::Error) -> Error {
        failure::explain(error, &self.host, self.verifier.seen())
    }
}

/// A handle to the certificate that a server presents.
pub struct Watch(Arc<Verifier>);

impl Watch {
    /// Returns the certificate, if one was presented.
    pub fn shown(&self) -> Option<Shown> {
        self.0.shown()
    }

    /// Returns the reason why a certificate is accepted.
    pub fn trust(&self) -> Trust {
        self.0.trust()
    }
}

fn client_config(
    settings: &Tls,
    provider: Arc<CryptoProvider>,
    verifier: &Arc<Verifier>,
    identity: Option<&Arc<Identity>>,
) -> Result<ClientConfig> {
    let versions: Vec<_> = (settings.tls_versions.iter())
        .map(|version| match version {
            TlsVersion::Tls12 => &TLS12,
            TlsVersion::Tls13 => &TLS13,
        })
        .collect();
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

/// Returns the name that the certificate must have, which is also sent to the replica (SNI).
fn server_name(host: &str, verifier: &Verifier) -> Result<ServerName<'static>> {
    let plain = host.split('%').next().unwrap_or(host).trim_end_matches('.');
    match ServerName::try_from(plain.to_owned()) {
        Ok(name) => Ok(name),
        // The name is not checked, so use an address as a placeholder.
        Err(_) if !verifier.wants_name() => {
            Ok(ServerName::from(std::net::IpAddr::from([0, 0, 0, 0])))
        }
        Err(_) => Err(Error::new(
            Kind::Config,
            "verify the certificate of",
            host,
            "this is neither a DNS name nor an address",
        )
        .with_hint("use the DNS name of the replica, or set sync_tls_fingerprint")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn each_choice_of_versions_can_be_set_up() {
        for versions in ["tls1_2", "tls1_0 tls1_1 tls1_2 tls1_3", "TLS1_3"] {
            let settings = settings::tests::of(&format!("tls_versions: {versions}\n"));
            Setup::new(&settings.connection.tls, "a", false).unwrap();
        }
    }

    #[test]
    fn names_that_no_certificate_can_have_do_without_verification_alone() {
        let settings = settings::tests::of("").connection.tls;
        for host in ["a_b", "replica", "127.0.0.1", "::1", "fe80::1%eth0", "replica.example."] {
            Setup::new(&settings, host, true).unwrap();
        }
    }
}
