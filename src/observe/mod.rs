//! How the library tells its caller what it does.
//!
//! The library never prints and never logs by itself: it calls an [`Observer`].
//! The binary's observer is stdout, stderr and syslog.

mod shorten;

use std::time::Duration;

use crate::error::Error;
use crate::types::MboxName;
pub use shorten::Shortened;

/// Severity of a log line, with syslog's meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed and somebody should look (`LOG_ERR`).
    Error,
    /// Something looks wrong but work goes on (`LOG_WARNING`).
    Warning,
    /// Unusual but in order (`LOG_NOTICE`).
    Notice,
    /// What is being done (`LOG_INFO`).
    Info,
    /// For those who trace a problem (`LOG_DEBUG`).
    Debug,
}

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the replica.
    Sent,
    /// From the replica.
    Received,
}

/// Receives what the library reports. All methods may be called from any thread
/// that runs the library and must not call back into the same client.
pub trait Observer: Send + Sync {
    /// A line for the log, in the vocabulary of Cyrus's syslog lines
    /// (`SYNCERROR: ...`, `IOERROR: ...`), so that log watchers keep working.
    fn log(&self, _level: Level, _line: &str) {}

    /// One thing that is done, as Cyrus's `-v` prints it: `USER fred`, `MAILBOX user.fred`.
    fn action(&self, _line: &str) {}

    /// One thing that is done to this mailbox, as [`Observer::action`] hears it. A name may hold
    /// anything, blanks and arrows included: do not look for it in the line.
    fn mailbox_action(&self, _mailbox: &MboxName, line: &str) {
        self.action(line);
    }

    /// Why a mailbox is about to be sent, in words.
    fn differs(&self, _mailbox: &MboxName, _why: &str) {}

    /// There is no connection to `server`; after a pause it is tried again.
    fn unreachable(&self, _error: &Error, _server: &str, _pause: Duration) {}

    /// Protocol traffic in clear, before compression and encryption; credentials are left out.
    fn wire(&self, _direction: Direction, _bytes: &[u8]) {}

    /// Whether [`Observer::wire`] is wanted; asked when a connection begins.
    fn wants_wire(&self) -> bool {
        false
    }
}

/// An observer that ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}
