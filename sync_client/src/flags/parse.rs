//! Parses a command line.

use std::ffi::OsString;

use super::flag::{Low, Mode, Page, Step};
use super::table::FLAGS;
use crate::getopt::{self, BadOption};

/// The parsed command line.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    Run(Mode, Box<Low>),
    Print(Page),
    /// Prints the configuration (`--print-config`).
    PrintConfig(Box<Low>),
    /// Checks the configuration (`--check-config`).
    CheckConfig(Box<Low>),
}

/// An error in a command line. The program prints it, then the usage line.
#[derive(Debug, PartialEq, Eq)]
pub enum Usage {
    /// An unknown flag, or a missing or unexpected argument.
    Option(BadOption),
    /// Two modes, or flags that exclude each other.
    Contradiction,
    /// No mode was given.
    NoMode,
    /// The argument of this flag is not a number.
    BadNumber(String, OsString),
}

/// Parses a command line without the program's name. With `posixly`, the first operand ends the
/// flags, as `$POSIXLY_CORRECT` requires.
pub fn parse(words: &[OsString], posixly: bool) -> Result<Request, Usage> {
    let mut low = Low::default();
    let mut words = getopt::Words::new(FLAGS, words, posixly);
    while let Some((flag, argument)) = words.next_flag().map_err(Usage::Option)? {
        match (flag.update)(&mut low, argument.unwrap_or_default()) {
            Step::Go => {}
            Step::Print(page) => return Ok(Request::Print(page)),
            Step::Contradiction => return Err(Usage::Contradiction),
            Step::BadNumber => {
                let argument = argument.unwrap_or_default().to_owned();
                return Err(Usage::BadNumber(flag.name(), argument));
            }
        }
    }
    low.operands = words.into_operands();
    // According to Cyrus's manual page, -1 selects rolling mode; in Cyrus's program it does not.
    let rolling = low.rolling_once.then_some(Mode::Rolling);
    low.mode = low.mode.or(rolling);
    match low.mode {
        // These two flags need no mode. With a mode, they use the settings of that mode.
        _ if low.print_config => Ok(Request::PrintConfig(Box::new(low))),
        _ if low.check_config => Ok(Request::CheckConfig(Box::new(low))),
        Some(mode) if low.verify.is_some() && !may_verify(mode, &low) => Err(Usage::Contradiction),
        Some(mode) => Ok(Request::Run(mode, Box::new(low))),
        None => Err(Usage::NoMode),
    }
}

/// Returns whether `--verify` is allowed with a mode.
fn may_verify(mode: Mode, low: &Low) -> bool {
    matches!(mode, Mode::Users | Mode::Mailboxes | Mode::All | Mode::Meta) && !low.dry_run
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn low(line: &str) -> Low {
        match parse(&words(line), false) {
            Ok(Request::Run(_, low)) => *low,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_last_value_wins_and_verbose_counts() {
        let low = low("-vv -n a -v -n b -u -t 5 -t 6 -w3s fred");
        assert_eq!(low.channel.as_deref(), Some(OsStr::new("b")));
        assert_eq!((low.verbose, low.timeout, low.wait), (3, Some(6), 3));
        assert_eq!(low.operands, ["fred"]);
    }

    #[test]
    fn modes_exclude_each_other_and_one_is_needed() {
        for line in ["-u -m", "-A -u", "-r -R", "-s -r", "-u -u", "-um"] {
            assert_eq!(parse(&words(line), false), Err(Usage::Contradiction), "{line}");
        }
        for line in ["", "fred", "-v -f x"] {
            assert_eq!(parse(&words(line), false), Err(Usage::NoMode), "{line}");
        }
    }

    #[test]
    fn the_flag_for_one_log_file_is_a_mode_and_can_be_combined() {
        for (line, mode) in [("-1", Mode::Rolling), ("-1R", Mode::Rolling), ("-1 -u", Mode::Users)]
        {
            let low = low(line);
            assert_eq!((low.mode, low.rolling_once), (Some(mode), true), "{line}");
        }
    }

    #[test]
    fn the_configuration_is_printed_and_checked_with_and_without_a_mode() {
        for flag in ["--print-config", "--show-config", "--check-config"] {
            for (line, mode) in [(flag.to_owned(), None), (format!("-A {flag}"), Some(Mode::All))] {
                match (parse(&words(&line), false), flag) {
                    (Ok(Request::CheckConfig(low)), "--check-config")
                    | (Ok(Request::PrintConfig(low)), "--print-config" | "--show-config") => {
                        assert_eq!(low.mode, mode, "{line}");
                    }
                    (other, _) => panic!("{line}: {other:?}"),
                }
            }
            let two_modes = format!("-u -A {flag}");
            assert_eq!(parse(&words(&two_modes), false), Err(Usage::Contradiction));
        }
    }

    #[test]
    fn verify_is_allowed_in_modes_that_replicate_once() {
        for (line, words) in
            [("-A --verify", ""), ("--verify=messages:10% -u fred", "messages:10%")]
        {
            assert_eq!(low(line).verify.as_deref(), Some(OsStr::new(words)), "{line}");
        }
        for line in ["-r --verify", "--verify -R", "-1 --verify=messages", "-A --dry-run --verify"]
        {
            assert_eq!(parse(&words(line), false), Err(Usage::Contradiction), "{line}");
        }
        assert_eq!(parse(&words("--verify fred"), false), Err(Usage::NoMode));
    }

    #[test]
    fn the_first_wrong_thing_is_what_counts() {
        assert_eq!(parse(&words("-u -m -Q"), false), Err(Usage::Contradiction));
        assert_eq!(parse(&words("-u -Q -m"), false), Err(Usage::Option(BadOption::Short(b'Q'))));
        assert_eq!(parse(&words("--help -Q"), false), Ok(Request::Print(Page::Help)));
    }
}
