//! How far a connection has come, for those who only look whether one can be made.

use crate::error::Error;
use crate::settings::Fingerprint;

/// Receives each stage when it is reached.
pub type OnStage<'s> = dyn Fn(Stage) + 's;

/// What was reached, or how an attempt ended.
#[derive(Debug, Clone)]
pub enum Stage {
    /// An attempt begins at this port; 0 for a UNIX socket.
    Begun {
        /// The port.
        port: u16,
    },
    /// A socket is connected.
    Connected {
        /// The address, or the path of a UNIX socket.
        to: String,
    },
    /// The server showed this certificate.
    Certificate(Shown),
    /// The connection is encrypted.
    Encrypted {
        /// Version and cipher.
        how: String,
        /// What the certificate was taken for.
        trust: Trust,
    },
    /// The server has greeted.
    Greeted {
        /// Which protocol it speaks.
        protocol: &'static str,
        /// Its version as it writes it, if it tells.
        release: Option<String>,
        /// Major and minor version.
        version: Option<(u32, u32)>,
    },
    /// The connection stays in clear, and may.
    Clear {
        /// What the server answered to STARTTLS; `None` if it was not asked.
        refused: Option<String>,
    },
    /// It is known how to log in.
    Mechanism {
        /// What the server offers.
        offered: Vec<String>,
        /// What was chosen; `None` where no login is needed.
        chosen: Option<String>,
        /// Whether the password itself crosses the network, for all on the way to read.
        clear_password: bool,
    },
    /// The login was accepted.
    LoggedIn,
    /// What the server offers to whom has logged in.
    Offered(Offered),
    /// Whether the connection is compressed.
    Compressed(bool),
    /// The attempt failed.
    Failed(Error),
}

/// What a server offers to a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offered {
    /// Compression.
    pub deflate: bool,
    /// Sieve scripts as a mailbox.
    pub sieve_mailbox: bool,
    /// Staging on the archive partition.
    pub archive: bool,
    /// Mailboxes of JMAP notifications.
    pub notifications: bool,
}

/// A certificate that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Which one.
    pub fingerprint: Fingerprint,
    /// The seconds since 1970 until which it is valid; `None` if it cannot be read.
    pub until: Option<i64>,
}

/// What a certificate was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Its chain, dates and name are right.
    Verified,
    /// `sync_tls_fingerprint` names it.
    Pinned,
    /// `sync_tls_verify` is off.
    Off,
    /// There is nothing to verify it with.
    Nothing,
}
