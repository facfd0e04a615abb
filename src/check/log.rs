//! Checks the sync log of a channel.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::value::{Check, Topic, count};
use crate::config::Origin;
use crate::error::reason;
use crate::names::Paths;
use crate::run::log::disk::{LogDisk, LogFile};
use crate::run::log::files::LogFiles;
use crate::settings::Settings;
use crate::sys::access::{self, Room};
use crate::sys::identity;

/// Minimum free space without a warning. With less, taking over a log may soon fail.
const LITTLE_ROOM: u64 = 100 << 20;
/// Minimum free space. With less, the check fails.
const NO_ROOM: u64 = 1 << 20;

/// Checks whether Cyrus logs changes at all.
pub(super) fn sync_log(settings: &Settings) -> Check {
    if settings.logs.sync_log {
        let names: Vec<String> =
            settings.logs.sync_log_channels.iter().map(|name| shown(name.as_deref())).collect();
        return Check::ok(Topic::SyncLog, format!("to {}", names.join(", ")));
    }
    let detail = "Cyrus's daemons log no changes, so rolling replication (-r) finds nothing to do";
    Check::warn(Topic::SyncLog, detail, "set sync_log: yes in imapd.conf and restart Cyrus")
}

/// Checks whether Cyrus logs to the channel, and whether the channel has options.
pub(super) fn channel(settings: &Settings) -> Check {
    let topic = Topic::Channel;
    let channel = settings.channel();
    let logged = settings.logs.sync_log_channels.iter().any(|name| name.as_deref() == channel);
    let list = || {
        let names = settings.logs.sync_log_channels.iter();
        names.map(|name| shown(name.as_deref())).collect::<Vec<_>>().join(", ")
    };
    let own = own_options(settings);
    match (channel, logged) {
        (None, true) => Check::ok(topic, "the log without a channel"),
        (None, false) => Check::warn(
            topic,
            format!("nothing is logged without a channel, only to {}", list()),
            "name one of them by -n",
        ),
        (Some(name), true) => {
            let options =
                if own == 0 { "no options".to_owned() } else { count(own, "option", "options") };
            Check::ok(
                topic,
                format!("{name} is in sync_log_channels, and has {options} of its own"),
            )
        }
        // A channel without options, too, is unknown; the settings have refused it before.
        (Some(name), false) => Check::warn(
            topic,
            format!("{name} has options, but nothing is logged to it, only to {}", list()),
            format!("for rolling replication add {name} to sync_log_channels and restart Cyrus"),
        ),
    }
}

/// Counts the options that apply only to this channel.
fn own_options(settings: &Settings) -> usize {
    let Some(channel) = settings.channel() else { return 0 };
    let start = format!("{}_sync_", channel.to_ascii_lowercase());
    let is_own = |origin: &Origin| match origin {
        Origin::Line { key, .. } => key.contains(&start),
        _ => false,
    };
    settings.shown().iter().filter(|shown| is_own(&shown.origin)).count()
}

fn shown(channel: Option<&str>) -> String {
    channel.map_or_else(|| "the log without a channel".to_owned(), str::to_owned)
}

fn files(settings: &Settings) -> LogFiles {
    let paths = Paths::new(&settings.layout, &settings.naming);
    LogFiles::new(paths.sync_log(settings.channel()))
}

/// Checks whether the log can be written, renamed and replaced, and whether there is enough space.
pub(super) fn writable(settings: &Settings) -> Check {
    let topic = Topic::Log;
    let files = files(settings);
    let directory = existing(files.directory());
    if let Err(error) = access::may_write(&directory) {
        let detail = format!("{}: {}", directory.display(), reason(&error));
        return Check::fail(topic, detail, GIVE);
    }
    for path in [LogFile::Log, LogFile::Work].map(|file| files.path(file).to_owned()) {
        if let Some(check) = file(&path) {
            return check;
        }
    }
    let detail = if directory == files.directory() {
        directory.display().to_string()
    } else {
        format!("{}, which the first change makes", files.directory().display())
    };
    room(&directory, detail)
}

const GIVE: &str =
    "give the directory sync of configdirectory, and what is in it, to the cyrus user";

/// Returns the problem of a log file, if there is one.
fn file(path: &Path) -> Option<Check> {
    let topic = Topic::Log;
    let failed = |why: String| Check::fail(topic, format!("{}: {why}", path.display()), GIVE);
    let found: Metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(failed(reason(&error))),
        Ok(found) => found,
    };
    if !found.is_file() {
        let detail = format!("{} is no regular file", path.display());
        return Some(Check::fail(topic, detail, "move it away: nothing is logged meanwhile"));
    }
    if let Err(error) = access::may_write(path) {
        return Some(failed(reason(&error)));
    }
    (found.uid() != identity::effective_user()).then(|| {
        let owner = identity::user_name(found.uid());
        let owner = owner.unwrap_or_else(|| format!("user {}", found.uid()));
        Check::warn(topic, format!("{} belongs to {owner}", path.display()), GIVE)
    })
}

/// Returns the directory, or its closest parent that exists.
fn existing(directory: &Path) -> PathBuf {
    let there = directory.ancestors().find(|above| above.exists());
    there.unwrap_or(directory).to_owned()
}

fn room(directory: &Path, detail: String) -> Check {
    match access::room(directory) {
        Ok(room) => enough(room, detail),
        Err(error) => {
            let why = format!("{detail}; how much room there is is not known: {}", reason(&error));
            Check::warn(Topic::Log, why, "see whether the file system is in order")
        }
    }
}

fn enough(Room { bytes, files }: Room, detail: String) -> Check {
    let topic = Topic::Log;
    let detail = format!("{detail}; {} MiB free", bytes >> 20);
    let hint = "make room: what cannot be noted is replicated again, or not at all";
    if bytes < NO_ROOM || files == Some(0) {
        Check::fail(topic, detail, hint)
    } else if bytes < LITTLE_ROOM {
        Check::warn(topic, detail, hint)
    } else {
        Check::ok(topic, detail)
    }
}

/// Reports whether another client works on the channel. This is normal if it does.
pub(super) fn claim(settings: &Settings) -> Check {
    let detail = match files(settings).claimed_by() {
        None => "no client rolls on it".to_owned(),
        Some(pid) => format!("process {pid} rolls on it: -r starts no second"),
    };
    Check::ok(Topic::Claim, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::value::Grade;

    #[test]
    fn little_room_is_a_warning_and_none_a_failure() {
        for (bytes, files, verdict) in [
            (LITTLE_ROOM, Some(1), Grade::Ok),
            (LITTLE_ROOM, None, Grade::Ok),
            (LITTLE_ROOM - 1, None, Grade::Warn),
            (NO_ROOM - 1, None, Grade::Fail),
            (LITTLE_ROOM, Some(0), Grade::Fail),
        ] {
            assert_eq!(enough(Room { bytes, files }, String::new()).verdict, verdict, "{bytes}");
        }
    }
}
