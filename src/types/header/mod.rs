//! The header of a mailbox: its data besides messages that both master and replica have.
//!
//! The table [`FIELDS`] has one line for each field. A line has the name of the field on the wire
//! and the rules for it: when it is sent and compared, its value in a partial state (the header for
//! an update with only a part of the messages), its treatment by a repair, and the limit for values
//! from a replica. Encoding, decoding, comparison, the replication cache, repairs and the C
//! structure are loops over this table or are generated from it. So a new field of a new Cyrus
//! needs only one more line.

mod kinds;
mod rules;
mod table;
mod value;

pub use rules::{Bound, Compared, HigherThere, InPart, InReplies, Sent};
#[cfg(feature = "capi")]
pub(crate) use table::with_header_fields;
pub use table::{FIELDS, Field, MailboxHeader};
pub use value::{Shape, Value};

/// The name on the wire of the second sync CRC ([`SyncCrcs::annot`](crate::types::SyncCrcs)).
pub const ANNOT_CRC_KEY: &str = "SYNC_CRC_ANNOT";

impl MailboxHeader {
    /// Returns the fields whose value in `there`, the replica's header, is higher and cannot be
    /// lowered by an update.
    pub(crate) fn outdone_by<'h>(
        &'h self,
        there: &'h MailboxHeader,
    ) -> impl Iterator<Item = &'static Field> {
        FIELDS.iter().filter(move |field| {
            field.higher_there == HigherThere::NeedsRepair
                && field.get(there).number() > field.get(self).number()
        })
    }

    /// Returns this header with the higher value of both headers in each field that a repair
    /// raises.
    #[must_use]
    pub(crate) fn raised(&self, there: &MailboxHeader) -> MailboxHeader {
        let mut raised = self.clone();
        for field in FIELDS.iter().filter(|field| field.higher_there != HigherThere::Ignored) {
            if field.get(there).number() > field.get(self).number() {
                field.set(&mut raised, field.get(there));
            }
        }
        raised
    }

    /// Returns whether this header has the values of `raised` in all fields that a repair raises.
    #[must_use]
    pub(crate) fn reaches(&self, raised: &MailboxHeader) -> bool {
        let mut fields = FIELDS.iter().filter(|f| f.higher_there != HigherThere::Ignored);
        fields.all(|field| field.get(self) == field.get(raised))
    }

    /// Returns the header for an update with only a part of the messages. `kept` is the replica's
    /// header, for the fields that keep the replica's value. The caller must set the fields that
    /// depend on the part.
    #[must_use]
    pub(crate) fn in_part(&self, kept: &MailboxHeader) -> MailboxHeader {
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
    use crate::types::{MboxType, Options, SyncCrcs};

    /// Returns a header in which no field has its default value.
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
