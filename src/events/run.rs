//! Events about a run as a whole, for example about the sync log and retries.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::error::Error;
use crate::types::{Backlog, MboxName, ReplicaName, Text, serialize_path, serialize_seconds};

/// An event about a run as a whole. An "item" of these events is an entry of the sync log.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunEvent {
    /// The client could not connect. Reported after the first failed attempt, and when the reason
    /// changes.
    #[non_exhaustive]
    ConnectFailed {
        /// The name and channel of the replica.
        #[serde(flatten)]
        replica: ReplicaName,
        /// Number of failed attempts.
        attempts: u32,
        /// The error of the last attempt.
        error: Error,
    },
    /// The client still cannot connect. Reported every five minutes.
    #[non_exhaustive]
    StillUnreachable {
        /// The name and channel of the replica.
        #[serde(flatten)]
        replica: ReplicaName,
        /// The time that the client has been without a connection.
        #[serde(rename = "unreachable_seconds", serialize_with = "serialize_seconds")]
        time: Duration,
        /// Number of failed attempts.
        attempts: u32,
        /// The time until the next attempt.
        #[serde(rename = "next_seconds", serialize_with = "serialize_seconds")]
        next: Duration,
        /// The amount of data that waits for replication, as far as the client knows it.
        backlog: Backlog,
        /// The error of the last attempt.
        error: Error,
    },
    /// The client has a connection again.
    #[non_exhaustive]
    ReachableAgain {
        /// The name and channel of the replica.
        #[serde(flatten)]
        replica: ReplicaName,
        /// The time that the client was without a connection.
        #[serde(rename = "unreachable_seconds", serialize_with = "serialize_seconds")]
        time: Duration,
        /// Number of failed attempts.
        attempts: u32,
    },
    /// The replica refused the client, for example its password, or the client's configuration
    /// prevents a connection. The client tries again anyway, in case an administrator corrects the
    /// problem.
    TryingAllTheSame,
    /// The connection was lost during a task. The task is retried.
    #[non_exhaustive]
    TryingAgain {
        /// The error that ended the connection.
        error: Error,
    },
    /// The replica ended the session, and the settings allow only one connection for the run.
    #[non_exhaustive]
    ReplicaGone {
        /// The error that ended the session.
        error: Error,
    },
    /// The replica has released its staged files (message files that it received for earlier
    /// updates). The client requests this (`RESTART`) after the time of `-t` or ten minutes.
    StagedFilesReleased,
    /// The client requested the replica to release its staged files (`RESTART`), but the request
    /// failed.
    #[non_exhaustive]
    ReleaseFailed {
        /// The reason why the request failed.
        error: Error,
    },
    /// The cache with the replica's state cannot be used. The run continues without it.
    #[non_exhaustive]
    NoCache {
        /// The reason why the cache cannot be used.
        error: Error,
    },
    /// Users or mailboxes are left out of the run, because the configuration excludes them.
    #[non_exhaustive]
    Excluded {
        /// Number of users that are left out.
        users: u64,
        /// Number of mailboxes that are left out, but would not have been replicated with a whole
        /// user.
        mailboxes: u64,
        /// The first names that are left out: userids, and mailbox names as an administrator sees
        /// them.
        names: Vec<Text>,
    },
    /// The client reads the work file that an earlier run left.
    #[non_exhaustive]
    Reprocessing {
        /// The path of the work file.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
    },
    /// A line of the sync log cannot be parsed.
    #[non_exhaustive]
    BadLogLine {
        /// The path of the log.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
        /// The number of the line.
        line: u64,
        /// The problem of the line.
        why: String,
    },
    /// The client could not take the sync log over. It tries again later.
    #[non_exhaustive]
    LogNotTaken {
        /// The reason why the log could not be taken over.
        error: Error,
    },
    /// The client could not save the unfinished log entries on disk.
    #[non_exhaustive]
    UnfinishedNotSaved {
        /// The reason why they could not be saved.
        error: Error,
    },
    /// The shutdown file exists at the start of rolling replication. The client removes it and
    /// ends.
    #[non_exhaustive]
    ShutdownFileFound {
        /// The path of the shutdown file.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
    },
    /// Rolling replication starts, but no program writes a sync log, because `sync_log` is off.
    NoSyncLog,
    /// Rolling replication starts on a channel that is not in `sync_log_channels`, so no program
    /// writes its log.
    #[non_exhaustive]
    NotLogged {
        /// The channel. `None` for the log without a channel.
        channel: Option<String>,
    },
    /// Mail has arrived since the start, but no program has written to the sync log. The reason is
    /// that programs are still running that were started before the log was configured. Reported
    /// once.
    #[non_exhaustive]
    MailNotLogged {
        /// A mailbox in which mail has arrived.
        mailbox: MboxName,
        /// The path of the log to which no program has written.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
        /// The time since rolling replication started.
        #[serde(rename = "silent_seconds", serialize_with = "serialize_seconds")]
        time: Duration,
    },
    /// The client could not write its status file. Reported again only if the reason changes.
    #[non_exhaustive]
    StatusNotWritten {
        /// The reason why the status file could not be written.
        error: Error,
    },
    /// A repair changed a mailbox, but the change could not be written to the sync logs of the
    /// other replicas.
    #[non_exhaustive]
    ChangeNotLogged {
        /// The mailbox that was repaired.
        mailbox: MboxName,
        /// The reason why the change could not be logged.
        error: Error,
    },
    /// Another client works on the same channel.
    #[non_exhaustive]
    ChannelShared {
        /// The path of the other client's work file.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
    },
    /// A log entry is replaced by a larger one, for example a mailbox by its user.
    #[non_exhaustive]
    Promoting {
        /// The entry that is replaced.
        item: Text,
        /// The larger entry that replaces it.
        to: Text,
    },
    /// A log entry must wait, because another client holds its lock.
    #[non_exhaustive]
    Deferred {
        /// The log entry.
        item: Text,
    },
    /// Log entries failed and will be retried.
    #[non_exhaustive]
    LeftForLater {
        /// The log entries that failed.
        items: Vec<Text>,
        /// Number of attempts so far.
        tries: u32,
        /// The time until the next attempt.
        #[serde(rename = "next_seconds", serialize_with = "serialize_seconds")]
        next: Duration,
        /// The reason for the failure.
        error: Error,
    },
    /// Log entries failed and will not be retried automatically.
    #[non_exhaustive]
    NotReplicated {
        /// The log entries that failed.
        items: Vec<Text>,
        /// The reason for the failure.
        error: Error,
    },
}

impl RunEvent {
    /// Returns the error that the event reports, if it has one.
    pub(super) fn error(&self) -> Option<&Error> {
        match self {
            RunEvent::ConnectFailed { error, .. }
            | RunEvent::StillUnreachable { error, .. }
            | RunEvent::TryingAgain { error, .. }
            | RunEvent::ReplicaGone { error, .. }
            | RunEvent::ReleaseFailed { error, .. }
            | RunEvent::NoCache { error, .. }
            | RunEvent::LogNotTaken { error, .. }
            | RunEvent::UnfinishedNotSaved { error, .. }
            | RunEvent::StatusNotWritten { error, .. }
            | RunEvent::ChangeNotLogged { error, .. }
            | RunEvent::LeftForLater { error, .. }
            | RunEvent::NotReplicated { error, .. } => Some(error),
            RunEvent::ReachableAgain { .. }
            | RunEvent::TryingAllTheSame
            | RunEvent::StagedFilesReleased
            | RunEvent::Excluded { .. }
            | RunEvent::Reprocessing { .. }
            | RunEvent::BadLogLine { .. }
            | RunEvent::ShutdownFileFound { .. }
            | RunEvent::NoSyncLog
            | RunEvent::NotLogged { .. }
            | RunEvent::MailNotLogged { .. }
            | RunEvent::ChannelShared { .. }
            | RunEvent::Promoting { .. }
            | RunEvent::Deferred { .. } => None,
        }
    }
}
