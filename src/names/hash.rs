//! Computes the directory letter of a name. Cyrus spreads users and mailboxes over one directory
//! for each letter (`dir_hash_c` in `lib/util.c`).

/// Returns the directory letter for a name: its first letter, or `q` if the name does not begin
/// with a letter. If `full` is set (option `fulldirhash`), the letter is one of `A` to `W`,
/// computed from all bytes before the first dot.
pub(crate) fn directory_letter(name: &[u8], full: bool) -> u8 {
    if full {
        let stem = name.iter().take_while(|b| **b != b'.' && **b != 0);
        let n = stem.fold(0u32, |n, b| ((n << 3) ^ (n >> 5)) ^ u32::from(*b));
        return b'A' + u8::try_from(n % 23).unwrap_or(0);
    }
    match name.first() {
        Some(first) if first.is_ascii_alphabetic() => first.to_ascii_lowercase(),
        _ => b'q',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_letters() {
        for (name, expected) in [("fred", b'f'), ("Fred", b'f'), ("9x", b'q'), ("", b'q')] {
            assert_eq!(directory_letter(name.as_bytes(), false), expected, "{name}");
        }
        assert_eq!(directory_letter("élan".as_bytes(), false), b'q');
    }

    #[test]
    fn full_hash_ends_at_a_dot() {
        assert_eq!(directory_letter(b"fred.smith", true), directory_letter(b"fred", true));
        assert_eq!(directory_letter(b"", true), b'A');
    }
}
