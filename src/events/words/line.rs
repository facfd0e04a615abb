//! A line, and where it goes.

use crate::types::Level;

/// Where a line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Standard output with `-v`, syslog with `-l`.
    Verbose,
    /// The log.
    Log(Level),
    /// Standard error: somebody who waits should know.
    Terminal,
    /// Standard output: it is what was asked for.
    Answer,
}

/// A line in Cyrus's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it goes.
    pub to: To,
    /// The line, without its end.
    pub text: String,
}

impl Line {
    /// A line for the log.
    pub(super) fn log(level: Level, text: impl Into<String>) -> Line {
        Line { to: To::Log(level), text: text.into() }
    }

    /// A line that was asked for.
    pub(super) fn answer(text: impl Into<String>) -> Line {
        Line { to: To::Answer, text: text.into() }
    }

    /// A line of `-v`.
    pub(super) fn verbose(text: impl Into<String>) -> Line {
        Line { to: To::Verbose, text: text.into() }
    }
}
