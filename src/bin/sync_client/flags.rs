//! The table of flags: one record each, from which come the parser, `--help` and the manual
//! page; and [`Low`], what was typed, not yet resolved against imapd.conf.
//!
//! Flags and their meanings are those of `main` in Cyrus 3.8.1's `imap/sync_client.c`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

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
}

impl Mode {
    /// Why this version does not do it.
    pub fn refusal(self) -> Option<&'static str> {
        match self {
            Mode::Users | Mode::Mailboxes | Mode::All | Mode::Meta => None,
            Mode::Rolling => Some("rolling replication is not built into this version"),
        }
    }
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
}

impl Applies {
    /// As the manual page says it.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Applies::Always => None,
            Applies::UsersAndMailboxes => Some("Only with -u and -m."),
            Applies::Lists => Some("Only with -u, -m and rolling replication."),
            Applies::Rolling => Some("Only in rolling replication."),
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
    Run(Mode, Low),
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
    match low.mode {
        Some(mode) => Ok(Request::Run(mode, low)),
        None => Err(Usage::NoMode),
    }
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

/// All flags, in Cyrus's order, which shows in getopt's message on ambiguous names; our own last.
pub const FLAGS: &[Flag] = &[
    Flag {
        short: Some(b'1'),
        long: Some("rolling-once"),
        arg: None,
        in_full: false,
        help: "with -R: process one log file, then exit",
        doc: "Process a single log file, then exit. By itself this is no mode: give it with -R.",
        category: Category::Rolling,
        applies: Applies::Rolling,
        update: |low, _| set(&mut low.one_log, true),
    },
    Flag {
        short: Some(b'A'),
        long: Some("all-users"),
        arg: None,
        in_full: false,
        help: "replicate every user and all shared mailboxes",
        doc: "All users mode: replicate every user, and all shared mailboxes too. If an operand \
              is given, only mailboxes whose internal name begins with it are looked at.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::All),
    },
    Flag {
        short: Some(b'C'),
        long: None,
        arg: Some("config-file"),
        in_full: false,
        help: "read this instead of /etc/imapd.conf",
        doc: "Read the configuration from this file instead of /etc/imapd.conf.",
        category: Category::Other,
        applies: Applies::Always,
        update: |low, file| keep(&mut low.config, file),
    },
    Flag {
        short: Some(b'F'),
        long: Some("shutdown-file"),
        arg: Some("file"),
        in_full: false,
        help: "shut down once this file exists",
        doc: "Look for this file after each replication cycle; if it exists, remove it and shut \
              down. Overrides sync_shutdown_file of imapd.conf(5).",
        category: Category::Rolling,
        applies: Applies::Rolling,
        update: |low, file| keep(&mut low.shutdown_file, file),
    },
    Flag {
        short: Some(b'L'),
        long: Some("local-only"),
        arg: None,
        in_full: false,
        help: "tell the replica to leave mupdate alone",
        doc: "Perform only local mailbox operations: neither side changes a mupdate server.",
        category: Category::Selection,
        applies: Applies::Always,
        update: |low, _| set(&mut low.local_only, true),
    },
    Flag {
        short: Some(b'N'),
        long: Some("skip-locked"),
        arg: None,
        in_full: false,
        help: "pass over users that are being replicated",
        doc: "Do not wait for users that another process is replicating to the same server. With \
              -A they are passed over; where they were named, they count as failed.",
        category: Category::Selection,
        applies: Applies::Always,
        update: |low, _| set(&mut low.skip_locked, true),
    },
    Flag {
        short: Some(b'O'),
        long: Some("no-copyback"),
        arg: None,
        in_full: false,
        help: "never change the master",
        doc: "No copyback: nothing on this server is changed to bring both sides together. If the \
              replica holds something else, that mailbox fails.",
        category: Category::Selection,
        applies: Applies::Always,
        update: |low, _| set(&mut low.no_copyback, true),
    },
    Flag {
        short: Some(b'R'),
        long: Some("foreground-rolling"),
        arg: None,
        in_full: false,
        help: "as -r, but stay in the foreground",
        doc: "Rolling replication as with -r, in the foreground.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Rolling),
    },
    Flag {
        short: Some(b'S'),
        long: Some("server"),
        arg: Some("server-name"),
        in_full: false,
        help: "the replica, instead of sync_host",
        doc: "Replicate to this server: host, host:port or the path of a UNIX socket. Overrides \
              sync_host of imapd.conf(5).",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, name| keep(&mut low.server, name),
    },
    Flag {
        short: Some(b'a'),
        long: Some("stage-to-archive"),
        arg: None,
        in_full: false,
        help: "let the replica stage on its archive partition",
        doc: "Ask the replica to receive messages on its archive partition, which saves a copy \
              when a new replica takes over old mail. Without effect where it has no such feature.",
        category: Category::Selection,
        applies: Applies::Always,
        update: |low, _| set(&mut low.archive, true),
    },
    Flag {
        short: Some(b'd'),
        long: Some("delay"),
        arg: Some("seconds"),
        in_full: false,
        help: "shortest time from one run to the next",
        doc: "Shortest time between the beginnings of two replication runs. Overrides \
              sync_repeat_interval of imapd.conf(5).",
        category: Category::Rolling,
        applies: Applies::Rolling,
        update: |low, seconds| set(&mut low.delay, atoi(seconds)),
    },
    Flag {
        short: Some(b'f'),
        long: Some("input-file"),
        arg: Some("file"),
        in_full: false,
        help: "names of users or mailboxes, one a line",
        doc: "Take the names from this file instead of the operands: one a line; empty lines and \
              lines that begin with # are passed over. In rolling replication: process this log \
              file (- for standard input), then exit.",
        category: Category::Selection,
        applies: Applies::Lists,
        update: |low, file| keep(&mut low.input_file, file),
    },
    Flag {
        short: Some(b'l'),
        long: Some("verbose-logging"),
        arg: None,
        in_full: false,
        help: "log what is done to syslog",
        doc: "Log each action to syslog.",
        category: Category::Output,
        applies: Applies::Always,
        update: |low, _| set(&mut low.log_actions, true),
    },
    Flag {
        short: Some(b'm'),
        long: Some("mailboxes"),
        arg: None,
        in_full: false,
        help: "replicate the mailboxes named as operands",
        doc: "Mailbox mode: the operands are mailboxes to replicate, named as an administrator \
              names them (user.fred.Sent, or user/fred/Sent with unixhierarchysep).",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Mailboxes),
    },
    Flag {
        short: Some(b'n'),
        long: Some("channel"),
        arg: Some("channel"),
        in_full: false,
        help: "use the options of this channel",
        doc: "Use this channel: its options (channel_sync_host and so on) go before the general \
              ones, and in rolling replication its sync log is read.",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, name| keep(&mut low.channel, name),
    },
    Flag {
        short: Some(b'o'),
        long: Some("connect-once"),
        arg: None,
        in_full: false,
        help: "give up if the replica cannot be reached",
        doc: "Try to connect only once. Otherwise it is tried again after 15 seconds, then after \
              twice the time, and so on up to sync_reconnect_maxwait of imapd.conf(5).",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, _| set(&mut low.connect_once, true),
    },
    Flag {
        short: Some(b'p'),
        long: Some("dest-partition"),
        arg: Some("partition"),
        in_full: false,
        help: "partition on the replica for what is sent",
        doc: "Partition of the replica on which users or mailboxes are put.",
        category: Category::Selection,
        applies: Applies::UsersAndMailboxes,
        update: |low, name| keep(&mut low.partition, name),
    },
    Flag {
        short: Some(b'r'),
        long: Some("rolling"),
        arg: None,
        in_full: false,
        help: "follow the sync log, in the background",
        doc: "Rolling replication: replicate what the other programs of Cyrus write to the sync \
              log, until told to stop. Goes into the background.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| {
            low.background = true;
            mode(low, Mode::Rolling)
        },
    },
    Flag {
        short: Some(b's'),
        long: Some("sieve-mode"),
        arg: None,
        in_full: false,
        help: "replicate seen state, subscriptions and scripts",
        doc: "Metadata mode: the operands are users whose seen state, subscriptions and Sieve \
              scripts are replicated. For debugging.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Meta),
    },
    Flag {
        short: Some(b't'),
        long: Some("timeout"),
        arg: Some("seconds"),
        in_full: false,
        help: "renew the session after this time (600)",
        doc: "Have the replica restart its session after this many seconds. Default: 600.",
        category: Category::Rolling,
        applies: Applies::Rolling,
        update: |low, seconds| set(&mut low.timeout, Some(atoi(seconds))),
    },
    Flag {
        short: Some(b'u'),
        long: Some("userids"),
        arg: None,
        in_full: false,
        help: "replicate the users named as operands",
        doc: "User mode: the operands are users to replicate with all that belongs to them.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Users),
    },
    Flag {
        short: Some(b'v'),
        long: Some("verbose"),
        arg: None,
        in_full: false,
        help: "print what is done; twice: the protocol too",
        doc: "Print each action to standard output. Given twice, write the traffic with the \
              replica to standard error as well, without credentials, and log lines too.",
        category: Category::Output,
        applies: Applies::Always,
        update: |low, _| {
            let more = low.verbose.saturating_add(1);
            set(&mut low.verbose, more)
        },
    },
    Flag {
        short: Some(b'w'),
        long: Some("delayed-startup"),
        arg: Some("seconds"),
        in_full: false,
        help: "wait before starting",
        doc: "Wait this long before connecting, so that a debugger can be attached.",
        category: Category::Other,
        applies: Applies::Always,
        update: |low, seconds| set(&mut low.wait, atoi(seconds)),
    },
    Flag {
        short: Some(b'z'),
        long: Some("require-compression"),
        arg: None,
        in_full: false,
        help: "give up if the replica cannot compress",
        doc: "Give up unless the connection is compressed. Without this flag compression is used \
              where both sides know it.",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, _| set(&mut low.require_compress, true),
    },
    Flag {
        short: None,
        long: Some("help"),
        arg: None,
        in_full: true,
        help: "print this",
        doc: "Print a short description of all options.",
        category: Category::Other,
        applies: Applies::Always,
        update: |_, _| Step::Print(Page::Help),
    },
    Flag {
        short: None,
        long: Some("version"),
        arg: None,
        in_full: true,
        help: "print the version",
        doc: "Print the name and version of the program.",
        category: Category::Other,
        applies: Applies::Always,
        update: |_, _| Step::Print(Page::Version),
    },
    Flag {
        short: None,
        long: Some("man"),
        arg: None,
        in_full: true,
        help: "print the manual page, for man -l",
        doc: "Print this manual page in the format of man(7).",
        category: Category::Other,
        applies: Applies::Always,
        update: |_, _| Step::Print(Page::Manual),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn low(line: &str) -> Low {
        match parse(&words(line), false) {
            Ok(Request::Run(_, low)) => low,
            other => panic!("{line}: {other:?}"),
        }
    }

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
        for line in ["", "fred", "-1", "-v -f x"] {
            assert_eq!(parse(&words(line), false), Err(Usage::NoMode), "{line}");
        }
    }

    #[test]
    fn the_first_wrong_thing_is_what_counts() {
        assert_eq!(parse(&words("-u -m -Q"), false), Err(Usage::Contradiction));
        assert_eq!(parse(&words("-u -Q -m"), false), Err(Usage::Option(BadOption::Short(b'Q'))));
        assert_eq!(parse(&words("--help -Q"), false), Ok(Request::Print(Page::Help)));
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
