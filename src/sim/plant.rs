//! Bugs that are planted to show that the simulation finds them. Each is at an interface: between
//! executor and environment, between engine and connection, or between client and disk.

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plant {
    /// A line of the log is lost when the log is read.
    DropsLogLine,
    /// A mailbox is updated before the files of its messages are uploaded.
    UpdatesBeforeUpload,
    /// Two commands reach the replica in the wrong order.
    SwapsCommands,
    /// A task is not retried after its owner was locked by another client.
    ForgetsDeferred,
    /// A failed task counts as done.
    FailedIsDone,
    /// The work file is removed before the work is done.
    RemovesWorkEarly,
    /// After a rename, an old list of the replica's mailboxes is still used.
    TrustsOldListing,
    /// Updates are sent without the state that they start from.
    LeavesOutSince,
    /// Two workers work on the same user at once.
    UserTasksAtOnce,
    /// A repair writes to the master even if the mailbox has changed there in the meantime.
    OverrulesInRepair,
    /// Updates are sent without the groups of the owner.
    LeavesOutGroups,
}

impl Plant {
    pub const ALL: [Plant; 11] = [
        Plant::DropsLogLine,
        Plant::UpdatesBeforeUpload,
        Plant::SwapsCommands,
        Plant::ForgetsDeferred,
        Plant::FailedIsDone,
        Plant::RemovesWorkEarly,
        Plant::TrustsOldListing,
        Plant::LeavesOutSince,
        Plant::UserTasksAtOnce,
        Plant::OverrulesInRepair,
        Plant::LeavesOutGroups,
    ];
}
