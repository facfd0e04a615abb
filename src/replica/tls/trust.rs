//! Reads the trusted certificates from a file and a directory, and lists of revoked certificates.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls_native_certs::{CertificateResult, load_certs_from_paths};

use crate::error::{Error, Kind, Result, without_number};
use crate::settings::Tls;

/// The trusted certificates.
pub(super) struct Roots {
    /// The certificates as trust anchors.
    pub store: RootCertStore,
    /// The same certificates, as they were read.
    pub certificates: Vec<CertificateDer<'static>>,
}

/// Reads the certificates that the settings name. Returns `None` if they name none.
///
/// # Errors
/// [`Kind::Config`] if the file cannot be read, or if file and directory contain no certificate.
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
        // Ignore unreadable files of the directory, as long as one file can be used.
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
    let why = found.errors.first().map_or("it contains no certificate".to_owned(), |error| {
        without_number(&error.to_string())
    });
    Error::new(Kind::Config, "read certificates of", path, why).with_hint(
        "see tls_server_ca_file and tls_server_ca_dir (if not set: tls_client_ca_file and \
         tls_client_ca_dir) in imapd.conf; the file must be PEM, and readable for the cyrus user",
    )
}

/// Reads the lists of revoked certificates in a PEM file (`tls_crl_file`).
///
/// # Errors
/// [`Kind::Config`] if the file has no list, or if a list is not valid PEM.
pub(super) fn revoked(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>> {
    let lists: Result<Vec<_>, _> =
        CertificateRevocationListDer::pem_file_iter(file).and_then(Iterator::collect);
    match lists {
        Ok(lists) if !lists.is_empty() => Ok(lists),
        Ok(_) => Err(unusable(file, "the file contains no list of revoked certificates")),
        Err(error) => Err(unusable(file, &without_number(&error.to_string()))),
    }
}

/// Makes the error for an unusable file of revoked certificates.
pub(super) fn unusable(file: &Path, why: &str) -> Error {
    let subject = format!("tls_crl_file {}", file.display());
    Error::new(Kind::Config, "read", subject, why.to_owned()).with_hint(
        "the file must contain lists of version 2 in PEM (BEGIN X509 CRL), and be readable for the \
         cyrus user; without tls_crl_file in imapd.conf no list is needed",
    )
}
