//! Settings of the process: its user, its log lines, and the permissions of new files.

use super::resolver::Resolver;
use crate::config::{Config, opt};

/// Settings of a program that reads a mail spool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// The user to run as. `None` means the built-in default.
    pub cyrus_user: Option<String>,
    /// The group to run as. `None` means the user's own group.
    pub cyrus_group: Option<String>,
    /// Whether debug lines are logged.
    pub debug: bool,
    /// Text before the program's name in syslog.
    pub syslog_prefix: Option<String>,
    /// The name of the syslog facility. An unknown facility is reported and ignored, as by Cyrus.
    pub syslog_facility: Option<String>,
    /// The permission bits that new files do not get.
    pub umask: u32,
}

impl Process {
    /// Reads only the settings of the process from a configuration. A program needs them first: it
    /// must have its user and its log before it can report errors in other settings.
    pub fn of(config: &Config) -> Process {
        Process::resolve(&mut Resolver::new(config, None))
    }

    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Process {
        Process {
            cyrus_user: resolver.string(opt::CYRUS_USER),
            cyrus_group: resolver.string(opt::CYRUS_GROUP),
            debug: resolver.switch(opt::DEBUG),
            syslog_prefix: resolver.string(opt::SYSLOG_PREFIX),
            syslog_facility: resolver.string(opt::SYSLOG_FACILITY),
            umask: umask(&resolver.text(opt::UMASK)),
        }
    }
}

/// Parses octal digits. All other characters are ignored, as in `cyrus_init`.
fn umask(text: &str) -> u32 {
    let digits = text.bytes().filter(|byte| (b'0'..=b'7').contains(byte));
    digits.fold(0, |mask: u32, digit| mask.wrapping_mul(8) | u32::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umask_is_octal_and_forgiving() {
        assert_eq!((umask("077"), umask("22"), umask("0x27"), umask("")), (0o77, 0o22, 0o27, 0));
    }
}
