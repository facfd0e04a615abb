//! Reads the trusted certificates from a file and a directory, and lists of revoked certificates.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls_native_certs::{CertificateResult, load_certs_from_paths};

use crate::error::{Error, Kind, Result};
use crate::settings::Tls;

/// The trusted certificates.
pub(super) struct Roots {
    /// The certificates as trust anchors.
    pub store: RootCertStore,
    /// The same certificates, as read.
    pub certificates: Vec<CertificateDer<'static>>,
}

/// Reads the certificates that the settings name. Returns `None` if they name none.
///
/// # Errors
/// [`Kind::Config`] if the file cannot be read, or if there is no certificate at all.
pub(super) fn read(settings: &Tls) -> Result<Option<Roots>> {
    let (file, dir) = (settings.ca_file.as_deref(), settings.ca_dir.as_deref());
    if file.is_none() && dir.is_none() {
        return Ok(None);
    }
    let mut certificates = Vec::new();
    if let Some(file) = file {
        let found = load_certs_from_paths(Some(file), None);
        if found.certs.is_empty() {
            return Err(nothing(file, &found));
        }
        certificates.extend(found.certs);
    }
    if let Some(dir) = dir {
        // An unreadable file of the directory does not affect the others.
        let found = load_certs_from_paths(None, Some(dir));
        if found.certs.is_empty() && certificates.is_empty() {
            return Err(nothing(dir, &found));
        }
        certificates.extend(found.certs);
    }
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates.iter().cloned());
    Ok(Some(Roots { store, certificates }))
}

fn nothing(path: &Path, found: &CertificateResult) -> Error {
    let why =
        found.errors.first().map_or("it holds no certificate".to_owned(), ToString::to_string);
    Error::new(Kind::Config, "read certificates of", path, why).hint(
        "see tls_server_ca_file and tls_server_ca_dir (else tls_client_ca_file and \
         tls_client_ca_dir) in imapd.conf; the file must be PEM, and readable for the cyrus user",
    )
}

/// Reads lists of revoked certificates (`tls_crl_file`). The PEM file may hold several.
///
/// # Errors
/// [`Kind::Config`] if there is none, or if one is not valid PEM.
pub(super) fn revoked(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>> {
    let lists: Result<Vec<_>, _> =
        CertificateRevocationListDer::pem_file_iter(file).and_then(Iterator::collect);
    match lists {
        Ok(lists) if !lists.is_empty() => Ok(lists),
        Ok(_) => Err(unusable(file, "it holds no list of revoked certificates")),
        Err(error) => Err(unusable(file, &error.to_string())),
    }
}

/// Makes the error for an unusable file of revoked certificates.
pub(super) fn unusable(file: &Path, why: &str) -> Error {
    let subject = format!("tls_crl_file {}", file.display());
    Error::new(Kind::Config, "read", subject, why.to_owned()).hint(
        "the file must hold lists of version 2 in PEM (BEGIN X509 CRL), readable for the cyrus \
         user; take tls_crl_file out of imapd.conf to do without",
    )
}
