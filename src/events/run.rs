//! What is reported of a run as a whole: the sync log, and what is tried again.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::error::Error;
use crate::types::{Backlog, MboxName, ReplicaName, Text, serialize_path, serialize_seconds};

/// Something about the run as a whole. An item is an entry of the sync log.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunEvent {
    /// No connection could be made. Reported at the first attempt, and whenever the reason becomes
    /// another one.
    ConnectFailed {
        /// With whom.
        #[serde(flatten)]
        replica: ReplicaName,
        /// How many attempts have failed.
        attempts: u32,
        /// Why the last one did.
        error: Error,
    },
    /// There is still no connection. Reported every five minutes.
    StillUnreachable {
        /// With whom.
        #[serde(flatten)]
        replica: ReplicaName,
        /// How long there has been none.
        #[serde(rename = "unreachable_seconds", serialize_with = "serialize_seconds")]
        time: Duration,
        /// How many attempts have failed.
        attempts: u32,
        /// The time until the next attempt.
        #[serde(rename = "next_seconds", serialize_with = "serialize_seconds")]
        next: Duration,
        /// What waits to be replicated, as far as it is known.
        backlog: Backlog,
        /// Why the last attempt failed.
        error: Error,
    },
    /// There is a connection again.
    ReachableAgain {
        /// With whom.
        #[serde(flatten)]
        replica: ReplicaName,
        /// How long there was none.
        #[serde(rename = "unreachable_seconds", serialize_with = "serialize_seconds")]
        time: Duration,
        /// How many attempts had failed.
        attempts: u32,
    },
    /// The replica refused us, and is tried all the same.
    TryingAllTheSame,
    /// The connection was lost over a task, which is tried again.
    TryingAgain {
        /// How it was lost.
        error: Error,
    },
    /// The replica ended the session, and was to be connected to only once.
    ReplicaGone {
        /// How.
        error: Error,
    },
    /// The replica released its staged files, after `-t` or ten minutes.
    Restarted,
    /// The replica could not be told to release its staged files.
    RestartFailed {
        /// Why not.
        error: Error,
    },
    /// There is no cache of what the replica has.
    NoCache {
        /// Why not.
        error: Error,
    },
    /// Users or mailboxes were left out, because they were to be.
    Excluded {
        /// How many users.
        users: u64,
        /// How many mailboxes that were to be replicated by themselves.
        mailboxes: u64,
        /// The first of their names: userids, and mailboxes as an administrator names them.
        names: Vec<Text>,
    },
    /// What an earlier run left is read.
    Reprocessing {
        /// The work file.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
    },
    /// A line of the sync log cannot be understood.
    BadLogLine {
        /// The log.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
        /// The line's number.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The sync log could not be taken over: later.
    LogNotTaken {
        /// Why not.
        error: Error,
    },
    /// What is left could not be noted on disk.
    NotNoted {
        /// Why not.
        error: Error,
    },
    /// The shutdown file is there already: nothing is replicated before it is gone.
    ShutdownFileFound {
        /// The file.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
    },
    /// Rolling replication begins although no program writes a sync log (`sync_log: no`).
    NoSyncLog,
    /// Rolling replication begins on a channel that no program logs to.
    NotLogged {
        /// The channel; `None` for the log without a channel.
        channel: Option<String>,
    },
    /// Mail came since the start, and nothing was logged since: programs run that began before they
    /// were to log. Reported once.
    NobodyLogs {
        /// To which mailbox mail came.
        mailbox: MboxName,
        /// The log that nobody wrote.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
        /// How long ago rolling replication began.
        #[serde(rename = "silent_seconds", serialize_with = "serialize_seconds")]
        time: Duration,
    },
    /// The status file could not be written. Reported again only if the reason is another one.
    StatusNotWritten {
        /// Why not.
        error: Error,
    },
    /// Other replicas could not be told of a repair.
    ChangeNotLogged {
        /// The mailbox that was repaired.
        mailbox: MboxName,
        /// Why not.
        error: Error,
    },
    /// Another client works on the same channel.
    ChannelShared {
        /// Its work file.
        #[serde(serialize_with = "serialize_path")]
        path: PathBuf,
    },
    /// An item is done as part of something larger.
    Promoting {
        /// The item.
        item: Text,
        /// What it becomes: another item.
        to: Text,
    },
    /// An item waits because somebody else is at work.
    Deferred {
        /// The item.
        item: Text,
    },
    /// Items failed, and are tried again later.
    LeftForLater {
        /// The items.
        items: Vec<Text>,
        /// How often they were tried.
        tries: u32,
        /// The time until the next try.
        #[serde(rename = "next_seconds", serialize_with = "serialize_seconds")]
        next: Duration,
        /// Why they failed.
        error: Error,
    },
    /// Items failed, and nothing tries them again by itself.
    NotReplicated {
        /// The items.
        items: Vec<Text>,
        /// Why they failed.
        error: Error,
    },
}
