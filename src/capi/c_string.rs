//! Converts texts of the library to C strings.

use std::ffi::CString;

/// Converts a text to a C string. Replaces zero bytes with `\0` in two characters, because a C
/// string ends at the first zero byte.
pub(super) fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "\\0")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_byte_does_not_cut_a_text_short() {
        assert_eq!(c_string("a\0b").as_c_str(), c"a\\0b");
    }
}
