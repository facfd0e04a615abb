//! The status of a channel, for programs that do not replicate it.

use std::collections::HashSet;

use crate::error::Result;
use crate::names::{Namespace, Paths};
use crate::run::log::backlog::Counter;
use crate::run::log::disk::{LogDisk, LogFile};
use crate::run::log::files::LogFiles;
use crate::settings::Settings;
use crate::status::{Contact, Status, file, unix_seconds};
use crate::types::Backlog;

/// Returns the replication status of the channel in `settings`. During rolling replication, the
/// client writes the status to a file at least every five seconds. Without such a client, the
/// backlog is counted in the logs. Takes no locks and changes nothing.
///
/// # Errors
/// Fails if the status file or the channel's lock file cannot be read, or if the status file has
/// invalid contents.
pub fn status(settings: &Settings) -> Result<Status> {
    let paths = Paths::new(&settings.layout, &settings.naming);
    let log = paths.sync_log(settings.channel());
    let files = LogFiles::new(&log);
    let replica = settings.replication.replica_name();
    let claimed_by = files.claimed_by()?;
    let unknown = || Status::unknown(&replica.server, replica.channel.as_deref());
    let mut status = file::read(&file::path(&log))?.unwrap_or_else(unknown);
    if claimed_by.is_some() {
        if status.pid == claimed_by {
            return Ok(status);
        }
        // The client has just started, or cannot write its status file. In the second case, the old
        // time in `written` shows this.
        status = unknown();
        let since = files.claimed_at().map(unix_seconds);
        (status.started, status.written) = (since, since.unwrap_or(status.written));
    }
    // The client that wrote the file has ended, so it has no connection and no running task.
    status.pid = claimed_by;
    status.server.clone_from(&replica.server);
    status.contact = Contact::Unknown;
    status.running = Vec::new();
    let names = Namespace::new(&settings.naming);
    let mut counters =
        [LogFile::Log, LogFile::Work].map(|file| Counter::new(files.path(file), &names));
    let counts = counters.each_mut().map(Counter::count);
    let since = counters.iter().filter_map(Counter::since).map(unix_seconds);
    let is_waiting = counts.iter().any(|count| count.entries > 0);
    status.oldest = since.chain(status.oldest).min().filter(|_| is_waiting);
    let users: HashSet<u64> = counters.iter().flat_map(Counter::users).copied().collect();
    status.backlog = Backlog {
        entries: counts.iter().map(|count| count.entries).sum(),
        users: users.len() as u64,
    };
    Ok(status)
}
