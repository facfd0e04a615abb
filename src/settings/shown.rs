//! The effective configuration in printable form.

use std::fmt;

use crate::config::{Origin, is_secret};

/// The text shown instead of a password.
const HIDDEN: &str = "(not shown)";

/// A setting with its effective value and origin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown {
    /// Name of the option in imapd.conf, or of the option of the command line if imapd.conf has
    /// none.
    pub name: String,
    /// The value, in the grammar of imapd.conf; `None` if there is none. A password is replaced by
    /// `(not shown)`.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Shown {
    /// Makes a setting; the value of a password is hidden.
    pub(super) fn new(name: &str, value: Option<String>, origin: Origin) -> Shown {
        let value = value.map(|value| if is_secret(name) { HIDDEN.to_owned() } else { value });
        Shown { name: name.to_owned(), value, origin }
    }
}

/// Writes `backup_sync_host` if that was read for `sync_host`; nothing if the names are equal.
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
