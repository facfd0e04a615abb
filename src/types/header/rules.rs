//! What is done with a field: the columns of the table.

/// Whether Cyrus's answers always have a field (`sync_mailbox_to_dlist`... in
/// `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// An answer without it is malformed.
    Always,
    /// It may be missing: it was empty, or the replica's version does not know it.
    Perhaps,
}

/// When an update has a field (`sync_prepare_dlists` in `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// In every update.
    Always,
    /// If it has a value that is not its default.
    IfSet,
}

/// When a field makes two mailboxes differ (`is_unchanged` in `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Never by itself.
    Never,
    /// If both sides have other values.
    IfDifferent,
    /// If the replica reports one and it is another: a version that does not know the field reports
    /// none.
    IfReported,
    /// If the master's is higher. A higher one on the replica is nothing that an update would mend.
    IfHigher,
    /// If the option `reverseacls` is on, the replica reports one, and the master's is higher.
    WithReverseAcls,
    /// If both sides have one and they differ.
    IfBoth,
    /// Groups of a user, as sets. Where the master knows none of the groups that there are, and
    /// where the replica's version has no groups, there is nothing to compare. Cyrus's client does
    /// not look at them.
    Groups,
    /// When both sides are compared in full, if the replica's version knows the field and has
    /// conversations; else it goes along with other changes. A replica whose conversations database
    /// is of an older form takes it and does not report it (`USER_COMPACT_EMAILIDS` in
    /// `imap/user.h`): an update for its sake would be sent again and again.
    InFull,
    /// Not even when both sides are compared in full: each side has its own, and it is sent for
    /// the creation of the mailbox.
    AtCreation,
}

/// What a partial state, one that the master has never had as a whole, has in a field
/// (`calculate_intermediate_state` in `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InPart {
    /// What the master has.
    Same,
    /// What belongs to the part that is sent.
    OfPart,
    /// What the replica has already.
    Kept,
    /// Nothing.
    LeftOut,
}

/// What a higher value on the replica means (`mailbox_full_update` in `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HigherThere {
    /// Nothing.
    Ignored,
    /// A repair raises the master's.
    Raised,
    /// The same, and by itself it takes a repair: an update cannot lower it.
    NeedsRepair,
}

/// How far a replica's claim may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// As far as it likes.
    None,
    /// A UID must leave room for new messages.
    Uid,
    /// A modseq must be one that changes lead to.
    Modseq,
    /// A time must be one.
    Time,
    /// A time that new mailboxes get, so it cannot be ahead of the clock.
    Now,
}
