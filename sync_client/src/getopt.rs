//! Parses command lines exactly like GNU `getopt_long`, with the same error messages: bundled
//! flags, arguments attached or in the next word, flags after operands, `--`, abbreviated long
//! names.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::flags::{Arg, Flag};

/// An error in a flag. The text of its message is that of glibc.
#[derive(Debug, PartialEq, Eq)]
pub enum BadOption {
    /// `-x` is not in the table.
    Short(u8),
    /// `-x` lacks its argument.
    ShortNeedsArgument(u8),
    /// `--name` is not in the table. Contains the whole word.
    Long(OsString),
    /// `--name` is an abbreviation of several flags. Contains the whole word and these flags.
    Ambiguous(OsString, Vec<&'static str>),
    /// `--name=value` for a flag that takes no argument.
    LongTakesNoArgument(&'static str),
    /// `--name` lacks its argument.
    LongNeedsArgument(&'static str),
}

impl BadOption {
    /// Returns the line for stderr, as bytes, because words of the command line may not be UTF-8.
    pub fn message(&self, program: &OsStr) -> Vec<u8> {
        let mut line = program.as_bytes().to_vec();
        let mut add = |parts: &[&[u8]]| parts.iter().for_each(|part| line.extend_from_slice(part));
        match self {
            BadOption::Short(c) => add(&[b": invalid option -- '", &[*c], b"'"]),
            BadOption::ShortNeedsArgument(c) => {
                add(&[b": option requires an argument -- '", &[*c], b"'"]);
            }
            BadOption::Long(word) => add(&[b": unrecognized option '--", word.as_bytes(), b"'"]),
            BadOption::Ambiguous(word, names) => {
                add(&[b": option '--", word.as_bytes(), b"' is ambiguous; possibilities:"]);
                names.iter().for_each(|name| add(&[b" '--", name.as_bytes(), b"'"]));
            }
            BadOption::LongTakesNoArgument(name) => {
                add(&[b": option '--", name.as_bytes(), b"' doesn't allow an argument"]);
            }
            BadOption::LongNeedsArgument(name) => {
                add(&[b": option '--", name.as_bytes(), b"' requires an argument"]);
            }
        }
        line.push(b'\n');
        line
    }
}

/// A parsed flag, and its argument if there is one.
pub type Given<'w> = (&'static Flag, Option<&'w OsStr>);

/// A parser that reads the words of a command line from first to last.
pub struct Words<'w> {
    table: &'static [Flag],
    rest: std::slice::Iter<'w, OsString>,
    /// The remaining letters of a word of bundled flags.
    bundle: &'w [u8],
    posixly: bool,
    operands: Vec<OsString>,
}

impl<'w> Words<'w> {
    pub fn new(table: &'static [Flag], words: &'w [OsString], posixly: bool) -> Self {
        Words { table, rest: words.iter(), bundle: &[], posixly, operands: Vec::new() }
    }

    /// Reads the next flag. Returns `None` if only operands are left.
    pub fn next_flag(&mut self) -> Result<Option<Given<'w>>, BadOption> {
        if let Some((&c, rest)) = self.bundle.split_first() {
            self.bundle = rest;
            return self.short(c).map(Some);
        }
        while let Some(word) = self.rest.next() {
            match word.as_bytes() {
                b"--" => break,
                [b'-', b'-', name @ ..] => return self.long(name).map(Some),
                [b'-', c, rest @ ..] => {
                    self.bundle = rest;
                    return self.short(*c).map(Some);
                }
                _ => self.operands.push(word.clone()),
            }
            if self.posixly {
                break;
            }
        }
        self.operands.extend(self.rest.by_ref().cloned());
        Ok(None)
    }

    /// Returns the operands. Call this after `next_flag` has returned `None`.
    pub fn into_operands(self) -> Vec<OsString> {
        self.operands
    }

    fn short(&mut self, c: u8) -> Result<Given<'w>, BadOption> {
        let flag = self.table.iter().find(|flag| flag.short == Some(c));
        let flag = flag.ok_or(BadOption::Short(c))?;
        if flag.arg == Arg::None {
            return Ok((flag, None));
        }
        let argument = match std::mem::take(&mut self.bundle) {
            [] => self.rest.next().ok_or(BadOption::ShortNeedsArgument(c))?,
            attached => OsStr::from_bytes(attached),
        };
        Ok((flag, Some(argument)))
    }

    fn long(&mut self, word: &'w [u8]) -> Result<Given<'w>, BadOption> {
        let (name, value) = match word.iter().position(|&c| c == b'=').map(|at| word.split_at(at)) {
            Some((name, value)) => (name, value.get(1..)),
            None => (word, None),
        };
        let (flag, full) = find_long(self.table, name, word)?;
        match (flag.arg, value) {
            (Arg::None | Arg::Optional(_), None) => Ok((flag, None)),
            (Arg::None, Some(_)) => Err(BadOption::LongTakesNoArgument(full)),
            (Arg::Word(_) | Arg::Optional(_), Some(value)) => {
                Ok((flag, Some(OsStr::from_bytes(value))))
            }
            (Arg::Word(_), None) => match self.rest.next() {
                Some(next) => Ok((flag, Some(next))),
                None => Err(BadOption::LongNeedsArgument(full)),
            },
        }
    }
}

/// Returns the flag with this long name, or the only flag whose long name starts with it.
fn find_long(
    table: &'static [Flag],
    name: &[u8],
    word: &[u8],
) -> Result<(&'static Flag, &'static str), BadOption> {
    let named = || table.iter().filter_map(|flag| Some((flag, flag.long?)));
    if let Some(exact) = named().find(|(_, long)| long.as_bytes() == name) {
        return Ok(exact);
    }
    let begin_so: Vec<_> =
        named().filter(|(flag, long)| !flag.in_full && long.as_bytes().starts_with(name)).collect();
    let word = || OsStr::from_bytes(word).to_owned();
    match begin_so.as_slice() {
        [] => Err(BadOption::Long(word())),
        [only] => Ok(*only),
        several => {
            Err(BadOption::Ambiguous(word(), several.iter().map(|(_, long)| *long).collect()))
        }
    }
}

#[cfg(test)]
#[path = "getopt_tests.rs"]
mod tests;
