//! Makes readable errors for failed handshakes.

use std::fmt::Debug;

use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};

use crate::error::{Error, Kind};
use crate::settings::Fingerprint;

/// Makes an error that names the problem and what to do. `seen` is the fingerprint of the replica's
/// certificate.
pub(super) fn explain(error: &rustls::Error, host: &str, seen: Option<Fingerprint>) -> Error {
    let failed = |what: String, hint: String| {
        Error::new(Kind::Tls, "encrypt the connection to", host, what).with_hint(hint)
    };
    match error {
        rustls::Error::InvalidCertificate(why) => certificate(why, host, seen),
        rustls::Error::InvalidCertRevocationList(why) => failed(
            format!(
                "the revocation list in tls_crl_file that belongs to the replica's certificate is \
                 not valid: {}",
                spelled(why)
            ),
            "get a new list from the authority that signed the replica's certificate".to_owned(),
        ),
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => failed(
            "both sides support no common version of TLS".to_owned(),
            "this program supports TLS 1.2 and 1.3: see tls_versions on both sides, and the \
             version of OpenSSL on the replica"
                .to_owned(),
        ),
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => failed(
            "the replica found no cipher in common, or wants a client certificate".to_owned(),
            "see tls_ciphers on the replica, which must allow ECDHE with AES-GCM or ChaCha20; and \
             tls_client_cert here"
                .to_owned(),
        ),
        rustls::Error::AlertReceived(alert) => failed(
            format!("the replica ended the handshake: {}", spelled(alert)),
            "see the replica's log".to_owned(),
        ),
        rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => failed(
            "the replica did not answer with TLS".to_owned(),
            "remove /tls if the port begins without TLS; see in the replica's log whether its \
             certificate and key could be read"
                .to_owned(),
        ),
        other => failed(other.to_string(), "see the replica's log".to_owned()),
    }
}

/// Makes the error for a connection whose encryption fails after the login.
pub(super) fn lost(error: &rustls::Error) -> Error {
    let what = match error {
        rustls::Error::AlertReceived(alert) => {
            format!("the replica ended the encrypted connection: {}", spelled(alert))
        }
        other => format!("what it sends cannot be decrypted: {other}"),
    };
    Error::new(Kind::Protocol, "talk to", "the replica", what).with_hint(
        "the network may have changed bytes, or this may be an attack on the connection; see the \
         replica's log",
    )
}

fn certificate(why: &CertificateError, host: &str, seen: Option<Fingerprint>) -> Error {
    let what = match why {
        CertificateError::Expired => "it has expired".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => {
            let days = time.as_secs().saturating_sub(not_after.as_secs()) / 86_400;
            format!("it expired {days} days ago")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "the authority that signed it is not among the trusted certificates".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "it contains no name to compare (no subjectAltName)".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<_> = presented.iter().take(5).map(String::as_str).collect();
            format!("it is for another host: {}", printable(&names.join(", ")))
        }
        CertificateError::Revoked => "the certificate or the one of its authority was revoked \
                                      (tls_crl_file)"
            .to_owned(),
        CertificateError::ExpiredRevocationList => {
            "the list in tls_crl_file has expired, so it is not known whether the certificate was \
             revoked"
                .to_owned()
        }
        CertificateError::ExpiredRevocationListContext { time, next_update } => {
            let days = time.as_secs().saturating_sub(next_update.as_secs()) / 86_400;
            format!(
                "the list in tls_crl_file expired {days} days ago, so it is not known whether the \
                 certificate was revoked"
            )
        }
        CertificateError::ApplicationVerificationFailure => {
            "its fingerprint is not in sync_tls_fingerprint".to_owned()
        }
        CertificateError::Other(other) => unusual(other.0.downcast_ref(), other),
        other => other.to_string(),
    };
    let seen = seen.map(|seen| format!(": {seen}")).unwrap_or_default();
    let hint = match why {
        CertificateError::ApplicationVerificationFailure => {
            format!("only if the replica has a new certificate, set sync_tls_fingerprint{seen}")
        }
        CertificateError::Revoked => {
            "give the replica a new certificate; if the revocation is wrong, get a new list from \
             the authority that signed the certificate"
                .to_owned()
        }
        CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => {
            "get a new list from the authority that signed the replica's certificate before each \
             list expires; without tls_crl_file in imapd.conf no list is needed"
                .to_owned()
        }
        _ => format!(
            "renew the replica's certificate or see tls_server_ca_file; to accept only this \
             certificate, set sync_tls_fingerprint{seen}; to verify no certificate, set \
             sync_tls_verify: no"
        ),
    };
    Error::new(Kind::Tls, "verify the certificate of", host, what).with_hint(hint)
}

fn unusual(why: Option<&webpki::Error>, other: &rustls::OtherError) -> String {
    match why {
        Some(webpki::Error::CaUsedAsEndEntity) => {
            "the authority that signed it is not among the trusted certificates (the certificate \
             is one of an authority: if it is the replica's, add it to the trusted certificates)"
                .to_owned()
        }
        Some(webpki::Error::UnsupportedCertVersion) => {
            "it has version 1, which cannot be verified".to_owned()
        }
        Some(why) => spelled(why),
        None => other.to_string(),
    }
}

/// Returns the name of an enum's variant as words: "bad signature" for `BadSignature`.
pub(super) fn spelled(variant: &impl Debug) -> String {
    let mut words = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_ascii_uppercase() && words.ends_with(|last: char| last.is_ascii_lowercase()) {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
