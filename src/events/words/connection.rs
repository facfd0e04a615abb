//! The log lines of events about connections.

use super::output::Line;
use crate::events::connection::ConnectionEvent;
use crate::types::Level;

/// Returns the log line of an event.
pub(super) fn line(event: &ConnectionEvent) -> Line {
    let (level, text) = match event {
        ConnectionEvent::PortFailed { port, error } => {
            (Level::Info, format!("port {port} cannot be used for replication: {error}"))
        }
        ConnectionEvent::OptionFailed { option, why } => {
            (Level::Warning, format!("{option} has no effect on the connection: {why}"))
        }
        ConnectionEvent::Encrypted { how, host } | ConnectionEvent::Layer { how, host } => {
            (Level::Info, format!("connection to {host} encrypted: {how}"))
        }
        ConnectionEvent::CertificateWarning { why } => (Level::Warning, why.clone()),
        ConnectionEvent::TlsNotRemembered { host, error } => (
            Level::Warning,
            format!(
                "cannot store that {host} has TLS, so later runs may accept a connection without \
                 TLS: {error}"
            ),
        ),
        ConnectionEvent::StartTlsRefused { text } => {
            (Level::Warning, format!("the connection is not encrypted: STARTTLS refused: {text}"))
        }
        ConnectionEvent::NotEncrypted { server } => (
            Level::Notice,
            format!(
                "not encrypting the connection to {server}, although an earlier connection used \
                 verified TLS: sync_tls is off"
            ),
        ),
        ConnectionEvent::ClearPassword { host, address, mechanism } => {
            (Level::Warning, clear_password(host, address.as_deref(), mechanism))
        }
        ConnectionEvent::NotCompressed => {
            (Level::Notice, "Failed to enable compression, continuing uncompressed".to_owned())
        }
        ConnectionEvent::CompressionLevel { deflate_level, sent, sent_raw } => (
            Level::Info,
            format!("compression level {deflate_level} ({sent} bytes sent as {sent_raw})"),
        ),
        ConnectionEvent::SieveMailbox => {
            (Level::Info, "Destination supports #sieve mailbox".to_owned())
        }
        ConnectionEvent::Archive => {
            (Level::Info, "Destination supports replication to archive".to_owned())
        }
        ConnectionEvent::NoArchive => {
            (Level::Notice, "Destination doesn't support replication to archive".to_owned())
        }
        ConnectionEvent::ArchiveNotEnabled => (
            Level::Notice,
            "Replication to archive requested but destination didn't enable it: continuing as \
             without -a; see archive_enabled in the replica's imapd.conf"
                .to_owned(),
        ),
        ConnectionEvent::CapabilitiesRefused { error } => (Level::Notice, error.to_string()),
        ConnectionEvent::ForceRefused => {
            (Level::Error, "SYNCERROR: failed to enable force mode".to_owned())
        }
        ConnectionEvent::BadResponse { command, response, text } => (
            Level::Error,
            format!(
                "IOERROR: received bad response: command=<{command}> response=<{response}> \
                 errmsg=<{text}> func=<sync_parse_response>"
            ),
        ),
        ConnectionEvent::Refused { command, text } => {
            (Level::Error, format!("{command} received NO response: {text}"))
        }
    };
    Line::log(level, text)
}

fn clear_password(host: &str, address: Option<&str>, mechanism: &str) -> String {
    let address = address.map(|address| format!(" ({address})")).unwrap_or_default();
    format!(
        "the password for {host}{address} crosses the network in clear ({mechanism} without TLS); \
         give the replica tls_server_cert and tls_server_key and set sync_tls: require here, or \
         set sync_tls: off if the network between is safe"
    )
}
