//! The table of the fields of a mailbox's header, and the Rust structure made from it.

use super::kinds::FieldType;
use super::rules::{Bound, Compared, HigherThere, InPart, InReplies, Sent};
use super::value::{Shape, Value};
use crate::types::{MboxName, MboxType, Modseq, Options, SyncCrcs, Text, Time, Uid, UniqueId};

/// A line of the table: the description of one field.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Name of the field on the wire.
    pub key: &'static str,
    /// Form of the field's value on the wire.
    pub shape: Shape,
    /// Whether Cyrus's replies always contain the field.
    pub in_replies: InReplies,
    /// When updates contain the field.
    pub sent: Sent,
    /// When the field makes two mailboxes different.
    pub compared: Compared,
    /// Value of the field in an update with only a part of the messages.
    pub in_part: InPart,
    /// Treatment of the field if its value is higher on the replica.
    pub higher_there: HigherThere,
    /// Limit for the value that a replica reports.
    pub bound: Bound,
    get: fn(&MailboxHeader) -> Value<'_>,
    set: fn(&mut MailboxHeader, Value<'_>),
}

impl Field {
    /// Returns the value of this field in `header`.
    pub fn get<'h>(&self, header: &'h MailboxHeader) -> Value<'h> {
        (self.get)(header)
    }

    /// Sets the value of this field in `header`. A value that the field cannot have sets the
    /// default.
    pub fn set(&self, header: &mut MailboxHeader, value: Value<'_>) {
        (self.set)(header, value);
    }
}

/// Passes the table to a macro, in the order of the wire. The columns are the members of [`Field`]:
/// name, type, key, in_replies, sent, compared, in_part, higher_there, bound.
macro_rules! with_header_fields {
    ($callback:ident) => {
        $callback! {
            /// Id of the mailbox in JMAP; `None` before Cyrus 3.13, or if it has none.
            jmapid: Option<Text>, "JMAPID", Perhaps, IfSet, IfBoth, Same, Ignored, None;
            /// The uniqueid, which stays the same when the mailbox is renamed.
            uniqueid: UniqueId, "UNIQUEID", Always, Always, Never, Same, Ignored, None;
            /// Internal name of the mailbox.
            name: MboxName, "MBOXNAME", Always, Always, Never, Same, Ignored, None;
            /// Type of the mailbox.
            mbtype: MboxType, "MBOXTYPE", Perhaps, IfSet, IfDifferent, Same, Ignored, None;
            /// Sync CRCs of one side: the stored ones of the master, or those that the replica
            /// reports.
            crcs: SyncCrcs, "SYNC_CRC", Perhaps, Always, Never, OfPart, Ignored, None;
            /// Highest UID ever assigned.
            last_uid: Uid, "LAST_UID", Always, Always, IfDifferent, OfPart, NeedsRepair, Uid;
            /// Highest modseq of the mailbox.
            highestmodseq: Modseq, "HIGHESTMODSEQ", Always, Always, IfDifferent, OfPart, NeedsRepair, Modseq;
            /// Highest UID that was reported as recent to an IMAP client of the owner.
            recentuid: Uid, "RECENTUID", Always, Always, IfDifferent, Kept, Ignored, Uid;
            /// Time at which `recentuid` was reported.
            recenttime: Time, "RECENTTIME", Always, Always, IfDifferent, Kept, Ignored, Time;
            /// Time when a message was last appended.
            last_appenddate: Time, "LAST_APPENDDATE", Perhaps, Always, Never, LeftOut, Ignored, Time;
            /// Time of the last POP3 login.
            pop3_last_login: Time, "POP3_LAST_LOGIN", Always, Always, IfDifferent, Kept, Ignored, Time;
            /// POP3 clients see only messages from this time on; 0 if they see all.
            pop3_show_after: Time, "POP3_SHOW_AFTER", Perhaps, Always, IfDifferent, Kept, Ignored, Time;
            /// Highest modseq of the mailbox's conversations; `None` if it has no conversations.
            xconvmodseq: Option<Modseq>, "XCONVMODSEQ", Perhaps, IfSet, IfHigher, LeftOut, Raised, Modseq;
            /// 1 if the owner's messages have short ids in JMAP (Cyrus 3.13).
            compact_emailids: Option<u64>, "COMPACT_EMAILIDS", Perhaps, IfSet, InFull, LeftOut, Ignored, None;
            /// Modseq of the owner's reverse ACLs; `None` if they are not used.
            raclmodseq: Option<Modseq>, "RACLMODSEQ", Perhaps, IfSet, WithReverseAcls, LeftOut, Raised, Modseq;
            /// Groups of the mailbox's owner, joined by TAB. Empty if the owner is in no group,
            /// `None` if the groups are unknown (before Cyrus 3.12).
            usergroups: Option<Text>, "USERGROUPS", Perhaps, IfSet, Groups, LeftOut, Ignored, None;
            /// Minor version of cyrus.index; 0 if the replica is too old to report it.
            minor_version: u32, "VERSION", Perhaps, IfSet, AtCreation, Same, Ignored, None;
            /// UIDVALIDITY of the mailbox.
            uidvalidity: u32, "UIDVALIDITY", Always, Always, IfDifferent, Same, NeedsRepair, Now;
            /// Partition of the mailbox; empty for intermediates.
            partition: Text, "PARTITION", Perhaps, Always, Never, Same, Ignored, None;
            /// Access control list as stored: pairs of identifier and rights, each followed by TAB.
            acl: Text, "ACL", Perhaps, Always, IfDifferent, Same, Ignored, None;
            /// Options of the mailbox.
            options: Options, "OPTIONS", Perhaps, Always, IfDifferent, Same, Ignored, None;
            /// Quota root of the mailbox, if any.
            quotaroot: Option<Text>, "QUOTAROOT", Perhaps, IfSet, Never, Same, Ignored, None;
            /// Modseq at the creation of the mailbox; `None` if unknown.
            createdmodseq: Option<Modseq>, "CREATEDMODSEQ", Perhaps, IfSet, Never, Same, Ignored, Modseq;
            /// Modseq of the last change of name, ACL or existence. `None` if it is not stored, or
            /// the replica is too old to report it.
            foldermodseq: Option<Modseq>, "FOLDERMODSEQ", Perhaps, IfSet, IfReported, Same, NeedsRepair, Modseq;
            /// Records of expunged messages below this modseq have been removed. 0 if the replica
            /// is too old to report it.
            deletedmodseq: Modseq, "DELETEDMODSEQ", Perhaps, IfSet, AtCreation, Same, Ignored, None;
        }
    };
}
#[cfg(feature = "capi")]
pub(crate) use with_header_fields;

macro_rules! define {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $key:literal, $in_replies:ident, $sent:ident,
       $compared:ident, $in_part:ident, $higher_there:ident, $bound:ident;)*) => {
        /// The header of a mailbox: its data besides messages that both master and replica have.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct MailboxHeader {
            $($(#[$doc])* pub $name: $type,)*
        }

        /// The table of the header fields, in the order in which they are sent.
        pub const FIELDS: &[Field] = &[
            $(Field {
                key: $key,
                shape: <$type as FieldType>::SHAPE,
                in_replies: InReplies::$in_replies,
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
