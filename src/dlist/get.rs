//! Reads typed values from key-value lists. Error messages contain the key.

use std::borrow::Cow;

use super::Value;
use crate::error::Malformed;

/// Reads typed values from a key-value list. If a key appears twice, the first one is used, as in
/// `dlist_getchild`.
#[derive(Debug, Clone, Copy)]
pub struct Kv<'a>(&'a [(Cow<'a, [u8]>, Value<'a>)]);

impl<'a> Value<'a> {
    /// Returns the value as a key-value list. Fails if it is not one.
    pub fn kv(&'a self) -> Result<Kv<'a>, Malformed> {
        match self {
            Value::Kv(items) => Ok(Kv(items)),
            _ => Err(Malformed::new(0u64, "expected a key-value list")),
        }
    }

    /// Returns the value as a list. Fails if it is not one.
    pub fn list(&self) -> Result<&[Value<'a>], Malformed> {
        match self {
            Value::List(items) => Ok(items),
            _ => Err(Malformed::new(0u64, "expected a list")),
        }
    }

    /// Returns the bytes of an atom. Fails if the value is not an atom.
    pub fn atom(&self) -> Result<&[u8], Malformed> {
        match self {
            Value::Atom(bytes) => Ok(bytes),
            _ => Err(Malformed::new(0u64, "expected an atom")),
        }
    }
}

fn bad(key: &str, what: &str) -> Malformed {
    Malformed::new(0u64, format!("{key} {what}"))
}

macro_rules! getters {
    ($($(#[$doc:meta])* $get:ident, $opt:ident -> $type:ty;)*) => {$(
        $(#[$doc])*
        pub fn $get(&self, key: &str) -> Result<$type, Malformed> {
            self.$opt(key)?.ok_or_else(|| bad(key, "is missing"))
        }
    )*};
}

impl<'a> Kv<'a> {
    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&'a Value<'a>> {
        let found = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key.as_bytes()));
        found.map(|(_, value)| value)
    }

    getters! {
        /// Reads text or bytes.
        atom, opt_atom -> &'a [u8];
        /// Reads a number of 32 bits.
        num32, opt_num32 -> u32;
        /// Reads a number of 64 bits.
        num64, opt_num64 -> u64;
        /// Reads a time in seconds since 1970.
        date, opt_date -> i64;
        /// Reads a list.
        list, opt_list -> &'a [Value<'a>];
    }

    /// Reads text or bytes. Returns `None` if the key is missing or NIL.
    pub fn opt_atom(&self, key: &str) -> Result<Option<&'a [u8]>, Malformed> {
        match self.get(key) {
            None | Some(Value::Nil) => Ok(None),
            Some(Value::Atom(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(bad(key, "is not an atom")),
        }
    }

    /// Reads a number of 64 bits. Returns `None` if the key is missing or NIL.
    pub fn opt_num64(&self, key: &str) -> Result<Option<u64>, Malformed> {
        let Some(digits) = self.opt_atom(key)? else { return Ok(None) };
        let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(digits).ok().filter(|_| all_digits);
        let number = text.and_then(|t| t.parse().ok());
        number.map(Some).ok_or_else(|| bad(key, "is not a number"))
    }

    /// Reads a number of 32 bits. Returns `None` if the key is missing or NIL.
    pub fn opt_num32(&self, key: &str) -> Result<Option<u32>, Malformed> {
        let Some(number) = self.opt_num64(key)? else { return Ok(None) };
        u32::try_from(number).map(Some).map_err(|_| bad(key, "does not fit into 32 bits"))
    }

    /// Reads a time in seconds since 1970. Returns `None` if the key is missing or NIL. Cyrus
    /// writes a time as an unsigned number, so a time before 1970 appears as a huge number.
    pub fn opt_date(&self, key: &str) -> Result<Option<i64>, Malformed> {
        Ok(self.opt_num64(key)?.map(u64::cast_signed))
    }

    /// Reads a list. Returns `None` if the key is missing or NIL.
    pub fn opt_list(&self, key: &str) -> Result<Option<&'a [Value<'a>]>, Malformed> {
        match self.get(key) {
            None | Some(Value::Nil) => Ok(None),
            Some(Value::List(items)) => Ok(Some(items)),
            Some(_) => Err(bad(key, "is not a list")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn values_come_typed_and_errors_name_the_key() {
        let (value, _) =
            parse(b"%(N 7 BIG 4294967296 T \"a b\" L (x) E NIL D 18446744073709551615)").unwrap();
        let kv = value.kv().unwrap();
        assert_eq!(kv.num32("N").unwrap(), 7);
        assert_eq!(kv.num64("BIG").unwrap(), 1 << 32);
        assert_eq!(kv.num32("BIG").unwrap_err().what, "BIG does not fit into 32 bits");
        assert_eq!(kv.atom("T").unwrap(), b"a b");
        assert_eq!(kv.num32("T").unwrap_err().what, "T is not a number");
        assert_eq!(kv.list("L").unwrap().len(), 1);
        assert_eq!(kv.opt_atom("E").unwrap(), None);
        assert_eq!(kv.date("D").unwrap(), -1);
        assert_eq!(kv.atom("X").unwrap_err().what, "X is missing");
        assert_eq!(kv.opt_num32("X").unwrap(), None);
    }
}
