//! The certificate of this client, for replicas that request one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::error::{Error, Kind, Result, without_number};

/// A certificate with its chain and key. It records whether a server has requested it.
#[derive(Debug)]
pub(super) struct Identity {
    key: Arc<CertifiedKey>,
    asked: AtomicBool,
}

impl Identity {
    /// Reads certificate and key from PEM files.
    ///
    /// # Errors
    /// [`Kind::Config`] if a file cannot be read, or if certificate and key do not belong together.
    pub fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<Identity> {
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
        let chain = chain.map_err(|e| bad("tls_client_cert", certificate, &e.to_string()))?;
        if chain.is_empty() {
            return Err(bad("tls_client_cert", certificate, "the file contains no certificate"));
        }
        let secret = PrivateKeyDer::from_pem_file(key)
            .map_err(|e| bad("tls_client_key", key, &e.to_string()))?;
        let key = CertifiedKey::from_der(chain, secret, provider)
            .map_err(|e| bad("tls_client_key", key, &e.to_string()))?;
        Ok(Identity { key: Arc::new(key), asked: AtomicBool::new(false) })
    }

    /// Returns whether the replica has requested a certificate.
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.key.key.choose_scheme(schemes)?;
        self.asked.store(true, Ordering::Relaxed);
        Some(self.key.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn bad(option: &'static str, path: &Path, why: &str) -> Error {
    let subject = format!("{option} {}", path.display());
    Error::new(Kind::Config, "read", subject, without_number(why)).with_hint(
        "certificate and key must be PEM, belong together, have no passphrase, and be readable for \
         the cyrus user; the value \"disabled\" means no certificate",
    )
}
