//! The status of a channel, for those who do not replicate it themselves.

use std::collections::HashSet;

use crate::error::Result;
use crate::names::{Namespace, Paths};
use crate::run::log::backlog::Counter;
use crate::run::log::disk::{LogDisk, LogFile};
use crate::run::log::files::LogFiles;
use crate::settings::Settings;
use crate::status::{Contact, Status, file, unix_seconds};
use crate::types::Backlog;

/// What the replication of the settings' channel is at. A client that rolls says so in a file, at least
/// every five seconds; without such a client the logs are read. Nothing is locked or changed.
///
/// # Errors
/// If the status file cannot be read, or holds something else.
pub fn status(settings: &Settings) -> Result<Status> {
    let paths = Paths::new(&settings.layout, &settings.naming);
    let log = paths.sync_log(settings.channel());
    let files = LogFiles::new(&log);
    let replica = settings.replication.replica_name();
    let claimed_by = files.claimed_by();
    let unknown = || Status::unknown(&replica.server, replica.channel.as_deref());
    let mut status = file::read(&file::path(&log))?.unwrap_or_else(unknown);
    if claimed_by.is_some() {
        if status.pid == claimed_by {
            return Ok(status);
        }
        // One that has just begun, or that cannot write its status: then that will be seen.
        status = unknown();
        let since = files.claimed_at().map(unix_seconds);
        (status.started, status.written) = (since, since.unwrap_or(status.written));
    }
    // The client that wrote it is gone. What it knew of its connection holds no more.
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
