//! The status of a channel, for programs that do not replicate it themselves.

use std::collections::HashSet;

use crate::error::Result;
use crate::names::{Namespace, Paths};
use crate::run::log::backlog::Counter;
use crate::run::log::disk::{LogDisk, LogFile};
use crate::run::log::files::LogFiles;
use crate::settings::Settings;
use crate::status::{Contact, Status, file, unix_seconds};
use crate::types::Backlog;

/// Returns the state of the replication of the settings' channel. A rolling client writes it to a
/// file at least every five seconds; without such a client the logs are read. Nothing is locked or
/// changed.
///
/// # Errors
/// If the status file cannot be read, or has other content.
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
        // The client has just started, or cannot write its status file. The old time of `written`
        // will show that.
        status = unknown();
        let since = files.claimed_at().map(unix_seconds);
        (status.started, status.written) = (since, since.unwrap_or(status.written));
    }
    // The client that wrote the file is gone, so its connection is gone too.
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
