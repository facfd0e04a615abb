//! Puts annotations into the form that the engine needs: sorted, without duplicates.

use std::collections::HashMap;

use crate::types::crc::{LATE_VIRTUAL, LATE_VIRTUAL_SINCE, late_virtual};
use crate::types::{Annotation, Record, Text, Uid};

/// The annotations of messages, by UID. The annotations of one message are in the order of
/// [`Annotation`]'s `Ord`.
#[derive(Debug, Default)]
pub struct MessageAnnotations(HashMap<Uid, Vec<Annotation>>);

impl MessageAnnotations {
    /// Adds an annotation of the message with this UID, in any order.
    pub(super) fn add(&mut self, uid: Uid, annotation: Annotation) {
        self.0.entry(uid).or_default().push(annotation);
    }

    /// Sorts the annotations of each message.
    pub(super) fn in_order(mut self) -> MessageAnnotations {
        for annotations in self.0.values_mut() {
            *annotations = in_order(std::mem::take(annotations));
        }
        self
    }

    /// Removes and returns the annotations of a message. `minor_version` is the version of the
    /// mailbox's cyrus.index. The result includes record fields that earlier versions of
    /// cyrus.index store as annotations (INTERNALDATE's nanoseconds, and the id of the original
    /// thread).
    pub fn take(&mut self, record: &Record, minor_version: u32) -> Vec<Annotation> {
        let mut found = self.0.remove(&record.uid).unwrap_or_default();
        let fields = late_virtual(record, minor_version);
        if minor_version >= LATE_VIRTUAL_SINCE {
            found.retain(|one| LATE_VIRTUAL.iter().all(|(name, _)| one.entry != *name));
        }
        if !fields.is_empty() {
            found.extend(fields.into_iter().map(|(name, value)| Annotation {
                entry: name.into(),
                userid: Text::default(),
                value: value.as_str().into(),
                modseq: 0,
            }));
            found.sort();
        }
        found
    }
}

/// Sorts annotations and removes duplicates. Of duplicates that differ only in modseq, the highest
/// modseq is kept (`sync_annot_list_add`).
pub(super) fn in_order(mut annotations: Vec<Annotation>) -> Vec<Annotation> {
    annotations.sort();
    annotations.dedup_by(|later, earlier| {
        let same = (&later.entry, &later.userid, &later.value)
            == (&earlier.entry, &earlier.userid, &earlier.value);
        if same {
            earlier.modseq = earlier.modseq.max(later.modseq);
        }
        same
    });
    annotations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotation(entry: &str, userid: &str, modseq: u64) -> Annotation {
        Annotation { entry: entry.into(), userid: userid.into(), value: "x".into(), modseq }
    }

    #[test]
    fn twice_the_same_keeps_the_higher_modseq() {
        let mut of_messages = MessageAnnotations::default();
        for one in [
            annotation("/b", "", 7),
            annotation("/a", "fred", 1),
            annotation("/b", "", 9),
            annotation("/a", "", 1),
        ] {
            of_messages.add(5, one);
        }
        let mut of_messages = of_messages.in_order();
        let expected =
            [annotation("/a", "", 1), annotation("/a", "fred", 1), annotation("/b", "", 9)];
        let record = |uid| Record { uid, ..Record::default() };
        assert_eq!(of_messages.take(&record(5), 17), expected);
        assert_eq!(of_messages.take(&record(5), 17), []);
        assert_eq!(of_messages.take(&record(6), 17), []);
    }

    #[test]
    fn fields_that_earlier_versions_store_come_with_the_annotations() {
        let nsec = "/vendor/cmu/cyrus-imapd/internaldate.nsec";
        let record = Record { uid: 5, internaldate_nsec: 7, basecid: 0x1f, ..Record::default() };
        let stored = || {
            let mut of_messages = MessageAnnotations::default();
            of_messages.add(5, annotation(nsec, "", 9));
            of_messages.add(5, annotation("/b", "", 9));
            of_messages
        };
        assert_eq!(stored().take(&record, 19), [annotation(nsec, "", 9), annotation("/b", "", 9)]);
        let found = stored().take(&record, 20);
        let shown: Vec<_> =
            found.iter().map(|one| format!("{} {} {}", one.entry, one.value, one.modseq)).collect();
        let base = "/vendor/cmu/cyrus-imapd/basethrid 000000000000001f 0";
        assert_eq!(shown, ["/b x 9", base, &format!("{nsec} 7 0")]);
    }
}
