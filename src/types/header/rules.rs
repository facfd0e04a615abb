//! The rules for a header field. Each type here is a column of the table of fields.

/// Whether Cyrus's replies always contain a field (`sync_mailbox_to_dlist`... in
/// `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InReplies {
    /// A reply without the field is malformed.
    Always,
    /// The field may be missing, because it is empty or the replica's version does not have it.
    Perhaps,
}

/// When an update contains a field (`sync_prepare_dlists` in `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Every update contains the field.
    Always,
    /// An update contains the field if its value is not the default.
    IfSet,
}

/// The condition under which a field makes two mailboxes different (`is_unchanged` in
/// `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Never in replication. A verification (`--verify`) reports different values.
    Never,
    /// The values differ.
    IfDifferent,
    /// The replica reports a value, and the values differ. A version that does not have the field
    /// reports none.
    IfReported,
    /// The master's value is higher. (An update cannot lower a higher value of the replica.)
    IfHigher,
    /// The option `reverseacls` is on, the replica reports a value, and the master's value is
    /// higher.
    WithReverseAcls,
    /// Both sides have a value, and the values differ.
    IfBoth,
    /// For groups of a user: the sets of groups differ. They are not compared if the master does
    /// not know the groups, or if the replica's version has no groups. Cyrus's client never
    /// compares them.
    Groups,
    /// The values differ, but only in a verification (`--verify`), and only if the replica's
    /// version has the field and has conversations. Other runs send the field along with other
    /// changes. The reason: a replica whose conversations database has an older form accepts the
    /// field but does not report it (`USER_COMPACT_EMAILIDS` in `imap/user.h`). So an update for
    /// this field would be repeated for ever.
    InFull,
    /// Neither in replication nor in a verification, because each side has its own value. The field
    /// is sent for the creation of the mailbox.
    AtCreation,
}

/// The value of a field in a partial state: the header of an update that contains only a part of
/// the messages (`calculate_intermediate_state` in `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InPart {
    /// The master's value.
    Same,
    /// A value that depends on the part.
    OfPart,
    /// The replica's current value.
    Kept,
    /// No value.
    LeftOut,
}

/// The treatment of a field whose value is higher on the replica (`mailbox_full_update` in
/// `imap/sync_support.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HigherThere {
    /// The higher value has no effect.
    Ignored,
    /// If a repair is made, it raises the master's value.
    Raised,
    /// A repair is necessary, because an update cannot lower the replica's value. The repair raises
    /// the master's value.
    NeedsRepair,
}

/// The limit for the values that a replica reports for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// No limit.
    None,
    /// For a UID: it must leave room for the UIDs of new messages.
    Uid,
    /// For a modseq: it must not be higher than changes can have made it.
    Modseq,
    /// A time within a plausible range.
    Time,
    /// For a time that new mailboxes get: it must not be in the future.
    Now,
}
