//! Origins of values, for `--print-config` and errors.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The default of the table of options.
    Default,
    /// A line of a file.
    Line {
        /// The path of the file, as the caller or `@include` gave it.
        file: Arc<Path>,
        /// Number of the line, from 1.
        line: usize,
        /// The name as that line has it: the option's name, a former name, or the name after a
        /// service or channel.
        key: String,
    },
    /// The program that uses the library has set the value and overrides the file.
    Program,
    /// The caller has set the value and overrides the file, for example by an option of the command
    /// line.
    Override,
}

/// Writes `/etc/imapd.conf line 7`, `default`, `set by the program` or `command line`.
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
