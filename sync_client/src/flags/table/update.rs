//! Functions that store a flag and its argument in [`Low`], and return the next step of the parser.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::super::{Low, Mode, Step};

pub(super) fn mode(low: &mut Low, mode: Mode) -> Step {
    if low.mode.replace(mode).is_some() { Step::Contradiction } else { Step::Go }
}

pub(super) fn set<T>(place: &mut T, value: T) -> Step {
    *place = value;
    Step::Go
}

pub(super) fn keep(place: &mut Option<OsString>, argument: &OsStr) -> Step {
    set(place, Some(argument.to_owned()))
}

pub(super) fn add(places: &mut Vec<OsString>, argument: &OsStr) -> Step {
    places.push(argument.to_owned());
    Step::Go
}

/// Stores a number of seconds. Refuses text that does not begin with a number; Cyrus's program
/// reads such text as 0.
pub(super) fn number<T>(place: &mut T, argument: &OsStr, made: impl Fn(i32) -> T) -> Step {
    match atoi(argument) {
        Some(number) => set(place, made(number)),
        None => Step::BadNumber,
    }
}

/// Stores a number of seconds. Refuses any text after the number.
pub(super) fn whole(place: &mut Option<u64>, argument: &OsStr) -> Step {
    match argument.to_str().and_then(|text| text.parse().ok()) {
        Some(number) => set(place, Some(number)),
        None => Step::BadNumber,
    }
}

/// Parses a number like libc's `atoi`: blanks, a sign, digits; ignores the rest. Returns `None` if
/// there is no digit.
fn atoi(text: &OsStr) -> Option<i32> {
    let text = text.as_bytes().trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if !digits.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits
        .fold(0i32, |number, byte| number.saturating_mul(10).saturating_add((byte - b'0').into()));
    Some(if negative { number.saturating_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_atoi_does_and_what_is_none_is_refused() {
        let atoi = |text: &str| atoi(OsStr::new(text));
        assert_eq!([atoi("15"), atoi(" +15x"), atoi("-3")], [Some(15), Some(15), Some(-3)]);
        assert_eq!(atoi("99999999999"), Some(i32::MAX));
        assert_eq!([atoi("x"), atoi(""), atoi("--1"), atoi("-")], [None; 4]);
    }
}
