//! The header of a mailbox: what both sides of a replication have of it beside its messages.
//!
//! One table, [`FIELDS`], says of each field how the wire calls it, when it is sent, whether it is
//! compared, what a partial state and a repair do with it, and how far a replica's claim may go.
//! Encoding, decoding, comparison, the replication cache, repairs and the C structure are loops
//! over this table or are generated from it: a new field of a new Cyrus is one more line.

use std::fmt;

use super::{MboxName, MboxType, Modseq, Options, SyncCrcs, Text, Time, Uid, UniqueId};

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

/// What kind of value a field has on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// Letters of a mailbox type.
    Type,
    /// Letters of mailbox options.
    Options,
    /// A number of 32 bits.
    Number32,
    /// A number of 64 bits.
    Number64,
    /// Seconds since 1970.
    Time,
    /// Two numbers, the second under a key of its own.
    Crcs,
}

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'h> {
    /// There is none.
    Absent,
    /// Text.
    Text(&'h [u8]),
    /// A mailbox type, as far as it is replicated.
    Type(MboxType),
    /// Mailbox options, as far as they are replicated.
    Options(Options),
    /// A number.
    Number(u64),
    /// Seconds since 1970.
    Time(Time),
    /// Sync CRCs.
    Crcs(SyncCrcs),
}

impl Value<'_> {
    /// Whether it is something else than its field's default.
    #[must_use]
    pub fn is_set(self) -> bool {
        !matches!(self, Value::Absent) && self != Value::Type(MboxType::default())
    }

    /// As a number that can be higher than another; 0 if there is none.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Value::Number(number) => number,
            Value::Time(time) => u64::try_from(time).unwrap_or(0),
            _ => 0,
        }
    }
}

/// For people.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Absent => f.write_str("0"),
            Value::Text(text) => f.write_str(&String::from_utf8_lossy(text)),
            Value::Type(mbtype) => f.write_str(&mbtype.to_wire()),
            Value::Options(options) => f.write_str(&options.to_wire()),
            Value::Number(number) => write!(f, "{number}"),
            Value::Time(time) => write!(f, "{time}"),
            Value::Crcs(crcs) => write!(f, "{crcs}"),
        }
    }
}

/// A type that a field can have.
trait FieldType {
    const SHAPE: Shape;

    fn value(&self) -> Value<'_>;

    /// Takes a value; one of another shape, or that does not fit, becomes the default.
    fn put(&mut self, value: Value<'_>);
}

macro_rules! text_fields {
    ($($type:ty),*) => {$(
        impl FieldType for $type {
            const SHAPE: Shape = Shape::Text;

            fn value(&self) -> Value<'_> {
                Value::Text(self.as_bytes())
            }

            fn put(&mut self, value: Value<'_>) {
                *self = match value {
                    Value::Text(text) => Self::new(text),
                    _ => Self::default(),
                };
            }
        }
    )*};
}

text_fields!(UniqueId, MboxName, Text);

impl FieldType for Option<Text> {
    const SHAPE: Shape = Shape::Text;

    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Absent, |text| Value::Text(text.as_bytes()))
    }

    fn put(&mut self, value: Value<'_>) {
        *self = match value {
            Value::Text(text) => Some(Text::new(text)),
            _ => None,
        };
    }
}

macro_rules! number_fields {
    ($($type:ty, $shape:ident;)*) => {$(
        impl FieldType for $type {
            const SHAPE: Shape = Shape::$shape;

            fn value(&self) -> Value<'_> {
                Value::Number((*self).into())
            }

            fn put(&mut self, value: Value<'_>) {
                *self = match value {
                    Value::Number(number) => Self::try_from(number).unwrap_or_default(),
                    _ => 0,
                };
            }
        }
    )*};
}

number_fields! {
    u32, Number32;
    u64, Number64;
}

/// Cyrus leaves out a modseq that is 0; some version might write it.
impl FieldType for Option<Modseq> {
    const SHAPE: Shape = Shape::Number64;

    fn value(&self) -> Value<'_> {
        self.filter(|modseq| *modseq != 0).map_or(Value::Absent, Value::Number)
    }

    fn put(&mut self, value: Value<'_>) {
        *self = match value {
            Value::Number(number) if number != 0 => Some(number),
            _ => None,
        };
    }
}

macro_rules! plain_fields {
    ($($type:ty, $shape:ident, $view:expr;)*) => {$(
        impl FieldType for $type {
            const SHAPE: Shape = Shape::$shape;

            fn value(&self) -> Value<'_> {
                let view: fn(Self) -> Self = $view;
                Value::$shape(view(*self))
            }

            fn put(&mut self, value: Value<'_>) {
                *self = match value {
                    Value::$shape(value) => value,
                    _ => Self::default(),
                };
            }
        }
    )*};
}

plain_fields! {
    Time, Time, |time| time;
    MboxType, Type, MboxType::synced;
    Options, Options, Options::synced;
    SyncCrcs, Crcs, |crcs| crcs;
}

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
            /// Modseq of the owner's reverse ACLs; `None` if they are not used.
            raclmodseq: Option<Modseq>, "RACLMODSEQ", Perhaps, IfSet, WithReverseAcls, LeftOut, Raised, Modseq;
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

/// The key of the second CRC.
pub const ANNOT_CRC_KEY: &str = "SYNC_CRC_ANNOT";

impl MailboxHeader {
    /// The fields in which the replica's value `there` is higher than this one, and an update
    /// cannot lower it.
    pub fn outdone_by<'h>(
        &'h self,
        there: &'h MailboxHeader,
    ) -> impl Iterator<Item = &'static Field> {
        FIELDS.iter().filter(move |field| {
            field.higher_there == HigherThere::NeedsRepair
                && field.get(there).number() > field.get(self).number()
        })
    }

    /// This header, with the higher value of both sides wherever a repair raises it.
    #[must_use]
    pub fn raised(&self, there: &MailboxHeader) -> MailboxHeader {
        let mut raised = self.clone();
        for field in FIELDS.iter().filter(|field| field.higher_there != HigherThere::Ignored) {
            if field.get(there).number() > field.get(self).number() {
                field.set(&mut raised, field.get(there));
            }
        }
        raised
    }

    /// Whether a repair would raise nothing of this header to reach `raised`.
    #[must_use]
    pub fn reaches(&self, raised: &MailboxHeader) -> bool {
        let mut fields = FIELDS.iter().filter(|f| f.higher_there != HigherThere::Ignored);
        fields.all(|field| field.get(self) == field.get(raised))
    }

    /// The header of a partial state: `kept` has what the replica keeps in it. The fields of the
    /// part itself are left for the caller.
    #[must_use]
    pub fn in_part(&self, kept: &MailboxHeader) -> MailboxHeader {
        let mut part = self.clone();
        for field in FIELDS {
            match field.in_part {
                InPart::Same => {}
                InPart::Kept => field.set(&mut part, field.get(kept)),
                InPart::OfPart | InPart::LeftOut => field.set(&mut part, Value::Absent),
            }
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header in which every field has another value than its default.
    fn full() -> MailboxHeader {
        let mut header = MailboxHeader::default();
        for (number, field) in (1_u32..).zip(FIELDS) {
            let text = number.to_string();
            let value = match field.shape {
                Shape::Text => Value::Text(text.as_bytes()),
                Shape::Type => Value::Type(MboxType(MboxType::CALENDAR)),
                Shape::Options => Value::Options(Options(Options::IMAP_SHAREDSEEN)),
                Shape::Number32 | Shape::Number64 => Value::Number(number.into()),
                Shape::Time => Value::Time(number.into()),
                Shape::Crcs => Value::Crcs(SyncCrcs::computed(number, number)),
            };
            field.set(&mut header, value);
            assert_eq!(field.get(&header), value, "{}", field.key);
        }
        header
    }

    #[test]
    fn every_field_takes_what_it_gives_and_no_two_share_a_place() {
        let header = full();
        let mut again = MailboxHeader::default();
        FIELDS.iter().for_each(|field| field.set(&mut again, field.get(&header)));
        assert_eq!(again, header);
        for field in FIELDS {
            let mut without = header.clone();
            field.set(&mut without, Value::Absent);
            let changed = FIELDS.iter().filter(|f| f.get(&without) != f.get(&header));
            assert_eq!(changed.map(|f| f.key).collect::<Vec<_>>(), [field.key]);
        }
    }

    #[test]
    fn a_repair_raises_what_is_higher_there_and_nothing_else() {
        let (here, there) = (MailboxHeader::default(), full());
        let raised = here.raised(&there);
        assert!(!here.reaches(&raised) && raised.reaches(&raised));
        for field in FIELDS {
            let rises = field.higher_there != HigherThere::Ignored;
            assert_eq!(field.get(&raised) == field.get(&there), rises, "{}", field.key);
        }
        assert_eq!(there.raised(&here), there);
        let outdone: Vec<_> = here.outdone_by(&there).map(|field| field.key).collect();
        assert_eq!(outdone, ["LAST_UID", "HIGHESTMODSEQ", "UIDVALIDITY", "FOLDERMODSEQ"]);
        assert_eq!(there.outdone_by(&there).count(), 0);
    }

    #[test]
    fn a_part_keeps_what_the_replica_has() {
        let kept = MailboxHeader { recentuid: 77, pop3_last_login: 78, ..MailboxHeader::default() };
        let part = full().in_part(&kept);
        assert_eq!((part.recentuid, part.pop3_last_login, part.last_appenddate), (77, 78, 0));
        assert_eq!((part.xconvmodseq, part.last_uid), (None, 0));
        assert_eq!((part.uidvalidity, &part.acl), (full().uidvalidity, &full().acl));
    }
}
