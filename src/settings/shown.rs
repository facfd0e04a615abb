//! The effective configuration, as it is printed.

use std::fmt;

use crate::config::{Origin, is_secret};

/// What stands for a password.
const HIDDEN: &str = "(not shown)";

/// A setting that counts, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown {
    /// Name of the option in imapd.conf, or of the option of the command line where imapd.conf has
    /// none.
    pub name: String,
    /// The value, in the grammar of imapd.conf; `None` if there is none. Instead of a password it is
    /// `(not shown)`.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Shown {
    /// A setting as it may be shown.
    pub(super) fn new(name: &str, value: Option<String>, origin: Origin) -> Shown {
        let value = value.map(|value| if is_secret(name) { HIDDEN.to_owned() } else { value });
        Shown { name: name.to_owned(), value, origin }
    }
}

/// `backup_sync_host` where `sync_host` is meant, or nothing.
struct As<'s>(&'s Shown);

impl fmt::Display for As<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.origin {
            Origin::Line { key, .. } if *key != self.0.name => write!(f, " as {key}"),
            _ => Ok(()),
        }
    }
}

/// A line: `sync_host: a.example # /etc/imapd.conf line 3 as backup_sync_host`.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let setting = format!("{}: {}", self.name, self.value.as_deref().unwrap_or("(not set)"));
        write!(f, "{setting:<48} # {}{}", self.origin, As(self))
    }
}
