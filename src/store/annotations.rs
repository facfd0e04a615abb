//! Annotations as the engine takes them: in order, each once.

use std::collections::HashMap;

use crate::types::{Annotation, Uid};

/// Annotations of messages, by UID; each message's are ordered as [`Annotation`] is.
#[derive(Debug, Default)]
pub struct MessageAnnotations(HashMap<Uid, Vec<Annotation>>);

impl MessageAnnotations {
    /// Adds one; any order will do.
    pub(super) fn add(&mut self, uid: Uid, annotation: Annotation) {
        self.0.entry(uid).or_default().push(annotation);
    }

    /// Sorts those of each message.
    pub(super) fn in_order(mut self) -> MessageAnnotations {
        for annotations in self.0.values_mut() {
            *annotations = in_order(std::mem::take(annotations));
        }
        self
    }

    /// Removes and returns those of a message.
    pub fn take(&mut self, uid: Uid) -> Vec<Annotation> {
        self.0.remove(&uid).unwrap_or_default()
    }
}

/// Sorted; of the same annotation twice the highest modseq is kept (`sync_annot_list_add`).
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
        assert_eq!(of_messages.take(5), expected);
        assert_eq!(of_messages.take(5), []);
        assert_eq!(of_messages.take(6), []);
    }
}
