//! What is reported of connections to the replica.

use serde::Serialize;

use crate::error::Error;

/// Something about the connection to the replica.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// There is no replication over one of the ports that are tried.
    PortFailed {
        /// The port.
        port: u16,
        /// Why not.
        error: Error,
    },
    /// An option of the socket could not be set.
    OptionFailed {
        /// Its name.
        option: &'static str,
        /// Why not.
        why: String,
    },
    /// The connection is encrypted by TLS.
    Encrypted {
        /// By what version and cipher.
        how: String,
        /// With whom.
        host: String,
    },
    /// The login brought a security layer.
    Layer {
        /// Of what mechanism and strength.
        how: String,
        /// With whom.
        host: String,
    },
    /// Something about the replica's certificate should be put right.
    CertificateWarning {
        /// What.
        why: String,
    },
    /// It cannot be remembered that the server has TLS.
    TlsNotRemembered {
        /// The server.
        host: String,
        /// Why not.
        error: Error,
    },
    /// The replica refused to encrypt, and that is allowed.
    StartTlsRefused {
        /// Its words.
        text: String,
    },
    /// The connection is not encrypted, though it was before: `sync_tls` is off.
    NotEncrypted {
        /// The server with its port.
        server: String,
    },
    /// The password crosses the network in clear.
    ClearPassword {
        /// The server's name.
        host: String,
        /// Its address, where that is not its name.
        address: Option<String>,
        /// By which mechanism.
        mechanism: String,
    },
    /// The replica refused to compress.
    NotCompressed,
    /// A connection ends whose compression follows what limits the transfer
    /// (`sync_deflate_level: auto`).
    CompressionLevel {
        /// The level of zlib at the end; 0 does not compress.
        deflate_level: u32,
        /// Bytes of commands.
        sent: u64,
        /// The bytes that they were on the network.
        sent_raw: u64,
    },
    /// The replica keeps sieve scripts in a mailbox.
    SieveMailbox,
    /// The replica can stage files on its archive partition.
    Archive,
    /// The replica cannot stage files on an archive partition.
    NoArchive,
    /// The replica offered its archive partition and did not enable it.
    ArchiveNotEnabled,
    /// The replica refused to hear of capabilities.
    CapabilitiesRefused {
        /// Its answer.
        error: Error,
    },
    /// The replica refused to be forced.
    ForceRefused,
    /// The replica answered BAD, or what is no answer: the connection is given up.
    BadResponse {
        /// The name of the command that waits longest.
        command: String,
        /// The first word of the answer.
        response: String,
        /// The rest of it.
        text: String,
    },
    /// The replica answered NO.
    Refused {
        /// The command's name.
        command: String,
        /// The replica's words.
        text: String,
    },
}
