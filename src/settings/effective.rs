//! The effective configuration in printable form.

use std::fmt;

use crate::config::{Origin, is_secret};

/// The text that is shown instead of a password.
const HIDDEN: &str = "(not shown)";

/// A setting with its effective value and origin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EffectiveOption {
    /// Name of the option in imapd.conf, or of the command line option if imapd.conf has none.
    pub name: String,
    /// The value, as imapd.conf has it. `None` if there is no value. A password is replaced by
    /// `(not shown)`.
    pub value: Option<String>,
    /// The file and line, or other origin, of the value.
    pub origin: Origin,
}

impl EffectiveOption {
    /// Makes a setting. The value of a password is hidden.
    pub(super) fn new(name: &str, value: Option<String>, origin: Origin) -> EffectiveOption {
        let value = value.map(|value| if is_secret(name) { HIDDEN.to_owned() } else { value });
        EffectiveOption { name: name.to_owned(), value, origin }
    }
}

/// Writes ` as backup_sync_host` if the value of `sync_host` comes from that name. Writes nothing
/// if the names are equal.
struct As<'s>(&'s EffectiveOption);

impl fmt::Display for As<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.origin {
            Origin::Line { key, .. } if *key != self.0.name => write!(f, " as {key}"),
            _ => Ok(()),
        }
    }
}

/// Writes a line: `sync_host: a.example # /etc/imapd.conf line 3 as backup_sync_host`.
impl fmt::Display for EffectiveOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let setting = format!("{}: {}", self.name, self.value.as_deref().unwrap_or("(not set)"));
        write!(f, "{setting:<48} # {}{}", self.origin, As(self))
    }
}
