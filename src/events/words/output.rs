//! A line of output, and where the program writes it.

use crate::types::Level;

/// Where the program writes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum To {
    /// Standard output with `-v`, syslog with `-l`.
    Verbose,
    /// The log, with this severity.
    Log(Level),
    /// Standard error, for a person who waits for the program.
    Terminal,
    /// Standard output, because the line is a result that the caller requested.
    Answer,
}

/// A line with the wording of Cyrus's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Where the program writes the line.
    pub to: To,
    /// The text of the line, without a line end.
    pub text: String,
}

impl Line {
    /// Creates a line for the log, with this severity.
    pub(super) fn log(level: Level, text: impl Into<String>) -> Line {
        Line { to: To::Log(level), text: text.into() }
    }

    /// Creates a line for standard output, with a result that the caller requested.
    pub(super) fn answer(text: impl Into<String>) -> Line {
        Line { to: To::Answer, text: text.into() }
    }

    /// Creates a line for `-v` and `-l`.
    pub(super) fn verbose(text: impl Into<String>) -> Line {
        Line { to: To::Verbose, text: text.into() }
    }
}
