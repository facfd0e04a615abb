//! Names a command in error messages: its words, its user or mailbox, and its partition.

use std::fmt;

use super::table::Spec;
use crate::types::Uid;

/// Maximum number of characters of a name in an error message.
const NAME_CHARS: usize = 200;

/// The description of a command in errors, such as `APPLY MAILBOX user.fred, partition default`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    verb: &'static str,
    name: &'static str,
    /// The part after the words, such as ` user.fred, partition default`.
    about: String,
    /// The partition of the command; empty if it has none.
    partition: String,
}

impl Label {
    /// The label that is used if there is no command.
    pub const NONE: Label =
        Label { verb: "", name: "", about: String::new(), partition: String::new() };

    /// Returns a label that contains only the words of a command.
    pub fn of(spec: &'static Spec) -> Label {
        Label { verb: spec.verb.word(), name: spec.name, ..Label::NONE }
    }

    /// Adds the name of the user, mailbox or other object of the command, if it is not empty.
    #[must_use]
    pub fn about(self, what: impl AsRef<[u8]>) -> Label {
        self.add(" ", what.as_ref())
    }

    /// Adds the new name of a rename.
    #[must_use]
    pub fn to(self, name: impl AsRef<[u8]>) -> Label {
        self.add(" -> ", name.as_ref())
    }

    /// Adds the UID of a message.
    #[must_use]
    pub fn uid(self, uid: Uid) -> Label {
        self.add(" uid ", uid.to_string().as_bytes())
    }

    /// Adds a partition.
    #[must_use]
    pub fn partition(mut self, partition: impl AsRef<[u8]>) -> Label {
        self.partition = printable(partition.as_ref());
        let before = if self.about.is_empty() { " partition " } else { ", partition " };
        self.add(before, partition.as_ref())
    }

    fn add(mut self, before: &str, what: &[u8]) -> Label {
        if !what.is_empty() {
            self.about.push_str(before);
            self.about.push_str(&printable(what));
        }
        self
    }

    /// Returns the last word of the command: `MAILBOX`, `RESTART`.
    pub fn name(&self) -> &'static str {
        if self.name.is_empty() { self.verb } else { self.name }
    }

    /// Returns the partition of the command, if it has one.
    pub fn partition_name(&self) -> Option<&str> {
        Some(self.partition.as_str()).filter(|partition| !partition.is_empty())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb)?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        f.write_str(&self.about)
    }
}

/// Returns the start of a text. Control characters are removed, because they must not reach a log.
pub fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect()
}
