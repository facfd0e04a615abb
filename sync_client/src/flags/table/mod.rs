//! Contains the table of flags, [`FLAGS`], which is joined from parts.

use super::Flag;

mod cyrus;
mod own;
mod update;

/// All flags: first Cyrus's flags in Cyrus's order, then the flags of this program. If an
/// abbreviation is ambiguous, the error lists flags in this order.
pub static FLAGS: &[Flag] = &TABLE;

static TABLE: [Flag; cyrus::FLAGS.len() + own::FLAGS.len()] = joined([cyrus::FLAGS, own::FLAGS]);

/// Joins the flags of all parts. `N` is their total number.
const fn joined<const PARTS: usize, const N: usize>(parts: [&[Flag]; PARTS]) -> [Flag; N] {
    let mut all = [parts[0][0]; N];
    let (mut part, mut count) = (0, 0);
    while part < PARTS {
        let mut at = 0;
        while at < parts[part].len() {
            all[count] = parts[part][at];
            at += 1;
            count += 1;
        }
        part += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::super::{Low, Step};
    use super::*;

    #[test]
    fn names_are_unique_and_well_formed() {
        for (i, flag) in FLAGS.iter().enumerate() {
            assert!(flag.short.is_some() || flag.long.is_some());
            assert!(flag.short.is_none_or(|c| c.is_ascii_alphanumeric()));
            let fine = |name: &str| name.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
            assert!(flag.long.is_none_or(fine), "{:?}", flag.long);
            assert!(flag.help.len() <= 50 && !flag.help.ends_with('.'), "{}", flag.help);
            assert!(flag.doc.ends_with('.'), "{}", flag.doc);
            for other in &FLAGS[..i] {
                assert!(flag.short.is_none() || flag.short != other.short);
                assert!(flag.long.is_none() || flag.long != other.long);
            }
        }
    }

    #[test]
    fn each_flag_changes_what_was_typed() {
        for flag in FLAGS {
            let mut low = Low::default();
            match (flag.update)(&mut low, OsStr::new("7")) {
                Step::Go => assert_ne!(low, Low::default(), "{:?}", flag.long),
                Step::Print(_) => assert_eq!(low, Low::default()),
                Step::Contradiction | Step::BadNumber => panic!("{:?} is right", flag.long),
            }
        }
    }
}
