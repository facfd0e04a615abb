//! The table of flags: one record each, from which come the parser, `--help` and the manual
//! page; and [`Low`], what was typed, not yet resolved against imapd.conf.
//!
//! Flags and their meanings are those of `main` in Cyrus 3.8.1's `imap/sync_client.c`.

use std::ffi::{OsStr, OsString};

mod table;

pub use table::FLAGS;

use crate::getopt::{self, BadOption};

/// What the program is to do: one of these must be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `-u`: the users that are named.
    Users,
    /// `-m`: the mailboxes that are named.
    Mailboxes,
    /// `-A`: everything.
    All,
    /// `-s`: the metadata of the users that are named.
    Meta,
    /// `-r`, `-R`, with `-f` a log file: what the sync log tells.
    Rolling,
    /// `--forget-tls`: nothing is replicated; the server is [`Low::server`].
    ForgetTls,
}

/// Something to print instead of working.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// `--help`
    Help,
    /// `--version`
    Version,
    /// `--man`
    Manual,
}

/// Under which heading a flag is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    Mode,
    Selection,
    Replica,
    Rolling,
    Output,
    Other,
}

impl Category {
    /// All of them with their headings, in the order of `--help`.
    pub const ALL: &[(Category, &str)] = &[
        (Category::Mode, "Modes, one of which must be given"),
        (Category::Selection, "What is replicated, and how"),
        (Category::Replica, "Replica and connection"),
        (Category::Rolling, "Rolling replication"),
        (Category::Output, "Output"),
        (Category::Other, "Other"),
    ];
}

/// The modes in which a flag has an effect; in the others it is accepted and ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applies {
    Always,
    UsersAndMailboxes,
    Lists,
    Rolling,
    OneRun,
}

impl Applies {
    /// As the manual page says it.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Applies::Always => None,
            Applies::UsersAndMailboxes => Some("Only with -u and -m."),
            Applies::Lists => Some("Only with -u, -m and rolling replication."),
            Applies::Rolling => Some("Only in rolling replication."),
            Applies::OneRun => Some("Not in rolling replication."),
        }
    }
}

/// What follows from a flag that was read.
pub enum Step {
    /// Go on reading.
    Go,
    /// Read no further, print this.
    Print(Page),
    /// It contradicts another flag.
    Contradiction,
}

/// A flag.
pub struct Flag {
    /// As `-x`.
    pub short: Option<u8>,
    /// As `--name`.
    pub long: Option<&'static str>,
    /// What stands for the argument in texts, if it takes one.
    pub arg: Option<&'static str>,
    /// Whether the long name must be typed in full. So it is with names that Cyrus does not
    /// have: they must not make an abbreviation ambiguous that was not.
    pub in_full: bool,
    /// For `--help`: a few words.
    pub help: &'static str,
    /// For the manual page: sentences.
    pub doc: &'static str,
    pub category: Category,
    pub applies: Applies,
    /// Notes that the flag was given; the argument is empty if it takes none.
    pub update: fn(&mut Low, &OsStr) -> Step,
}

/// The command line as it was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Low {
    pub mode: Option<Mode>,
    pub config: Option<OsString>,
    pub server: Option<OsString>,
    pub channel: Option<OsString>,
    pub shutdown_file: Option<OsString>,
    pub input_file: Option<OsString>,
    pub partition: Option<OsString>,
    /// Seconds, as `atoi` reads them.
    pub wait: i32,
    /// Seconds, as `atoi` reads them; `None` for the default.
    pub timeout: Option<i32>,
    /// Seconds, as `atoi` reads them; 0 for imapd.conf's.
    pub delay: i32,
    pub verbose: u32,
    pub log_actions: bool,
    pub local_only: bool,
    pub skip_locked: bool,
    pub no_copyback: bool,
    pub copyback: bool,
    /// What repairs may do, in words.
    pub allow_repair: Option<OsString>,
    pub archive: bool,
    pub require_compress: bool,
    pub connect_once: bool,
    /// `-1`
    pub one_log: bool,
    /// `-r`
    pub background: bool,
    pub operands: Vec<OsString>,
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    Run(Mode, Box<Low>),
    Print(Page),
}

/// What is wrong with a command line; usage is told after it.
#[derive(Debug, PartialEq, Eq)]
pub enum Usage {
    /// The words are none of ours.
    Option(BadOption),
    /// Two modes.
    Contradiction,
    /// No mode.
    NoMode,
}

/// Reads a command line without the program's name. `posixly` ends the flags at the first
/// operand, as `$POSIXLY_CORRECT` asks for.
pub fn parse(words: &[OsString], posixly: bool) -> Result<Request, Usage> {
    let mut low = Low::default();
    let mut words = getopt::Words::new(FLAGS, words, posixly);
    while let Some((flag, argument)) = words.next_flag().map_err(Usage::Option)? {
        match (flag.update)(&mut low, argument.unwrap_or_default()) {
            Step::Go => {}
            Step::Print(page) => return Ok(Request::Print(page)),
            Step::Contradiction => return Err(Usage::Contradiction),
        }
    }
    low.operands = words.into_operands();
    // Cyrus's program does not take -1 for a mode, its manual page does.
    let rolling = low.one_log.then_some(Mode::Rolling);
    low.mode = low.mode.or(rolling);
    match low.mode {
        Some(mode) => Ok(Request::Run(mode, Box::new(low))),
        None => Err(Usage::NoMode),
    }
}

#[cfg(test)]
mod tests {
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
    fn one_log_file_is_a_mode_by_itself_and_goes_with_others() {
        for (line, mode) in [("-1", Mode::Rolling), ("-1R", Mode::Rolling), ("-1 -u", Mode::Users)]
        {
            let low = low(line);
            assert_eq!((low.mode, low.one_log), (Some(mode), true), "{line}");
        }
    }

    #[test]
    fn the_first_wrong_thing_is_what_counts() {
        assert_eq!(parse(&words("-u -m -Q"), false), Err(Usage::Contradiction));
        assert_eq!(parse(&words("-u -Q -m"), false), Err(Usage::Option(BadOption::Short(b'Q'))));
        assert_eq!(parse(&words("--help -Q"), false), Ok(Request::Print(Page::Help)));
    }
}
