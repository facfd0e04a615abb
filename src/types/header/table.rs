//! The table of the fields of a mailbox's header.

use super::kinds::FieldType;
use super::rules::{Bound, Compared, HigherThere, InPart, Sent, Told};
use super::value::{Shape, Value};
use crate::types::{MboxName, MboxType, Modseq, Options, SyncCrcs, Text, Time, Uid, UniqueId};

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name on the wire.
    pub key: &'static str,
    /// The form of its value on the wire.
    pub shape: Shape,
    /// Whether it is always in replies.
    pub told: Told,
    /// When updates contain it.
    pub sent: Sent,
    /// When it makes two mailboxes different.
    pub compared: Compared,
    /// Its value in a partial state.
    pub in_part: InPart,
    /// The consequence of a higher value on the replica.
    pub higher_there: HigherThere,
    /// The limit for the replica's value.
    pub bound: Bound,
    get: fn(&MailboxHeader) -> Value<'_>,
    set: fn(&mut MailboxHeader, Value<'_>),
}

impl Field {
    /// Returns the value of this field in a header.
    pub fn get<'h>(&self, header: &'h MailboxHeader) -> Value<'h> {
        (self.get)(header)
    }

    /// Sets this field of a header. A value that the field cannot have sets the default.
    pub fn set(&self, header: &mut MailboxHeader, value: Value<'_>) {
        (self.set)(header, value);
    }
}

/// Passes the table to a macro, in the order of the wire: name, type, key, told, sent, compared, in
/// a part, higher on the replica, bound.
macro_rules! with_header_fields {
    ($callback:ident) => {
        $callback! {
            /// Id of the mailbox in JMAP; `None` before Cyrus 3.13, or if it has none.
            jmapid: Option<Text>, "JMAPID", Perhaps, IfSet, IfBoth, Same, Ignored, None;
            /// Identifier that a rename does not change.
            uniqueid: UniqueId, "UNIQUEID", Always, Always, Never, Same, Ignored, None;
            /// Internal name.
            name: MboxName, "MBOXNAME", Always, Always, Never, Same, Ignored, None;
            /// Type bits.
            mbtype: MboxType, "MBOXTYPE", Perhaps, IfSet, IfDifferent, Same, Ignored, None;
            /// Sync CRCs of this side: stored in cyrus.index, or reported by the replica.
            crcs: SyncCrcs, "SYNC_CRC", Perhaps, Always, Never, OfPart, Ignored, None;
            /// Highest UID ever assigned.
            last_uid: Uid, "LAST_UID", Always, Always, IfDifferent, OfPart, NeedsRepair, Uid;
            /// Highest modseq.
            highestmodseq: Modseq, "HIGHESTMODSEQ", Always, Always, IfDifferent, OfPart, NeedsRepair, Modseq;
            /// Highest UID that was reported to the owner.
            recentuid: Uid, "RECENTUID", Always, Always, IfDifferent, Kept, Ignored, Uid;
            /// Time of that report.
            recenttime: Time, "RECENTTIME", Always, Always, IfDifferent, Kept, Ignored, Time;
            /// Time of the last append.
            last_appenddate: Time, "LAST_APPENDDATE", Perhaps, Always, Never, LeftOut, Ignored, Time;
            /// Time of the last POP3 login.
            pop3_last_login: Time, "POP3_LAST_LOGIN", Always, Always, IfDifferent, Kept, Ignored, Time;
            /// POP3 clients see only messages from this time on.
            pop3_show_after: Time, "POP3_SHOW_AFTER", Perhaps, Always, IfDifferent, Kept, Ignored, Time;
            /// Highest modseq of its conversations; `None` if it has no conversations.
            xconvmodseq: Option<Modseq>, "XCONVMODSEQ", Perhaps, IfSet, IfHigher, LeftOut, Raised, Modseq;
            /// 1 if the owner's messages have short ids in JMAP (Cyrus 3.13).
            compact_emailids: Option<u64>, "COMPACT_EMAILIDS", Perhaps, IfSet, InFull, LeftOut, Ignored, None;
            /// Modseq of the owner's reverse ACLs; `None` if they are not used.
            raclmodseq: Option<Modseq>, "RACLMODSEQ", Perhaps, IfSet, WithReverseAcls, LeftOut, Raised, Modseq;
            /// Groups of its owner, joined by TAB; empty if the owner is in no group, `None` if the
            /// groups are unknown (before Cyrus 3.12).
            usergroups: Option<Text>, "USERGROUPS", Perhaps, IfSet, Groups, LeftOut, Ignored, None;
            /// Minor version of cyrus.index; 0 if the replica is too old to report it.
            minor_version: u32, "VERSION", Perhaps, IfSet, AtCreation, Same, Ignored, None;
            /// UIDVALIDITY.
            uidvalidity: u32, "UIDVALIDITY", Always, Always, IfDifferent, Same, NeedsRepair, Now;
            /// Partition; empty for intermediates.
            partition: Text, "PARTITION", Perhaps, Always, Never, Same, Ignored, None;
            /// Access control list as stored: identifier TAB rights TAB ...
            acl: Text, "ACL", Perhaps, Always, IfDifferent, Same, Ignored, None;
            /// Option bits.
            options: Options, "OPTIONS", Perhaps, Always, IfDifferent, Same, Ignored, None;
            /// Quota root of the mailbox, if any.
            quotaroot: Option<Text>, "QUOTAROOT", Perhaps, IfSet, Never, Same, Ignored, None;
            /// Modseq at creation; `None` if it is not known.
            createdmodseq: Option<Modseq>, "CREATEDMODSEQ", Perhaps, IfSet, Never, Same, Ignored, Modseq;
            /// Modseq of the folder entry; `None` if it has none, or the replica is too old to
            /// report it.
            foldermodseq: Option<Modseq>, "FOLDERMODSEQ", Perhaps, IfSet, IfReported, Same, NeedsRepair, Modseq;
            /// Expunged records below this modseq have been removed; 0 if the replica is too old to
            /// report it.
            deletedmodseq: Modseq, "DELETEDMODSEQ", Perhaps, IfSet, AtCreation, Same, Ignored, None;
        }
    };
}
#[cfg(feature = "capi")]
pub(crate) use with_header_fields;

macro_rules! define {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $key:literal, $told:ident, $sent:ident,
       $compared:ident, $in_part:ident, $higher_there:ident, $bound:ident;)*) => {
        /// The header of a mailbox: one field for each line of the table, see the module.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct MailboxHeader {
            $($(#[$doc])* pub $name: $type,)*
        }

        /// The table of fields, in the order of the wire.
        pub const FIELDS: &[Field] = &[
            $(Field {
                key: $key,
                shape: <$type as FieldType>::SHAPE,
                told: Told::$told,
                sent: Sent::$sent,
                compared: Compared::$compared,
                in_part: InPart::$in_part,
                higher_there: HigherThere::$higher_there,
                bound: Bound::$bound,
                get: |header| header.$name.value(),
                set: |header, value| header.$name.put(value),
            },)*
        ];
    };
}

with_header_fields!(define);
