//! The stages of a connection, for callers that only test whether a connection is possible.

use crate::error::Error;
use crate::settings::Fingerprint;

/// A callback that receives each stage.
pub type OnStage<'s> = dyn Fn(Stage) + 's;

/// A stage that was reached, or the end of an attempt.
#[derive(Debug, Clone)]
pub enum Stage {
    /// An attempt to connect to this port starts.
    Begun {
        /// The port; 0 for a UNIX socket.
        port: u16,
    },
    /// The socket is connected.
    Connected {
        /// The address, or the path of a UNIX socket.
        to: String,
    },
    /// The server presented this certificate.
    Certificate(Shown),
    /// The connection is encrypted.
    Encrypted {
        /// TLS version and cipher.
        how: String,
        /// Why the certificate was accepted.
        trust: Trust,
    },
    /// The server has sent its greeting.
    Greeted {
        /// The name of its protocol: `csync` or `imap`.
        protocol: &'static str,
        /// Its version string, if it sends one.
        release: Option<String>,
        /// Major and minor version.
        version: Option<(u32, u32)>,
    },
    /// The connection stays in clear text, which is allowed.
    Clear {
        /// The text with which the server refused STARTTLS. `None` if the client did not send
        /// STARTTLS.
        refused: Option<String>,
    },
    /// The mechanism for the login was chosen.
    Mechanism {
        /// The mechanisms that the server offers.
        offered: Vec<String>,
        /// The chosen mechanism; `None` if no login is needed.
        chosen: Option<String>,
        /// Whether the password itself crosses the network unprotected.
        clear_password: bool,
    },
    /// The login was accepted.
    LoggedIn,
    /// The features that the server offers after the login.
    Offered(Offered),
    /// Whether the connection is compressed.
    Compressed(bool),
    /// The attempt failed.
    Failed(Error),
}

/// Features that a server offers to a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offered {
    /// Compression.
    pub deflate: bool,
    /// Sieve scripts as a mailbox.
    pub sieve_mailbox: bool,
    /// Storing incoming message files on the archive partition.
    pub archive: bool,
    /// Mailboxes of JMAP notifications.
    pub notifications: bool,
}

/// A certificate that a server presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// End of its validity, in seconds since 1970. `None` if this time cannot be read from the
    /// certificate.
    pub until: Option<i64>,
}

/// Why a certificate was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Its chain, dates and name are correct.
    Verified,
    /// `sync_tls_fingerprint` lists it.
    Pinned,
    /// Not verified: `sync_tls_verify` is off.
    Off,
    /// Not verified: no trusted certificates are configured.
    Nothing,
}
