//! What a command is answered with. Items are kept as they came and decoded when they are used, for
//! as values they take many times the memory.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::Seek;

use super::remote::RemoteFolder;
use super::temp_literal::TempLiteral;
use crate::dlist::{self, Unread, Value};
use crate::error::Malformed;
use crate::limits::{REPLY_ELEMENT_BYTES, REPLY_ITEM_BYTES};

/// Names a command that was submitted; replies come in the order of submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Makes a folder of a reply what it shall be. Returns whether it is one of them.
pub type Amend = dyn Fn(&mut RemoteFolder) -> bool + Send;

/// The untagged items of a reply that ended with OK: `* NAME value`.
#[derive(Default)]
pub struct Reply {
    /// In the order in which they came.
    pub items: Vec<Item>,
    /// A long message that was fetched. The item that it came in has none of its bytes.
    pub file: Option<TempLiteral>,
    /// What is to be done to its folders once they are read.
    pub(super) amend: Option<Box<Amend>>,
}

impl Reply {
    /// A reply of these items.
    #[cfg(any(test, fuzzing))]
    pub fn of(items: Vec<Item>) -> Reply {
        Reply { items, ..Reply::default() }
    }

    /// The same, of which each folder goes through `amend`.
    #[must_use]
    pub fn amended(self, amend: impl Fn(&mut RemoteFolder) -> bool + Send + 'static) -> Reply {
        Reply { amend: Some(Box::new(amend)), ..self }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("items", &self.items).finish_non_exhaustive()
    }
}

/// One item.
#[derive(Debug)]
pub enum Item {
    /// It is in memory, and known to be well formed.
    Short {
        /// `NAME value`, and the end of the line.
        line: Box<[u8]>,
        /// The elements of its lists.
        elements: usize,
    },
    /// It is in a file, and not looked at yet.
    Long(LongItem),
}

/// An item that arrived in a temporary file without a name: it is gone once this is dropped.
#[derive(Debug)]
pub struct LongItem {
    file: File,
    size: u64,
}

impl LongItem {
    /// Takes over a file that holds `NAME value` and the end of the line, `size` bytes.
    pub fn new(file: File, size: u64) -> LongItem {
        LongItem { file, size }
    }

    /// Reads it as [`dlist::read_each`] does.
    ///
    /// # Errors
    /// Those of the file; what is wrong with the item.
    pub fn read_each(
        &self,
        key: &str,
        each: &mut dyn FnMut(Value<'_>) -> Result<(), Malformed>,
    ) -> Result<Vec<u8>, Unread> {
        let mut file = &self.file;
        file.rewind()?;
        dlist::read_each(file, key, each)
    }
}

impl Item {
    /// From `NAME value` and the end of the line.
    pub fn new(line: Vec<u8>) -> Result<Item, Malformed> {
        let measure = dlist::measure(&line)?;
        match line.get(measure.length..) {
            Some(b"\r\n" | b"\n" | b"") => {
                Ok(Item::Short { line: line.into_boxed_slice(), elements: measure.elements })
            }
            _ => Err(Malformed::new(measure.length, "more behind the end of a value")),
        }
    }

    /// Its name, for a message about it.
    pub fn name(&self) -> &[u8] {
        match self {
            Item::Short { line, .. } => line.split(|byte| *byte == b' ').next().unwrap_or_default(),
            Item::Long(_) => b"MAILBOX",
        }
    }

    /// Name and value.
    ///
    /// # Errors
    /// If it is too long to be a value as a whole.
    pub fn parse(&self) -> Result<(Cow<'_, [u8]>, Value<'_>), Malformed> {
        match self {
            Item::Short { line, .. } => {
                dlist::parse_named(line).map(|(name, value, _)| (name, value))
            }
            Item::Long(_) => Err(Malformed::new(0u64, "it is too long")),
        }
    }

    /// What it counts towards [`REPLY_BYTES`](crate::limits::REPLY_BYTES).
    pub fn cost(&self) -> u64 {
        match self {
            Item::Short { line, elements } => {
                let parts = (*elements as u64).saturating_mul(REPLY_ELEMENT_BYTES);
                (line.len() as u64).saturating_add(REPLY_ITEM_BYTES).saturating_add(parts)
            }
            Item::Long(item) => item.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_checked_when_they_come_and_parsed_when_they_are_used() {
        let item = Item::new(b"MAILBOX %(A (x y))\r\n".to_vec()).unwrap();
        let (name, value) = item.parse().unwrap();
        assert_eq!((&*name, item.name()), (&b"MAILBOX"[..], &b"MAILBOX"[..]));
        assert_eq!(value.kv().unwrap().list("A").unwrap().len(), 2);
        assert_eq!(item.cost(), 20 + REPLY_ITEM_BYTES + 2 * REPLY_ELEMENT_BYTES);
        assert!(Item::new(b"MAILBOX %(A (x y)\r\n".to_vec()).is_err());
        let error = Item::new(b"A b) c\r\n".to_vec()).unwrap_err();
        assert_eq!(error.what, "more behind the end of a value");
    }
}
