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
    /// What kind of value it has there.
    pub shape: Shape,
    /// Whether answers have it.
    pub told: Told,
    /// When updates have it.
    pub sent: Sent,
    /// When it is a difference.
    pub compared: Compared,
    /// What a partial state has in it.
    pub in_part: InPart,
    /// What it means if the replica's is higher.
    pub higher_there: HigherThere,
    /// How far the replica may go.
    pub bound: Bound,
    get: fn(&MailboxHeader) -> Value<'_>,
    set: fn(&mut MailboxHeader, Value<'_>),
}

impl Field {
    /// The value that a header has.
    pub fn get<'h>(&self, header: &'h MailboxHeader) -> Value<'h> {
        (self.get)(header)
    }

    /// Gives a header a value; one that the field cannot have becomes its default.
    pub fn set(&self, header: &mut MailboxHeader, value: Value<'_>) {
        (self.set)(header, value);
    }
}

/// Hands the table to a macro, in the order of the wire: name, type, key, told, sent, compared, in
/// a part, higher on the replica, bound.
macro_rules! with_header_fields {
    ($callback:ident) => {
        $callback! {
            /// Id by which JMAP knows it; `None` before Cyrus 3.13, or if it has none.
            jmapid: Option<Text>, "JMAPID", Perhaps, IfSet, IfBoth, Same, Ignored, None;
            /// Stays through renames.
            uniqueid: UniqueId, "UNIQUEID", Always, Always, Never, Same, Ignored, None;
            /// Internal name.
            name: MboxName, "MBOXNAME", Always, Always, Never, Same, Ignored, None;
            /// Type bits.
            mbtype: MboxType, "MBOXTYPE", Perhaps, IfSet, IfDifferent, Same, Ignored, None;
            /// Sync CRCs as this side keeps them: stored in cyrus.index, or reported by the
            /// replica.
            crcs: SyncCrcs, "SYNC_CRC", Perhaps, Always, Never, OfPart, Ignored, None;
            /// Highest UID ever given.
            last_uid: Uid, "LAST_UID", Always, Always, IfDifferent, OfPart, NeedsRepair, Uid;
            /// Highest modseq.
            highestmodseq: Modseq, "HIGHESTMODSEQ", Always, Always, IfDifferent, OfPart, NeedsRepair, Modseq;
            /// Last UID that the owner was told about.
            recentuid: Uid, "RECENTUID", Always, Always, IfDifferent, Kept, Ignored, Uid;
            /// When that was.
            recenttime: Time, "RECENTTIME", Always, Always, IfDifferent, Kept, Ignored, Time;
            /// Last append.
            last_appenddate: Time, "LAST_APPENDDATE", Perhaps, Always, Never, LeftOut, Ignored, Time;
            /// Last POP3 login.
            pop3_last_login: Time, "POP3_LAST_LOGIN", Always, Always, IfDifferent, Kept, Ignored, Time;
            /// POP3 clients see messages from this time on.
            pop3_show_after: Time, "POP3_SHOW_AFTER", Perhaps, Always, IfDifferent, Kept, Ignored, Time;
            /// Highest modseq of its conversations; `None` if it has none.
            xconvmodseq: Option<Modseq>, "XCONVMODSEQ", Perhaps, IfSet, IfHigher, LeftOut, Raised, Modseq;
            /// Whether its owner's messages have short ids in JMAP: 1 if so (Cyrus 3.13).
            compact_emailids: Option<u64>, "COMPACT_EMAILIDS", Perhaps, IfSet, InFull, LeftOut, Ignored, None;
            /// Modseq of the owner's reverse ACLs; `None` if they are not used.
            raclmodseq: Option<Modseq>, "RACLMODSEQ", Perhaps, IfSet, WithReverseAcls, LeftOut, Raised, Modseq;
            /// Groups that its owner is in, joined by TAB; empty if there is no such group, `None`
            /// if that is not known (before Cyrus 3.12).
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
            /// Quota root that applies, if any.
            quotaroot: Option<Text>, "QUOTAROOT", Perhaps, IfSet, Never, Same, Ignored, None;
            /// Modseq at creation; `None` if it is not known.
            createdmodseq: Option<Modseq>, "CREATEDMODSEQ", Perhaps, IfSet, Never, Same, Ignored, Modseq;
            /// Modseq of the folder entry; `None` if it has none, or the replica is too old to
            /// report it.
            foldermodseq: Option<Modseq>, "FOLDERMODSEQ", Perhaps, IfSet, IfReported, Same, NeedsRepair, Modseq;
            /// Below this modseq expunged records are forgotten; 0 if the replica is too old to
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
        /// See the module.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct MailboxHeader {
            $($(#[$doc])* pub $name: $type,)*
        }

        /// The table, in the order of the wire.
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
