//! Events about connections to the replica.

use serde::Serialize;

use crate::error::Error;

/// An event about a connection to the replica.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// Replication is not available on one of the ports that are tried.
    #[non_exhaustive]
    PortFailed {
        /// The port.
        port: u16,
        /// The reason.
        error: Error,
    },
    /// An option of the socket could not be set.
    #[non_exhaustive]
    OptionFailed {
        /// The name of the option.
        option: &'static str,
        /// The reason.
        why: String,
    },
    /// The connection is encrypted by TLS.
    #[non_exhaustive]
    Encrypted {
        /// The TLS version and cipher.
        how: String,
        /// The name of the server.
        host: String,
    },
    /// The login negotiated a security layer.
    #[non_exhaustive]
    Layer {
        /// Its mechanism and strength.
        how: String,
        /// The name of the server.
        host: String,
    },
    /// The replica's certificate has a problem that should be fixed.
    #[non_exhaustive]
    CertificateWarning {
        /// The problem.
        why: String,
    },
    /// The fact that the server supports TLS could not be saved.
    #[non_exhaustive]
    TlsNotRemembered {
        /// The server.
        host: String,
        /// The reason.
        error: Error,
    },
    /// The replica refused to encrypt, and the configuration allows that.
    #[non_exhaustive]
    StartTlsRefused {
        /// The text of its reply.
        text: String,
    },
    /// The connection is not encrypted although an earlier one was: `sync_tls` is off.
    #[non_exhaustive]
    NotEncrypted {
        /// The server and its port.
        server: String,
    },
    /// The password is sent over the network unencrypted.
    #[non_exhaustive]
    ClearPassword {
        /// The server's name.
        host: String,
        /// Its address, if that differs from the name.
        address: Option<String>,
        /// The mechanism that sends the password.
        mechanism: String,
    },
    /// The replica refused to compress.
    NotCompressed,
    /// A connection with automatic compression (`sync_deflate_level: auto`) has ended. The level
    /// follows the bottleneck of the transfer.
    #[non_exhaustive]
    CompressionLevel {
        /// The level of zlib at the end; 0 does not compress.
        deflate_level: u32,
        /// Bytes of commands, before compression.
        sent: u64,
        /// Bytes on the network, after compression.
        sent_raw: u64,
    },
    /// The replica stores Sieve scripts in a mailbox.
    SieveMailbox,
    /// The replica can stage files on its archive partition.
    Archive,
    /// The replica cannot stage files on an archive partition.
    NoArchive,
    /// The replica offered its archive partition and did not enable it.
    ArchiveNotEnabled,
    /// The replica refused the command that enables capabilities.
    #[non_exhaustive]
    CapabilitiesRefused {
        /// Its reply.
        error: Error,
    },
    /// The replica refused `APPLY FORCE`.
    ForceRefused,
    /// The replica answered BAD, or with something that is not a reply. The connection is closed.
    #[non_exhaustive]
    BadResponse {
        /// The name of the oldest unanswered command.
        command: String,
        /// The first word of the reply.
        response: String,
        /// The rest of the reply.
        text: String,
    },
    /// The replica answered NO.
    #[non_exhaustive]
    Refused {
        /// The name of the command.
        command: String,
        /// The text of the reply.
        text: String,
    },
}

impl ConnectionEvent {
    /// The error that it is about, if it is about one.
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
