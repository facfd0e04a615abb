//! Appends entries to sync logs. A script, or a program that changes mail without Cyrus, can
//! request replication this way.

use super::LogEntry;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::names::Paths;
use crate::run::log::disk::LogDisk;
use crate::run::log::files::LogFiles;
use crate::settings::{Overrides, Settings};

/// Appends entries to the sync logs of channels, like Cyrus's programs (`sync_log` and
/// `sync_log_channel` of `imap/sync_log.c`). Each log is locked meanwhile, so that no reader sees a
/// part of an entry, and no entry is lost when a client takes the log over. Without channels, the
/// entries go to all logs that Cyrus's programs write (`sync_log_channels`). The log without a
/// channel has an empty name, or `""` as in imapd.conf. All channels are checked before the first
/// log is written.
///
/// ```no_run
/// use cyrsync::{Config, LogEntry};
/// # fn main() -> cyrsync::Result<()> {
/// let config = Config::load("/etc/imapd.conf")?;
/// cyrsync::log_append(&config, &["second"], &[LogEntry::User("fred".into())])?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Kind::Config`] for a channel that is not in the configuration, or without channels if
/// `sync_log` is off; [`Kind::Io`] if a log cannot be written. The logs of earlier channels then
/// have the entries already.
pub fn log_append(config: &Config, channels: &[&str], entries: &[LogEntry]) -> Result<()> {
    let all = Settings::resolve(config, None, &Overrides::default())?;
    let mut channels: Vec<Option<&str>> = channels.iter().map(|name| named(name)).collect();
    // Check that all named channels are in the configuration.
    for channel in channels.iter().filter(|channel| channel.is_some()) {
        Settings::resolve(config, *channel, &Overrides::default())?;
    }
    if channels.is_empty() {
        if !all.logs.sync_log {
            let detail = "sync_log is off: Cyrus's programs log to no channel";
            return Err(Error::new(Kind::Config, "append to", "the sync logs", detail)
                .with_hint("set sync_log: on in imapd.conf, or name the channels"));
        }
        channels = all.logs.sync_log_channels.iter().map(Option::as_deref).collect();
    }
    let mut lines = Vec::new();
    entries.iter().for_each(|entry| entry.write(&mut lines));
    if lines.is_empty() {
        return Ok(());
    }
    let paths = Paths::new(&all.layout, &all.naming);
    for channel in channels {
        LogFiles::new(paths.sync_log(channel)).append(&lines)?;
    }
    Ok(())
}

/// Returns the name of a channel, or `None` for the log without a channel.
fn named(channel: &str) -> Option<&str> {
    Some(channel).filter(|name| !matches!(*name, "" | "\"\""))
}

/// Parses a text with one log entry per line.
///
/// # Errors
/// [`Kind::InvalidArgument`] for the first line that is not a valid entry.
#[cfg(any(feature = "capi", test))]
pub fn log_entries(text: &[u8]) -> Result<Vec<LogEntry>> {
    let entries = text.split(|byte| *byte == b'\n').map(|line| {
        LogEntry::parse(line).map_err(|why| {
            let line = line.escape_ascii().to_string();
            Error::new(Kind::InvalidArgument, "read log entry", line, why)
        })
    });
    entries.filter_map(Result::transpose).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn of(dir: &std::path::Path, more: &str) -> Config {
        let text = format!("configdirectory: {}\n{more}", dir.display());
        Config::from_text(text.as_bytes(), "imapd.conf").unwrap()
    }

    #[test]
    fn entries_go_to_the_logs_of_all_channels_or_of_those_that_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let config = of(dir.path(), "sync_log: yes\nsync_log_channels: \"\" second third\n");
        let read = |path: &str| fs::read_to_string(dir.path().join("sync").join(path)).ok();
        log_append(&config, &[], &log_entries(b"USER fred\nMAILBOX \"user.a b\"\n\n").unwrap())
            .unwrap();
        for path in ["log", "second/log", "third/log"] {
            assert_eq!(read(path).unwrap(), "USER fred\nMAILBOX \"user.a b\"\n", "{path}");
        }
        log_append(&config, &["second", ""], &log_entries(b"META mary").unwrap()).unwrap();
        assert!(read("second/log").unwrap().ends_with("META mary\n"));
        assert!(read("log").unwrap().ends_with("META mary\n"));
        assert!(!read("third/log").unwrap().contains("mary"));
        // A channel that does not exist: no log is written.
        let error = log_append(&config, &["third", "../x"], &log_entries(b"USER x").unwrap());
        assert_eq!(error.unwrap_err().kind(), Kind::Config);
        assert!(!read("third/log").unwrap().contains("USER x"));
    }

    #[test]
    fn entries_for_no_log_and_invalid_entries_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let config = of(dir.path(), "sync_log: no\n");
        let entries = log_entries(b"USER fred").unwrap();
        assert_eq!(log_append(&config, &[], &entries).unwrap_err().kind(), Kind::Config);
        log_append(&config, &[""], &entries).unwrap();
        assert!(dir.path().join("sync/log").exists());
        let error = log_entries(b"USER fred\nUSERS fred").unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidArgument);
        assert!(error.to_string().contains("USERS fred"), "{error}");
    }
}
