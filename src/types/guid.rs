//! Message GUIDs: the SHA-1 of the message file (`imap/message_guid.c`).

use std::fmt;

use serde::ser::{Serialize, Serializer};

/// The SHA-1 of a message file. If all bytes are zero, the GUID is unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Guid(pub [u8; 20]);

impl Guid {
    /// Returns whether all bytes are zero, so that the GUID is unknown.
    pub fn is_null(&self) -> bool {
        self.0 == [0; 20]
    }

    /// Parses 40 hexadecimal digits, in upper or lower case. Returns `None` for any other text.
    pub fn from_hex(hex: &[u8]) -> Option<Guid> {
        if hex.len() != 40 {
            return None;
        }
        let digit = |c: u8| char::from(c).to_digit(16);
        let mut out = [0; 20];
        for (byte, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
            let [high, low] = *pair else { return None };
            *byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
        }
        Some(Guid(out))
    }

    /// Returns the GUID as 40 hexadecimal digits in lower case, as Cyrus writes it.
    pub fn to_hex(self) -> [u8; 40] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut out = [0; 40];
        for (pair, byte) in out.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        out
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
