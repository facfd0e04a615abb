//! Explains failed handshakes to people.

use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};

use crate::error::{Error, Kind};
use crate::settings::Fingerprint;

/// Makes an error with what went wrong and what to do.
pub(super) fn explain(error: &rustls::Error, host: &str, seen: Option<Fingerprint>) -> Error {
    let failed = |what: String, hint: String| {
        Error::new(Kind::Tls, "encrypt the connection to", host, what).hint(hint)
    };
    match error {
        rustls::Error::InvalidCertificate(why) => certificate(why, host, seen),
        rustls::Error::InvalidCertRevocationList(why) => failed(
            format!("the list in tls_crl_file of who signed its certificate is wrong: {why:?}"),
            "get a new list from who signed the replica's certificate".to_owned(),
        ),
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => failed(
            "no version of TLS in common".to_owned(),
            "TLS 1.2 and 1.3 are spoken here: see tls_versions on both sides, and OpenSSL's age \
             on the replica"
                .to_owned(),
        ),
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => failed(
            "the replica found no cipher in common, or wants a client certificate".to_owned(),
            "see tls_ciphers on the replica: ECDHE with AES-GCM or ChaCha20 is spoken here; and \
             tls_client_cert here"
                .to_owned(),
        ),
        rustls::Error::AlertReceived(alert) => failed(
            format!("the replica ended the handshake: {alert:?}"),
            "the replica's log says why".to_owned(),
        ),
        rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => failed(
            "the replica does not speak TLS here".to_owned(),
            "leave /tls out where the port begins in clear; the replica's log says whether its \
             own certificate and key could be read"
                .to_owned(),
        ),
        other => failed(other.to_string(), "the replica's log may tell more".to_owned()),
    }
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
            "who signed it is not among the trusted certificates".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "it has no name that could be compared (no subjectAltName)".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<_> = presented.iter().take(5).map(String::as_str).collect();
            format!("it is for another host: {}", printable(&names.join(", ")))
        }
        CertificateError::Revoked => "it, or who signed it, was revoked (tls_crl_file)".to_owned(),
        CertificateError::ExpiredRevocationList => {
            "whether it was revoked is not known: the list in tls_crl_file has expired".to_owned()
        }
        CertificateError::ExpiredRevocationListContext { time, next_update } => {
            let days = time.as_secs().saturating_sub(next_update.as_secs()) / 86_400;
            format!(
                "whether it was revoked is not known: the list in tls_crl_file expired {days} days \
                 ago"
            )
        }
        CertificateError::ApplicationVerificationFailure => {
            "it is not the one that sync_tls_fingerprint names".to_owned()
        }
        CertificateError::Other(other) => unusual(other.0.downcast_ref(), other),
        other => other.to_string(),
    };
    let seen = seen.map(|seen| format!(": {seen}")).unwrap_or_default();
    let hint = match why {
        CertificateError::ApplicationVerificationFailure => format!(
            "if the replica has a new certificate, and only then, set sync_tls_fingerprint{seen}"
        ),
        CertificateError::Revoked => {
            "give the replica a new certificate; if it should not have been revoked, get a new list \
             from who signed it"
                .to_owned()
        }
        CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => {
            "get a new list from who signed the replica's certificate, and see that this happens \
             before each expires; without tls_crl_file in imapd.conf none is asked for"
                .to_owned()
        }
        _ => format!(
            "renew the replica's certificate or see tls_server_ca_file; to take this certificate \
             and no other set sync_tls_fingerprint{seen}; to verify none set sync_tls_verify: no"
        ),
    };
    Error::new(Kind::Tls, "verify the certificate of", host, what).hint(hint)
}

fn unusual(why: Option<&webpki::Error>, other: &rustls::OtherError) -> String {
    match why {
        Some(webpki::Error::CaUsedAsEndEntity) => {
            "who signed it is not among the trusted certificates (it is an authority's own: put \
             it among them, if it is the replica's)"
                .to_owned()
        }
        Some(webpki::Error::UnsupportedCertVersion) => {
            "it is of version 1, which cannot be verified".to_owned()
        }
        Some(why) => format!("{why:?}"),
        None => other.to_string(),
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
