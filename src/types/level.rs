//! The severity of log lines.

use serde::Serialize;

/// The severity of a log line, as in syslog.
///
/// ```
/// use cyrsync::Level;
///
/// assert!(Level::Error < Level::Debug, "what is more urgent comes first");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something failed, and a person should look at it (`LOG_ERR`).
    Error,
    /// Something looks wrong, but the program continues (`LOG_WARNING`).
    Warning,
    /// Unusual, but not a problem (`LOG_NOTICE`).
    Notice,
    /// Ordinary progress (`LOG_INFO`).
    Info,
    /// Details for finding a problem (`LOG_DEBUG`).
    Debug,
}
