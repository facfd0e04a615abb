//! What a command is answered with. Items are kept as they came and decoded when they are used, for
//! as values they take many times the memory.

use std::borrow::Cow;
use std::fmt;

use super::remote::RemoteFolder;
use super::temp_literal::TempLiteral;
use crate::dlist::{self, Value};
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

/// One item, known to be well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// `NAME value`, and the end of the line.
    line: Box<[u8]>,
    elements: usize,
}

impl Item {
    /// From `NAME value` and the end of the line.
    pub fn new(line: Vec<u8>) -> Result<Item, Malformed> {
        let measure = dlist::measure(&line)?;
        match line.get(measure.length..) {
            Some(b"\r\n" | b"\n" | b"") => {
                Ok(Item { line: line.into_boxed_slice(), elements: measure.elements })
            }
            _ => Err(Malformed::new(measure.length, "more behind the end of a value")),
        }
    }

    /// Its name, for a message about it.
    pub fn name(&self) -> &[u8] {
        self.line.split(|byte| *byte == b' ').next().unwrap_or_default()
    }

    /// Name and value.
    pub fn parse(&self) -> Result<(Cow<'_, [u8]>, Value<'_>), Malformed> {
        dlist::parse_named(&self.line).map(|(name, value, _)| (name, value))
    }

    /// Name and value; the elements of the list behind `key` are handed over one by one instead.
    pub fn parse_each<'a>(
        &'a self,
        key: &str,
        each: &mut dyn FnMut(Value<'a>) -> Result<(), Malformed>,
    ) -> Result<(Cow<'a, [u8]>, Value<'a>), Malformed> {
        dlist::parse_each(&self.line, key, each).map(|(name, value, _)| (name, value))
    }

    /// What it counts towards [`REPLY_BYTES`](crate::limits::REPLY_BYTES).
    pub fn cost(&self) -> u64 {
        let parts = (self.elements as u64).saturating_mul(REPLY_ELEMENT_BYTES);
        (self.line.len() as u64).saturating_add(REPLY_ITEM_BYTES).saturating_add(parts)
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
