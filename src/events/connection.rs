//! Events about connections to the replica.

use serde::Serialize;

use crate::error::Error;

/// An event about a connection to the replica.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// The client could not replicate over one of the ports that it tries.
    #[non_exhaustive]
    PortFailed {
        /// The port that failed.
        port: u16,
        /// The reason why the client cannot use this port.
        error: Error,
    },
    /// An option of the socket could not be set.
    #[non_exhaustive]
    OptionFailed {
        /// The name of the option.
        option: &'static str,
        /// The reason why the option could not be set.
        why: String,
    },
    /// The connection is now encrypted by TLS.
    #[non_exhaustive]
    Encrypted {
        /// The TLS version and cipher.
        how: String,
        /// The name of the server.
        host: String,
    },
    /// A security layer, which the login negotiated, now protects the connection.
    #[non_exhaustive]
    Layer {
        /// The mechanism and strength of the layer.
        how: String,
        /// The name of the server.
        host: String,
    },
    /// The replica's certificate has a problem that should be fixed.
    #[non_exhaustive]
    CertificateWarning {
        /// The problem of the certificate.
        why: String,
    },
    /// The client could not save on disk that this server supports TLS.
    #[non_exhaustive]
    TlsNotRemembered {
        /// The name of the server.
        host: String,
        /// The reason why it could not be saved.
        error: Error,
    },
    /// The replica refused STARTTLS, and the configuration allows a connection without encryption.
    #[non_exhaustive]
    StartTlsRefused {
        /// The text of the replica's reply.
        text: String,
    },
    /// The connection is not encrypted because `sync_tls` is off, although an earlier connection
    /// was.
    #[non_exhaustive]
    NotEncrypted {
        /// The name and port of the server.
        server: String,
    },
    /// The client sends the password over the network without encryption.
    #[non_exhaustive]
    ClearPassword {
        /// The name of the server.
        host: String,
        /// The address of the server, if it differs from the name.
        address: Option<String>,
        /// The login mechanism, which sends the password in plain text.
        mechanism: String,
    },
    /// The replica refused to compress the connection.
    NotCompressed,
    /// A connection with automatic compression (`sync_deflate_level: auto`) has ended. On such a
    /// connection the client adapts the level to the speed of network and processor.
    #[non_exhaustive]
    CompressionLevel {
        /// The zlib level when the connection ended. 0 means no compression.
        deflate_level: u32,
        /// Number of bytes of commands, before compression.
        sent: u64,
        /// Number of bytes sent over the network, after compression.
        sent_raw: u64,
    },
    /// The replica stores Sieve scripts in a mailbox.
    SieveMailbox,
    /// The replica can receive message files on its archive partition.
    Archive,
    /// The replica cannot receive message files on an archive partition.
    NoArchive,
    /// The replica offered to receive message files on its archive partition, but did not enable
    /// this.
    ArchiveNotEnabled,
    /// The replica refused the command that enables capabilities.
    #[non_exhaustive]
    CapabilitiesRefused {
        /// The replica's reply.
        error: Error,
    },
    /// The replica refused the command `APPLY FORCE`.
    ForceRefused,
    /// The replica answered BAD, or sent something that is not a reply. The client closes the
    /// connection.
    #[non_exhaustive]
    BadResponse {
        /// The name of the oldest unanswered command.
        command: String,
        /// The first word of the reply.
        response: String,
        /// The rest of the reply.
        text: String,
    },
    /// The replica answered a command with NO.
    #[non_exhaustive]
    Refused {
        /// The name of the command.
        command: String,
        /// The text of the replica's reply.
        text: String,
    },
}

impl ConnectionEvent {
    /// Returns the error that the event reports, if it has one.
    pub(super) fn error(&self) -> Option<&Error> {
        match self {
            ConnectionEvent::PortFailed { error, .. }
            | ConnectionEvent::TlsNotRemembered { error, .. }
            | ConnectionEvent::CapabilitiesRefused { error, .. } => Some(error),
            ConnectionEvent::OptionFailed { .. }
            | ConnectionEvent::Encrypted { .. }
            | ConnectionEvent::Layer { .. }
            | ConnectionEvent::CertificateWarning { .. }
            | ConnectionEvent::StartTlsRefused { .. }
            | ConnectionEvent::NotEncrypted { .. }
            | ConnectionEvent::ClearPassword { .. }
            | ConnectionEvent::NotCompressed
            | ConnectionEvent::CompressionLevel { .. }
            | ConnectionEvent::SieveMailbox
            | ConnectionEvent::Archive
            | ConnectionEvent::NoArchive
            | ConnectionEvent::ArchiveNotEnabled
            | ConnectionEvent::ForceRefused
            | ConnectionEvent::BadResponse { .. }
            | ConnectionEvent::Refused { .. } => None,
        }
    }
}
