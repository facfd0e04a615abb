//! Severity of log lines.

use serde::Serialize;

/// Severity of a log line, with syslog's meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
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
