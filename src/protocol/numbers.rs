//! Reads the numbers of a reply. They may be too high for the fields of Cyrus.

use crate::dlist::Kv;
use crate::error::Malformed;
use crate::types::Time;

/// Maximum number of bytes of a peer's text in an error message.
const SHOWN_BYTES: usize = 60;

/// Returns the start of a peer's text in printable form, for an error message.
pub fn shown(text: &[u8]) -> String {
    let head = text.get(..SHOWN_BYTES).unwrap_or(text);
    let mut shown = head.escape_ascii().to_string();
    if head.len() < text.len() {
        shown += &format!("... ({} bytes)", text.len());
    }
    shown
}

/// Reads the numbers of a key-value list. If a number does not fit into its field, its name and
/// value are recorded, and the highest number is returned instead. So the reply can still be read,
/// and only its mailbox fails.
pub struct Numbers<'k, 'v> {
    kv: &'k Kv<'v>,
    /// Name and value of the first number that does not fit.
    pub beyond: Option<String>,
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident -> $type:ty, $highest:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self, key: &str) -> Result<$type, Malformed> {
            self.fit(key, self.kv.$name(key), $highest)
        }
    )*};
}

impl<'k, 'v> Numbers<'k, 'v> {
    /// Creates a reader of the numbers of a list.
    pub fn of(kv: &'k Kv<'v>) -> Numbers<'k, 'v> {
        Numbers { kv, beyond: None }
    }

    /// If a number does not fit, records it and returns `highest`. Other errors are returned
    /// unchanged.
    fn fit<T>(
        &mut self,
        key: &str,
        read: Result<T, Malformed>,
        highest: T,
    ) -> Result<T, Malformed> {
        let Err(error) = read else { return read };
        let digits = self.kv.opt_atom(key)?.unwrap_or_default();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(error);
        }
        self.beyond.get_or_insert_with(|| format!("{key} {}", shown(digits)));
        Ok(highest)
    }

    numbers! {
        /// Reads a number of 32 bits.
        num32 -> u32, u32::MAX;
        /// Reads a number of 64 bits.
        num64 -> u64, u64::MAX;
        /// Reads a time in seconds since 1970.
        date -> Time, Time::MAX;
        /// Reads a number of 32 bits, if the key is present.
        opt_num32 -> Option<u32>, Some(u32::MAX);
        /// Reads a number of 64 bits, if the key is present.
        opt_num64 -> Option<u64>, Some(u64::MAX);
        /// Reads a time in seconds since 1970, if the key is present.
        opt_date -> Option<Time>, Some(Time::MAX);
    }
}
