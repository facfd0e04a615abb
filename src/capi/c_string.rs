//! Converts the library's texts to C strings.

use std::ffi::CString;

/// Converts a text to a C string. Replaces each zero byte with the two characters `\0`, because a C
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
