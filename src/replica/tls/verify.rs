//! Decides which certificates to accept.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

use super::failure::spelled;
use super::trust::{self, Roots};
use super::validity;
use crate::error::{Error, Kind, Result};
use crate::replica::stage::{Shown, Trust};
use crate::settings::{Fingerprint, Tls};

/// How certificates are checked.
#[derive(Debug)]
enum Rule {
    /// Accepts any certificate: `sync_tls_verify: no`, or no trusted certificates are configured.
    Any {
        /// Whether `sync_tls_verify: no` is set.
        off: bool,
    },
    /// Accepts only these certificates, whatever their chain, dates and name are.
    Pinned(Vec<Fingerprint>),
    /// Checks chain, dates and name.
    Chain {
        chain: Arc<WebPkiServerVerifier>,
        /// The trusted certificates, as they were read.
        trusted: Vec<CertificateDer<'static>>,
    },
}

/// Checks certificates by a rule, and remembers the certificate that was presented.
#[derive(Debug)]
pub(super) struct Verifier {
    rule: Rule,
    algorithms: WebPkiSupportedAlgorithms,
    seen: OnceLock<Shown>,
}

impl Verifier {
    /// Makes the rule from the settings.
    ///
    /// # Errors
    /// [`Kind::Config`] if the trusted certificates cannot be read.
    pub fn new(settings: &Tls, provider: &Arc<CryptoProvider>) -> Result<Verifier> {
        let rule = match settings {
            _ if !settings.sync_tls_fingerprint.is_empty() => {
                Rule::Pinned(settings.sync_tls_fingerprint.clone())
            }
            Tls { sync_tls_verify: false, .. } => Rule::Any { off: true },
            _ => match trust::read(settings)? {
                Some(roots) => chain(roots, settings.tls_crl_file.as_deref(), provider)?,
                None => Rule::Any { off: false },
            },
        };
        let algorithms = provider.signature_verification_algorithms;
        Ok(Verifier { rule, algorithms, seen: OnceLock::new() })
    }

    /// Returns the fingerprint of the presented certificate.
    pub fn seen(&self) -> Option<Fingerprint> {
        self.shown().map(|shown| shown.fingerprint)
    }

    /// Returns fingerprint and validity of the presented certificate.
    pub fn shown(&self) -> Option<Shown> {
        self.seen.get().copied()
    }

    /// Returns the reason why this rule accepts a certificate.
    pub fn trust(&self) -> Trust {
        match self.rule {
            Rule::Any { off: true } => Trust::Off,
            Rule::Any { off: false } => Trust::Nothing,
            Rule::Pinned(_) => Trust::Pinned,
            Rule::Chain { .. } => Trust::Verified,
        }
    }

    /// Returns whether this rule can refuse a certificate.
    pub fn is_strict(&self) -> bool {
        !matches!(self.rule, Rule::Any { .. })
    }

    /// Returns whether `sync_tls_verify: no` turns the check off.
    pub fn is_off(&self) -> bool {
        matches!(self.rule, Rule::Any { off: true })
    }

    /// Returns whether the name in a certificate is checked.
    pub fn wants_name(&self) -> bool {
        matches!(self.rule, Rule::Chain { .. })
    }
}

fn chain(roots: Roots, crl: Option<&Path>, provider: &Arc<CryptoProvider>) -> Result<Rule> {
    let Roots { store, certificates } = roots;
    let mut builder =
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone());
    if let Some(file) = crl {
        // Cyrus uses this file to check certificates of clients. So it need not have a list of the
        // replica's issuer, but the lists that it has must not be expired.
        builder = builder
            .with_crls(trust::revoked(file)?)
            .allow_unknown_revocation_status()
            .enforce_revocation_expiration();
    }
    let chain = builder.build().map_err(|e| match (e, crl) {
        (VerifierBuilderError::InvalidCrl(why), Some(file)) => {
            trust::unusable(file, &spelled(&why))
        }
        (other, _) => {
            let what = format!("none of the {} can be used: {other}", certificates.len());
            Error::new(Kind::Config, "use", "the trusted certificates", what)
                .with_hint("tls_server_ca_file must hold certificates of version 3 in PEM")
        }
    })?;
    Ok(Rule::Chain { chain, trusted: certificates })
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let fingerprint = Fingerprint::of(shown);
        let _ = self.seen.set(Shown { fingerprint, until: validity::until(shown) });
        match &self.rule {
            Rule::Any { .. } => Ok(ServerCertVerified::assertion()),
            Rule::Pinned(pins) if pins.contains(&fingerprint) => {
                Ok(ServerCertVerified::assertion())
            }
            Rule::Pinned(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
            Rule::Chain { chain, trusted } => {
                match chain.verify_server_cert(shown, between, name, ocsp, now) {
                    Err(error) if is_ca(&error) && trusted.iter().any(|t| t == shown) => {
                        itself(shown, name)
                    }
                    other => other,
                }
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Returns whether the only problem is that the certificate is that of a CA. webpki has checked its
/// dates before.
fn is_ca(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    matches!(other.0.downcast_ref::<webpki::Error>(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// Accepts a trusted certificate that the server presents as its own. `openssl req -x509` makes
/// such certificates: they are self-signed CA certificates and have no name. Such a certificate
/// needs no name, because the administrator who trusts it knows its owner. But if it has a name,
/// the name must match.
fn itself(
    shown: &CertificateDer<'_>,
    name: &ServerName<'_>,
) -> Result<ServerCertVerified, rustls::Error> {
    let parsed = ParsedCertificate::try_from(shown)?;
    match rustls::client::verify_server_name(&parsed, name) {
        Ok(()) => Ok(ServerCertVerified::assertion()),
        Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        })) if presented.is_empty() => Ok(ServerCertVerified::assertion()),
        Err(error) => Err(error),
    }
}
