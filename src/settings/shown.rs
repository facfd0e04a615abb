//! The effective configuration, as it is printed.

use std::fmt;

use crate::config::{Origin, is_secret};

/// A setting that counts, and why.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown {
    /// Name of the option in imapd.conf, or of the option of the command line where imapd.conf has
    /// none.
    pub name: String,
    /// The value, in the grammar of imapd.conf; `None` if there is none.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Shown {
    /// The value if it may be seen; passwords may not.
    pub fn visible(&self) -> &str {
        match &self.value {
            Some(_) if is_secret(&self.name) => "(not shown)",
            Some(value) => value,
            None => "(not set)",
        }
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
        let setting = format!("{}: {}", self.name, self.visible());
        write!(f, "{setting:<48} # {}{}", self.origin, As(self))
    }
}

/// Passwords do not show.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
