//! A line of output and its destination.

use crate::types::Level;

/// The destination of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Standard output with `-v`, syslog with `-l`.
    Verbose,
    /// The log.
    Log(Level),
    /// Standard error, for a person who waits.
    Terminal,
    /// Standard output: the line is a requested result.
    Answer,
}

/// A line in the words of Cyrus.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// The destination.
    pub to: To,
    /// The line, without its end.
    pub text: String,
}

impl Line {
    /// Creates a line for the log.
    pub(super) fn log(level: Level, text: impl Into<String>) -> Line {
        Line { to: To::Log(level), text: text.into() }
    }

    /// Creates a line with a requested result.
    pub(super) fn answer(text: impl Into<String>) -> Line {
        Line { to: To::Answer, text: text.into() }
    }

    /// Creates a line for `-v`.
    pub(super) fn verbose(text: impl Into<String>) -> Line {
        Line { to: To::Verbose, text: text.into() }
    }
}
