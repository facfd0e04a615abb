//! Bugs that are added on purpose, to show that the simulation detects them. Each is at an
//! interface: between state machine and environment, client and connection, or client and disk.

/// A bug that is added on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plant {
    /// A line of the log is lost when the log is read.
    DropsLogLine,
    /// A mailbox is updated before its message files are uploaded.
    UpdatesBeforeUpload,
    /// Two commands reach the replica in the wrong order.
    SwapsCommands,
    /// A task is not retried after its user was locked by another client.
    ForgetsDeferred,
    /// A failed task counts as done.
    FailedIsDone,
    /// The work file is removed before its entries are replicated.
    RemovesWorkEarly,
    /// After a rename, the client uses an old list of the replica's mailboxes.
    TrustsOldListing,
    /// Updates are sent without the state that they are based on.
    LeavesOutSince,
    /// Two workers work on the same user at the same time.
    UserTasksAtOnce,
    /// A repair changes the master although the mailbox has changed there meanwhile.
    OverrulesInRepair,
    /// Updates are sent without the owner's groups.
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
