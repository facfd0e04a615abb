//! Numbers of an answer, which may be higher than any that Cyrus can hold.

use crate::dlist::Kv;
use crate::error::Malformed;
use crate::types::Time;

/// Bytes of a text from the other side that an error shows.
const SHOWN_BYTES: usize = 60;

/// Text from the other side as an error shows it.
pub fn shown(text: &[u8]) -> String {
    let head = text.get(..SHOWN_BYTES).unwrap_or(text);
    let mut shown = head.escape_ascii().to_string();
    if head.len() < text.len() {
        shown += &format!("... ({} bytes)", text.len());
    }
    shown
}

/// Numbers of a key-value list. One that does not fit is noted and read as the highest, for it is
/// the mailbox that must fail then, and not all that the reply tells.
pub struct Numbers<'k, 'v> {
    kv: &'k Kv<'v>,
    /// The first that does not fit: name and value.
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
    /// The numbers of a list.
    pub fn of(kv: &'k Kv<'v>) -> Numbers<'k, 'v> {
        Numbers { kv, beyond: None }
    }

    /// Notes a number that does not fit; any other complaint stays one.
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
        /// A number of 32 bits.
        num32 -> u32, u32::MAX;
        /// A number of 64 bits.
        num64 -> u64, u64::MAX;
        /// Seconds since 1970.
        date -> Time, Time::MAX;
        /// A number of 32 bits, if the key is there.
        opt_num32 -> Option<u32>, Some(u32::MAX);
        /// A number of 64 bits, if the key is there.
        opt_num64 -> Option<u64>, Some(u64::MAX);
        /// Seconds since 1970, if the key is there.
        opt_date -> Option<Time>, Some(Time::MAX);
    }
}
