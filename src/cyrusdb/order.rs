//! The orders in which databases sort their keys (`lib/bsearch.c`).

use std::cmp::Ordering;
use std::ffi::c_char;

/// The key order with which a database was opened (`CYRUSDB_MBOXSORT` of `lib/cyrusdb.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyOrder {
    /// The backend's own order of keys, which compares bytes.
    #[default]
    Raw,
    /// Mailbox order: the hierarchy separator `.` sorts before other characters of names.
    Mailbox,
}

/// A function that compares two keys.
pub(super) type Compare = fn(&[u8], &[u8]) -> Ordering;

/// Compares keys as unsigned bytes; a key that is a prefix of the other sorts first
/// (`bsearch_ncompare_raw`).
pub(super) fn raw(a: &[u8], b: &[u8]) -> Ordering {
    a.cmp(b)
}

/// Compares keys as C's `char`, which is signed on most machines. A key that is a prefix of the
/// other sorts first (`compare_signed` in `lib/cyrusdb_skiplist.c`).
pub(super) fn c_chars(a: &[u8], b: &[u8]) -> Ordering {
    match a.iter().zip(b).find(|(a, b)| a != b) {
        Some((&a, &b)) => (a as c_char).cmp(&(b as c_char)),
        None => a.len().cmp(&b.len()),
    }
}

/// Compares keys in mailbox order; a key that is a prefix of the other sorts first
/// (`bsearch_ncompare_mbox`).
pub(super) fn mailbox(a: &[u8], b: &[u8]) -> Ordering {
    a.iter().map(|&c| weight(c)).cmp(b.iter().map(|&c| weight(c)))
}

/// Returns the rank of a byte: NUL is first, then TAB and LF (which end a key in a flat file), then
/// `.`. The control characters 1 to 8 get higher ranks to make room.
fn weight(byte: u8) -> u8 {
    match byte {
        0 => 0,
        b'\t' | b'\n' => 1,
        b'.' => 2,
        1..=8 => byte + 2,
        _ => byte,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailbox_order_puts_children_before_names_that_merely_go_on() {
        let mut names = [
            &b"user.a-b"[..],
            b"user.a b",
            b"user.a",
            b"user.a.z",
            b"user.a.b.c",
            b"user.a\x01",
            b"user.a.b",
        ];
        names.sort_by(|a, b| mailbox(a, b));
        assert_eq!(
            names,
            [
                &b"user.a"[..],
                b"user.a.b",
                b"user.a.b.c",
                b"user.a.z",
                b"user.a\x01",
                b"user.a b",
                b"user.a-b"
            ]
        );
        assert_eq!(mailbox(b"a\t", b"a\n"), Ordering::Equal);
    }

    #[test]
    fn other_orders() {
        assert_eq!(raw(b"a", b"\xff"), Ordering::Less);
        assert_eq!(raw(b"a", b"aa"), Ordering::Less);
        assert_eq!(c_chars(b"a", b"aa"), Ordering::Less);
        assert_eq!(c_chars(b"a", b"b"), Ordering::Less);
        assert_eq!(c_chars(b"a", b"a"), Ordering::Equal);
        if c_char::MIN < 0 {
            assert_eq!(c_chars(b"a", b"\xff"), Ordering::Greater);
        }
    }
}
