//! Bugs that are planted to show that the simulation finds them. Each sits at a seam: between
//! executor and world, between engine and connection, between client and disk.

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plant {
    /// A line of the log is lost when it is read.
    DropsLogLine,
    /// A mailbox is updated before the files of its messages are there.
    UpdatesBeforeUpload,
    /// Two commands reach the replica in the wrong order.
    SwapsCommands,
    /// What somebody else had locked is not tried again.
    ForgetsDeferred,
    /// What failed counts as done.
    FailedIsDone,
    /// The work file is removed before the work is done.
    RemovesWorkEarly,
    /// After a rename the replica's old listing is still believed.
    TrustsOldListing,
    /// Updates are sent without the state that they build on.
    LeavesOutSince,
    /// Two workers work on one user.
    UserTasksAtOnce,
    /// A repair writes to the master whatever happened there meanwhile.
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
