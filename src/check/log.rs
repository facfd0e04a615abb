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

/// Free space, in bytes, below which there is a warning. Taking over a log may fail soon then.
const LITTLE_ROOM: u64 = 100 << 20;
/// Free space, in bytes, below which the check fails.
const NO_ROOM: u64 = 1 << 20;

/// Checks whether Cyrus's programs log changes (`sync_log`).
pub(super) fn sync_log(settings: &Settings) -> Check {
    if settings.logs.sync_log {
        let names: Vec<String> =
            settings.logs.sync_log_channels.iter().map(|name| shown(name.as_deref())).collect();
        return Check::ok(Topic::SyncLog, format!("to {}", names.join(", ")));
    }
    let detail = "Cyrus's daemons log no changes, so rolling replication (-r) finds nothing to do";
    Check::warn(Topic::SyncLog, detail, "set sync_log: yes in imapd.conf and restart Cyrus")
}

/// Checks whether Cyrus's programs log to the channel, and whether the channel has options of its
/// own.
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
            format!("Cyrus logs nothing without a channel, only to {}", list()),
            "choose one of these channels with -n",
        ),
        (Some(name), true) => {
            let options =
                if own == 0 { "no options".to_owned() } else { count(own, "option", "options") };
            Check::ok(
                topic,
                format!("{name} is in sync_log_channels, and has {options} of its own"),
            )
        }
        // The channel has options. A channel without options that is not in the list was refused
        // before.
        (Some(name), false) => Check::warn(
            topic,
            format!("{name} has options, but Cyrus logs nothing to it, only to {}", list()),
            format!("for rolling replication add {name} to sync_log_channels and restart Cyrus"),
        ),
    }
}

/// Returns the number of options that apply only to this channel.
fn own_options(settings: &Settings) -> usize {
    let Some(channel) = settings.channel() else { return 0 };
    let start = format!("{}_sync_", channel.to_ascii_lowercase());
    let is_own = |origin: &Origin| match origin {
        Origin::Line { key, .. } => key.contains(&start),
        _ => false,
    };
    settings.effective_options().iter().filter(|shown| is_own(&shown.origin)).count()
}

fn shown(channel: Option<&str>) -> String {
    channel.map_or_else(|| "the log without a channel".to_owned(), str::to_owned)
}

fn files(settings: &Settings) -> LogFiles {
    let paths = Paths::new(&settings.layout, &settings.naming);
    LogFiles::new(paths.sync_log(settings.channel()))
}

/// Checks whether the log can be written, renamed and replaced, and whether there is enough free
/// space.
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
        format!("{}, which Cyrus creates at the first change", files.directory().display())
    };
    room(&directory, detail)
}

const GIVE: &str =
    "give the directory sync below configdirectory, and all files in it, to the cyrus user";

/// Returns a failed check if there is a problem with a log file.
fn file(path: &Path) -> Option<Check> {
    let topic = Topic::Log;
    let failed = |why: String| Check::fail(topic, format!("{}: {why}", path.display()), GIVE);
    let found: Metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(failed(reason(&error))),
        Ok(found) => found,
    };
    if !found.is_file() {
        let detail = format!("{} is not a regular file", path.display());
        return Some(Check::fail(topic, detail, "move it away: until then Cyrus logs no changes"));
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

/// Returns the directory or, if it does not exist, its closest existing parent.
fn existing(directory: &Path) -> PathBuf {
    let there = directory.ancestors().find(|above| above.exists());
    there.unwrap_or(directory).to_owned()
}

fn room(directory: &Path, detail: String) -> Check {
    match access::room(directory) {
        Ok(room) => enough(room, detail),
        Err(error) => {
            let why = format!("{detail}; the free space cannot be read: {}", reason(&error));
            Check::warn(Topic::Log, why, "check the file system of this directory")
        }
    }
}

fn enough(Room { bytes, files }: Room, detail: String) -> Check {
    let topic = Topic::Log;
    let detail = format!("{detail}; {} MiB free", bytes >> 20);
    let hint = "free space there: if the work file cannot be written, changes are replicated twice \
                or not at all";
    if bytes < NO_ROOM || files == Some(0) {
        Check::fail(topic, detail, hint)
    } else if bytes < LITTLE_ROOM {
        Check::warn(topic, detail, hint)
    } else {
        Check::ok(topic, detail)
    }
}

/// Reports whether a client works on the channel in rolling mode. This is not a problem.
pub(super) fn claim(settings: &Settings) -> Check {
    let detail = match files(settings).claimed_by() {
        Err(error) => {
            let hint = "run the check as the cyrus user";
            return Check::warn(Topic::Claim, error.to_string(), hint);
        }
        Ok(None) => "no rolling client uses it".to_owned(),
        Ok(Some(pid)) => format!(
            "process {pid} uses it for rolling replication, so -r does not start a second client"
        ),
    };
    Check::ok(Topic::Claim, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::value::Grade;

    #[test]
    fn little_free_space_is_a_warning_and_none_a_failure() {
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
