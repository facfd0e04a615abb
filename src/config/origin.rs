//! Where a value comes from.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody set it: the table of options has it.
    Default,
    /// A line of a file.
    Line {
        /// The file, as it was named.
        file: Arc<Path>,
        /// Number of the line, from 1.
        line: usize,
        /// The name that it has there: the option's, its former one, or one with the service or a
        /// channel before it.
        key: String,
    },
    /// The program that uses the library set it over the file.
    Program,
    /// It was asked for with this call: an option of a command line.
    Override,
}

/// `/etc/imapd.conf line 7`, `default`, `set by the program`, `command line`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Line { file, line, .. } => write!(f, "{} line {line}", file.display()),
            Origin::Program => f.write_str("set by the program"),
            Origin::Override => f.write_str("command line"),
        }
    }
}
