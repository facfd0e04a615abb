//! What a flag is, and what was typed.

use std::ffi::{OsStr, OsString};

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
    /// `--status`: nothing is replicated.
    Status,
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
    Names,
    Status,
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
            Applies::Names => Some("Only with -u, -m and -s."),
            Applies::Status => Some("Only with --status."),
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
    /// Its argument is no number.
    BadNumber,
}

/// Whether a flag takes an argument, and what stands for it in texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arg {
    /// It takes none.
    None,
    /// It takes one.
    Word(&'static str),
    /// It takes one behind `=`, or none. Only flags without a short name.
    Optional(&'static str),
}

/// A flag.
#[derive(Clone, Copy)]
pub struct Flag {
    /// As `-x`.
    pub short: Option<u8>,
    /// As `--name`.
    pub long: Option<&'static str>,
    /// Its argument.
    pub arg: Arg,
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

impl Flag {
    /// The flag as it is typed.
    pub fn name(&self) -> String {
        match (self.short, self.long) {
            (Some(c), _) => format!("-{}", char::from(c)),
            (None, long) => format!("--{}", long.unwrap_or_default()),
        }
    }
}

/// The command line as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Low {
    pub mode: Option<Mode>,
    pub config: Option<OsString>,
    pub server: Option<OsString>,
    pub channel: Option<OsString>,
    pub shutdown_file: Option<OsString>,
    pub input_file: Option<OsString>,
    pub dest_partition: Option<OsString>,
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
    /// Patterns.
    pub exclude: Vec<OsString>,
    /// Files with patterns.
    pub exclude_from: Vec<OsString>,
    /// A limit of bandwidth.
    pub bwlimit: Option<OsString>,
    pub stage_to_archive: bool,
    pub require_compression: bool,
    pub connect_once: bool,
    /// A number, or `auto`.
    pub jobs: Option<OsString>,
    /// `-1`
    pub rolling_once: bool,
    /// `-r`
    pub background: bool,
    /// `--verify`, and what was written behind it.
    pub verify: Option<OsString>,
    /// `--dry-run`
    pub dry_run: bool,
    /// `--metrics-file`
    pub metrics_file: Option<OsString>,
    /// `--strict`
    pub strict: bool,
    /// `--progress`
    pub progress: bool,
    /// `--json`
    pub json: bool,
    /// `--all-channels`
    pub all_channels: bool,
    /// Seconds.
    pub warn_lag: Option<u64>,
    /// Seconds.
    pub crit_lag: Option<u64>,
    /// `--print-config`
    pub print_config: bool,
    /// `--check-config`
    pub check_config: bool,
    pub operands: Vec<OsString>,
}
