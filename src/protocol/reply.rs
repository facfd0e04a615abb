//! The reply to a command. Its items are kept as bytes and decoded when they are used, because
//! decoded values take many times as much memory.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::Seek;

use super::remote::RemoteFolder;
use super::temp_literal::TempLiteral;
use crate::dlist::{self, Unread, Value};
use crate::error::Malformed;
use crate::limits::{REPLY_ELEMENT_BYTES, REPLY_ITEM_BYTES};

/// Identifies a command that was sent. Replies arrive in the order of the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A function that changes a folder of a reply. It returns `false` to remove the folder from the
/// reply.
pub type Amend = dyn Fn(&mut RemoteFolder) -> bool + Send;

/// The untagged items of a reply that ended with OK: `* NAME value`.
#[derive(Default)]
pub struct Reply {
    /// The items, in the order of the reply.
    pub items: Vec<Item>,
    /// A long fetched message, if it is in a file. Its item in `items` then has an empty message.
    pub file: Option<TempLiteral>,
    /// A function that is called with each folder after it is decoded.
    pub(super) amend: Option<Box<Amend>>,
}

impl Reply {
    /// Creates a reply with these items.
    #[cfg(any(test, fuzzing))]
    pub fn of(items: Vec<Item>) -> Reply {
        Reply { items, ..Reply::default() }
    }

    /// Returns the reply with the function `amend`, which is called with each folder after it is
    /// decoded.
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

/// One item of a reply.
#[derive(Debug)]
pub enum Item {
    /// An item in memory. It was checked and is well formed.
    Short {
        /// `NAME value`, and the end of the line.
        line: Box<[u8]>,
        /// The number of elements in its lists.
        elements: usize,
    },
    /// An item in a file. It is parsed and checked when it is used.
    Long(LongItem),
}

/// An item in a temporary file without a name. The file disappears when this value is dropped.
#[derive(Debug)]
pub struct LongItem {
    file: File,
    size: u64,
}

impl LongItem {
    /// Makes an item from a file of `size` bytes that holds `NAME value` and the end of the line.
    pub fn new(file: File, size: u64) -> LongItem {
        LongItem { file, size }
    }

    /// Reads the item like [`dlist::read_each`].
    ///
    /// # Errors
    /// If the file cannot be read or the item is malformed.
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
    /// Creates an item from `NAME value` and the end of the line.
    pub fn new(line: Vec<u8>) -> Result<Item, Malformed> {
        let measure = dlist::measure(&line)?;
        match line.get(measure.length..) {
            Some(b"\r\n" | b"\n" | b"") => {
                Ok(Item::Short { line: line.into_boxed_slice(), elements: measure.elements })
            }
            _ => Err(Malformed::new(measure.length, "unexpected data after the end of a value")),
        }
    }

    /// Returns the name of the item, for error messages.
    pub fn name(&self) -> &[u8] {
        match self {
            Item::Short { line, .. } => line.split(|byte| *byte == b' ').next().unwrap_or_default(),
            Item::Long(_) => b"MAILBOX",
        }
    }

    /// Returns the name and the value.
    ///
    /// # Errors
    /// If the item is malformed, or if it is in a file and thus too long to be one value in memory.
    pub fn parse(&self) -> Result<(Cow<'_, [u8]>, Value<'_>), Malformed> {
        match self {
            Item::Short { line, .. } => {
                dlist::parse_named(line).map(|(name, value, _)| (name, value))
            }
            Item::Long(_) => Err(Malformed::new(0u64, "the item is too long")),
        }
    }

    /// Returns the number of bytes that this item counts towards the limit
    /// [`REPLY_BYTES`](crate::limits::REPLY_BYTES).
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
        assert_eq!(error.what, "unexpected data after the end of a value");
    }
}
