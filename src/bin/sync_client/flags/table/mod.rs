//! The table itself: [`FLAGS`], in parts.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::{Flag, Low, Mode, Step};

mod cyrus;
mod own;

/// All flags: Cyrus's, in Cyrus's order, which shows in getopt's message on ambiguous names; then
/// our own.
pub static FLAGS: &[Flag] = &TABLE;

static TABLE: [Flag; cyrus::FLAGS.len() + own::FLAGS.len()] = joined([cyrus::FLAGS, own::FLAGS]);

/// The flags of all parts, which are `N` together.
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

fn mode(low: &mut Low, mode: Mode) -> Step {
    if low.mode.replace(mode).is_some() { Step::Contradiction } else { Step::Go }
}

fn set<T>(place: &mut T, value: T) -> Step {
    *place = value;
    Step::Go
}

fn keep(place: &mut Option<OsString>, argument: &OsStr) -> Step {
    set(place, Some(argument.to_owned()))
}

/// As libc's `atoi`: blanks, a sign, digits; what follows is ignored, no digits are 0.
fn atoi(text: &OsStr) -> i32 {
    let text = text.as_bytes().trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits
        .fold(0i32, |number, byte| number.saturating_mul(10).saturating_add((byte - b'0').into()));
    if negative { number.saturating_neg() } else { number }
}

#[cfg(test)]
mod tests {
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
                Step::Contradiction => panic!("{:?} contradicts nothing", flag.long),
            }
        }
    }

    #[test]
    fn numbers_are_read_as_atoi_does() {
        let atoi = |text: &str| atoi(OsStr::new(text));
        assert_eq!(
            (atoi("15"), atoi(" +15x"), atoi("-3"), atoi("x"), atoi("")),
            (15, 15, -3, 0, 0)
        );
        assert_eq!((atoi("99999999999"), atoi("--1")), (i32::MAX, 0));
    }
}
