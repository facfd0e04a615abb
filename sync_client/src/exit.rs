//! Defines every exit code of the program and its causes, in one place.

use std::process::ExitCode;

use cyrsync::{Error, Kind};

/// The exit codes. Those from 64 on are codes of `sysexits.h`, as in Cyrus's program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All requested users and mailboxes are on the replica.
    Ok = 0,
    /// Something failed. With `--status`: a warning.
    Failed = 1,
    /// With `--status`: critical. With `--verify`: a difference was found.
    Critical = 2,
    /// With `--status`: the status is unknown.
    Unknown = 3,
    /// `EX_USAGE`: the command line is wrong.
    Usage = 64,
    /// `EX_SOFTWARE`: no replica is named, or a bug was caught.
    Software = 70,
    /// `EX_TEMPFAIL`: a signal ended the run, or the mail store or the log could not be opened.
    TempFail = 75,
    /// `EX_CONFIG`: the configuration cannot be read or has an invalid value.
    Config = 78,
}

/// The meaning of each code, for the manual page.
pub const MEANINGS: &[(Exit, &str)] = &[
    (
        Exit::Ok,
        "Everything that was requested is on the replica; users that -N skipped with -A do not \
         count. Rolling replication: ended by the shutdown file. With --verify: both sides are \
         equal. With --status: OK.",
    ),
    (
        Exit::Failed,
        "Something could not be replicated, the replica could not be reached or refused the login, \
         the file of -f or --exclude-from could not be read, or a check of --check-config failed. \
         With --status: WARNING. With --verify: no difference was found, but something could not \
         be compared or is not replicated yet, or nothing was compared.",
    ),
    (
        Exit::Critical,
        "With --status: CRITICAL. With --verify: the replica differs from this server.",
    ),
    (Exit::Unknown, "With --status: UNKNOWN, because the status cannot be determined."),
    (
        Exit::Usage,
        "The command line or a pattern is invalid, or root could not change to the cyrus user.",
    ),
    (Exit::Software, "No replica is named by -S or sync_host, or an internal error occurred."),
    (
        Exit::TempFail,
        "A signal ended the run, the mail store or the sync log could not be opened, or another \
         client works on the channel.",
    ),
    (
        Exit::Config,
        "The configuration cannot be read or contains an invalid value, or -n names an unknown \
         channel.",
    ),
];

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An error that ends the program before it replicates anything. The message goes to stderr and to
/// syslog.
#[derive(Debug)]
pub struct Fatal {
    /// The exit code of the program.
    pub exit: Exit,
    /// The text after `Fatal error: `.
    pub message: String,
}

impl Fatal {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Fatal { exit, message: message.into() }
    }
}

/// Converts an error in the configuration or the mail store.
impl From<Error> for Fatal {
    fn from(error: Error) -> Self {
        let exit = match error.kind() {
            Kind::Config | Kind::InvalidArgument | Kind::Unsupported => Exit::Config,
            Kind::Internal => Exit::Software,
            _ => Exit::TempFail,
        };
        Fatal::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_documented_once_and_in_order() {
        let codes: Vec<u8> = MEANINGS.iter().map(|(exit, _)| *exit as u8).collect();
        assert_eq!(codes, [0, 1, 2, 3, 64, 70, 75, 78]);
    }
}
