//! The rules for a field: the columns of the table.

/// Whether a field is always in Cyrus's replies (`sync_mailbox_to_dlist`... in
/// `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A reply without it is malformed.
    Always,
    /// It may be missing, because it is empty or the replica's version does not know it.
    Perhaps,
}

/// When an update contains a field (`sync_prepare_dlists` in `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// In every update.
    Always,
    /// If it has a value that is not its default.
    IfSet,
}

/// When a field makes two mailboxes different (`is_unchanged` in `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Never.
    Never,
    /// If the values differ.
    IfDifferent,
    /// If the replica reports a value that differs. A version that does not know the field reports
    /// none.
    IfReported,
    /// If the master's value is higher. An update cannot lower a higher value of the replica.
    IfHigher,
    /// If the option `reverseacls` is on, the replica reports a value, and the master's is higher.
    WithReverseAcls,
    /// If both sides have a value and the values differ.
    IfBoth,
    /// Groups of a user, compared as sets. They are not compared if the master knows none of the
    /// groups, or if the replica's version has no groups. Cyrus's client does not compare them.
    Groups,
    /// In a full comparison only, if the replica's version knows the field and has conversations;
    /// otherwise it is sent along with other changes. A replica whose conversations database has an
    /// older form accepts the field but does not report it (`USER_COMPACT_EMAILIDS` in
    /// `imap/user.h`). An update only for this field would then be repeated for ever.
    InFull,
    /// Not even in a full comparison: each side has its own value. It is sent for the creation of
    /// the mailbox.
    AtCreation,
}

/// The value of a field in a partial state, which the master never had as a whole
/// (`calculate_intermediate_state` in `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InPart {
    /// The master's value.
    Same,
    /// The value for the part that is sent.
    OfPart,
    /// The replica's current value.
    Kept,
    /// No value.
    LeftOut,
}

/// The consequence of a higher value on the replica (`mailbox_full_update` in
/// `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HigherThere {
    /// None.
    Ignored,
    /// A repair raises the master's value.
    Raised,
    /// A repair is necessary, because an update cannot lower the replica's value. It raises the
    /// master's.
    NeedsRepair,
}

/// The limit for values that a replica reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// No limit.
    None,
    /// A UID, which must leave room for new messages.
    Uid,
    /// A modseq, which must be one that changes can have produced.
    Modseq,
    /// A time within a plausible range.
    Time,
    /// A time that new mailboxes get, which cannot be ahead of the clock.
    Now,
}
