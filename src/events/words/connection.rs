//! The lines for events about connections.

use super::line::Line;
use crate::events::connection::ConnectionEvent;
use crate::types::Level;

/// Returns the line of an event.
pub(super) fn line(event: &ConnectionEvent) -> Line {
    let (level, text) = match event {
        ConnectionEvent::PortFailed { port, error } => {
            (Level::Info, format!("no replication over port {port}: {error}"))
        }
        ConnectionEvent::OptionFailed { option, why } => {
            (Level::Warning, format!("{option} has no effect on the connection: {why}"))
        }
        ConnectionEvent::Encrypted { how, host } | ConnectionEvent::Layer { how, host } => {
            (Level::Info, format!("{how} with {host}"))
        }
        ConnectionEvent::CertificateWarning { why } => (Level::Warning, why.clone()),
        ConnectionEvent::TlsNotRemembered { host, error } => {
            (Level::Warning, format!("later runs will not know that {host} has TLS: {error}"))
        }
        ConnectionEvent::StartTlsRefused { text } => {
            (Level::Warning, format!("the connection is not encrypted: STARTTLS refused: {text}"))
        }
        ConnectionEvent::NotEncrypted { server } => (
            Level::Notice,
            format!(
                "not encrypting the connection to {server}, which was reached over TLS that \
                 verified before: sync_tls is off"
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
            "Replication to archive requested but destination didn't enable it: going on as \
             without -a (archive_enabled of the replica's imapd.conf)"
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
