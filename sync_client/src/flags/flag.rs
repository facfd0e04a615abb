//! Types for flags, and for the command line as the user typed it.

use std::ffi::{OsStr, OsString};

/// The mode of the program. A run has exactly one mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `-u`: replicates the named users.
    Users,
    /// `-m`: replicates the named mailboxes.
    Mailboxes,
    /// `-A`: replicates everything.
    All,
    /// `-s`: replicates the metadata of the named users.
    Meta,
    /// `-r`, `-R`: replicates the entries of the sync log; with `-f`, of one log file.
    Rolling,
    /// `--forget-tls`: forgets that [`Low::server`] was reached over TLS. Replicates nothing.
    ForgetTls,
    /// `--status`: prints the status of rolling replication. Replicates nothing.
    Status,
}

/// A text to print instead of replicating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// `--help`
    Help,
    /// `--version`
    Version,
    /// `--man`
    Manual,
}

/// The heading under which a flag is listed.
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
    /// All categories with their headings, in the order of `--help`.
    pub const ALL: &[(Category, &str)] = &[
        (Category::Mode, "Modes, one of which must be given"),
        (Category::Selection, "What is replicated, and how"),
        (Category::Replica, "Replica and connection"),
        (Category::Rolling, "Rolling replication"),
        (Category::Output, "Output"),
        (Category::Other, "Other"),
    ];
}

/// The modes in which a flag has an effect. In other modes it is accepted and ignored.
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
    /// Returns the note for the manual page.
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

/// The next step of the parser after a flag.
pub enum Step {
    /// Read the next flag.
    Go,
    /// Stop reading and print this page.
    Print(Page),
    /// Report that the flag contradicts another flag.
    Contradiction,
    /// Report that the argument is not a number.
    BadNumber,
}

/// Whether a flag takes an argument, with the placeholder for help texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arg {
    /// No argument.
    None,
    /// A required argument.
    Word(&'static str),
    /// An optional argument after `=`. Only for flags without a short name.
    Optional(&'static str),
}

/// A flag of the command line.
#[derive(Clone, Copy)]
pub struct Flag {
    /// The letter of the short form `-x`.
    pub short: Option<u8>,
    /// The name in the long form `--name`.
    pub long: Option<&'static str>,
    /// Whether the flag takes an argument.
    pub arg: Arg,
    /// Whether the long name must be typed in full: true for names that Cyrus does not have. So
    /// abbreviations that are unique in Cyrus's client stay unique.
    pub in_full: bool,
    /// A few words for `--help`.
    pub help: &'static str,
    /// Sentences for the manual page.
    pub doc: &'static str,
    pub category: Category,
    pub applies: Applies,
    /// Stores the flag in [`Low`]. The argument is empty if the flag has none.
    pub update: fn(&mut Low, &OsStr) -> Step,
}

impl Flag {
    /// Returns the flag as the user types it, the short form if it has one.
    pub fn name(&self) -> String {
        match (self.short, self.long) {
            (Some(c), _) => format!("-{}", char::from(c)),
            (None, long) => format!("--{}", long.unwrap_or_default()),
        }
    }
}

/// The values of the command line, before imapd.conf is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Low {
    pub mode: Option<Mode>,
    pub config: Option<OsString>,
    pub server: Option<OsString>,
    pub channel: Option<OsString>,
    pub shutdown_file: Option<OsString>,
    pub input_file: Option<OsString>,
    pub dest_partition: Option<OsString>,
    /// `-w`: seconds, parsed like `atoi` does.
    pub wait: i32,
    /// `-t`: seconds, parsed like `atoi` does. `None` means the default.
    pub timeout: Option<i32>,
    /// `-d`: seconds, parsed like `atoi` does. 0 means the value of imapd.conf.
    pub delay: i32,
    pub verbose: u32,
    pub log_actions: bool,
    pub local_only: bool,
    pub skip_locked: bool,
    pub no_copyback: bool,
    pub copyback: bool,
    /// `--allow-repair`, not yet parsed.
    pub allow_repair: Option<OsString>,
    /// `--exclude`: patterns.
    pub exclude: Vec<OsString>,
    /// `--exclude-from`: files with patterns.
    pub exclude_from: Vec<OsString>,
    /// `--bwlimit`, not yet parsed.
    pub bwlimit: Option<OsString>,
    pub stage_to_archive: bool,
    pub require_compression: bool,
    pub connect_once: bool,
    /// `--jobs`: a number or `auto`, not yet parsed.
    pub jobs: Option<OsString>,
    /// `-1`: only the entries that are in the log at the start
    pub rolling_once: bool,
    /// `-r`: rolling replication in the background
    pub background: bool,
    /// `--verify`, with the argument after `=`.
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
    /// `--warn-lag`, in seconds.
    pub warn_lag: Option<u64>,
    /// `--crit-lag`, in seconds.
    pub crit_lag: Option<u64>,
    /// `--print-config`
    pub print_config: bool,
    /// `--check-config`
    pub check_config: bool,
    pub operands: Vec<OsString>,
}
