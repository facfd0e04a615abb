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
        /// The file, as it was named.
        file: Arc<Path>,
        /// Number of the line, from 1.
        line: usize,
        /// The name in that line: the option's, its former one, or one with the service or a
        /// channel before it.
        key: String,
    },
    /// The program that uses the library has overridden the file.
    Program,
    /// The caller has overridden it, for example by an option of the command line.
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
