//! Events about a run as a whole: the sync log and retries.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::error::Error;
use crate::types::{Backlog, MboxName, ReplicaName, Text, serialize_path, serialize_seconds};

/// An event about the run as a whole. An item is an entry of the sync log.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunEvent {
    /// No connection could be made. Reported for the first attempt, and whenever the reason
    /// changes.
    #[non_exhaustive]
    ConnectFailed {
        /// The replica.
        #[serde(flatten)]
        replica: ReplicaName,
        /// Number of failed attempts.
        attempts: u32,
        /// The error of the last attempt.
        error: Error,
    },
    /// There is still no connection. Reported every five minutes.
    #[non_exhaustive]
    StillUnreachable {
        /// The replica.
        #[serde(flatten)]
        replica: ReplicaName,
        /// The time without a connection.
        #[serde(rename = "unreachable_seconds", serialize_with = "serialize_seconds")]
        time: Duration,
        /// Number of failed attempts.
        attempts: u32,
        /// The time until the next attempt.
        #[serde(rename = "next_seconds", serialize_with = "serialize_seconds")]
        next: Duration,
        /// The amount of unreplicated data, as far as it is known.
        backlog: Backlog,
        /// The error of the last attempt.
        error: Error,
    },
    /// There is a connection again.
    #[non_exhaustive]
    ReachableAgain {
        /// The replica.
        #[serde(flatten)]
        replica: ReplicaName,
        /// The time without a connection.
        #[serde(rename = "unreachable_seconds", serialize_with = "serialize_seconds")]
        time: Duration,
        /// Number of failed attempts.
        attempts: u32,
    },
    /// The replica refused the client. Replication is tried anyway.
    TryingAllTheSame,
    /// The connection was lost during a task. The task is retried.
    #[non_exhaustive]
    TryingAgain {
        /// The error that ended the connection.
        error: Error,
    },
    /// The replica ended the session, and the settings allow only one connection.
    #[non_exhaustive]
    ReplicaGone {
        /// The error that ended the session.
        error: Error,
    },
    /// The replica released its staged files, after `-t` or ten minutes.
    Restarted,
    /// The request to the replica to release its staged files (`RESTART`) failed.
    #[non_exhaustive]
    RestartFailed {
        /// The reason.
        error: Error,
    },
    /// The cache of the replica's state cannot be used.
    #[non_exhaustive]
    NoCache {
        /// The reason.
        error: Error,
    },
    /// Users or mailboxes were left out, as configured.
    #[non_exhaustive]
    Excluded {
        /// Number of users.
        users: u64,
        /// Number of mailboxes that would have been replicated on their own.
        mailboxes: u64,
        /// The first of their names: userids, and mailbox names as an administrator sees them.
        names: Vec<Text>,
    },
    /// The work file of an earlier run is being read.
    #[non_exhaustive]
    Reprocessing {
        /// The work file.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
    },
    /// A line of the sync log cannot be parsed.
    #[non_exhaustive]
    BadLogLine {
        /// The log.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
        /// The number of the line.
        line: u64,
        /// The problem.
        why: String,
    },
    /// The sync log could not be taken over. It is tried again later.
    #[non_exhaustive]
    LogNotTaken {
        /// The reason.
        error: Error,
    },
    /// The unfinished entries could not be saved on disk.
    #[non_exhaustive]
    NotNoted {
        /// The reason.
        error: Error,
    },
    /// The shutdown file already exists. Replication starts when it is removed.
    #[non_exhaustive]
    ShutdownFileFound {
        /// The file.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
    },
    /// Rolling replication starts although no program writes a sync log (`sync_log: no`).
    NoSyncLog,
    /// Rolling replication starts on a channel to which no program logs.
    #[non_exhaustive]
    NotLogged {
        /// The channel; `None` for the log without a channel.
        channel: Option<String>,
    },
    /// Mail has arrived since the start, but nothing was logged: programs are running that started
    /// before logging was configured. Reported once.
    #[non_exhaustive]
    NobodyLogs {
        /// A mailbox to which mail came.
        mailbox: MboxName,
        /// The log to which nothing was written.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
        /// The time since rolling replication started.
        #[serde(rename = "silent_seconds", serialize_with = "serialize_seconds")]
        time: Duration,
    },
    /// The status file could not be written. Reported again only if the reason changes.
    #[non_exhaustive]
    StatusNotWritten {
        /// The reason.
        error: Error,
    },
    /// A repair could not be logged for the other replicas.
    #[non_exhaustive]
    ChangeNotLogged {
        /// The mailbox that was repaired.
        mailbox: MboxName,
        /// The reason.
        error: Error,
    },
    /// Another client works on the same channel.
    #[non_exhaustive]
    ChannelShared {
        /// The work file of that client.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
    },
    /// An item is done as part of a larger one.
    #[non_exhaustive]
    Promoting {
        /// The item.
        item: Text,
        /// The larger item.
        to: Text,
    },
    /// An item waits because another client holds its lock.
    #[non_exhaustive]
    Deferred {
        /// The item.
        item: Text,
    },
    /// Items failed and are retried later.
    #[non_exhaustive]
    LeftForLater {
        /// The items.
        items: Vec<Text>,
        /// Number of tries so far.
        tries: u32,
        /// The time until the next try.
        #[serde(rename = "next_seconds", serialize_with = "serialize_seconds")]
        next: Duration,
        /// The error.
        error: Error,
    },
    /// Items failed, and are not retried automatically.
    #[non_exhaustive]
    NotReplicated {
        /// The items.
        items: Vec<Text>,
        /// The error.
        error: Error,
    },
}

impl RunEvent {
    /// The error that it is about, if it is about one.
    pub(super) fn error(&self) -> Option<&Error> {
        match self {
            RunEvent::ConnectFailed { error, .. }
            | RunEvent::StillUnreachable { error, .. }
            | RunEvent::TryingAgain { error, .. }
            | RunEvent::ReplicaGone { error, .. }
            | RunEvent::RestartFailed { error, .. }
            | RunEvent::NoCache { error, .. }
            | RunEvent::LogNotTaken { error, .. }
            | RunEvent::NotNoted { error, .. }
            | RunEvent::StatusNotWritten { error, .. }
            | RunEvent::ChangeNotLogged { error, .. }
            | RunEvent::LeftForLater { error, .. }
            | RunEvent::NotReplicated { error, .. } => Some(error),
            RunEvent::ReachableAgain { .. }
            | RunEvent::TryingAllTheSame
            | RunEvent::Restarted
            | RunEvent::Excluded { .. }
            | RunEvent::Reprocessing { .. }
            | RunEvent::BadLogLine { .. }
            | RunEvent::ShutdownFileFound { .. }
            | RunEvent::NoSyncLog
            | RunEvent::NotLogged { .. }
            | RunEvent::NobodyLogs { .. }
            | RunEvent::ChannelShared { .. }
            | RunEvent::Promoting { .. }
            | RunEvent::Deferred { .. } => None,
        }
    }
}
