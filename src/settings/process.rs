//! Settings of the process: its user, its log.

use super::resolver::Resolver;
use crate::config::{Config, opt};

/// Settings of a program that works on a spool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// The user to run as, if not the built-in one.
    pub cyrus_user: Option<String>,
    /// The group, if not the user's own.
    pub cyrus_group: Option<String>,
    /// Whether debug lines are logged.
    pub debug: bool,
    /// Text at the beginning of log lines, before the program's name.
    pub syslog_prefix: Option<String>,
    /// The syslog facility, by its name; an unknown one is reported and ignored, as Cyrus does.
    pub syslog_facility: Option<String>,
    /// Permissions that new files do not get.
    pub umask: u32,
}

impl Process {
    /// Reads only the settings of the process from a configuration. A program needs them to become
    /// that process before it can report errors in the other settings.
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

/// Parses octal digits; any other characters between them are ignored, as `cyrus_init` does.
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
