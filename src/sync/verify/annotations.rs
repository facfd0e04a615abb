//! Compares annotations by entry, owner and value. Modseqs are not compared.

use super::part::text;
use crate::sync::survey::compare::same_annotations;
use crate::types::{Annotation, Text};

/// An annotation that differs: its field, and the values of master and replica.
pub(super) type Differing = (String, Option<String>, Option<String>);

/// Returns the annotations that differ.
pub(super) fn differing(ours: &[Annotation], theirs: &[Annotation]) -> Vec<Differing> {
    if same_annotations(ours, theirs) {
        return Vec::new();
    }
    let same_key = |a: &Annotation, b: &Annotation| a.entry == b.entry && a.userid == b.userid;
    let mut found = Vec::new();
    for here in ours {
        match theirs.iter().find(|there| same_key(here, there)) {
            Some(there) if there.value == here.value => {}
            other => found.push((
                field(here),
                text(here.value.as_bytes()),
                other.and_then(|there| text(there.value.as_bytes())),
            )),
        }
    }
    for there in theirs.iter().filter(|there| !ours.iter().any(|here| same_key(here, there))) {
        found.push((field(there), None, text(there.value.as_bytes())));
    }
    found
}

fn field(annotation: &Annotation) -> String {
    let Annotation { entry, userid, .. } = annotation;
    let of =
        |userid: &Text| if userid.is_empty() { String::new() } else { format!(" of {userid}") };
    format!("ANNOTATION {entry}{}", of(userid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_annotation_is_named_with_its_owner() {
        let one = |entry: &str, userid: &str, value: &str, modseq| Annotation {
            entry: entry.into(),
            userid: userid.into(),
            value: value.into(),
            modseq,
        };
        let ours = [one("/a", "", "1", 1), one("/b", "fred", "2", 1), one("/c", "", "3", 1)];
        let theirs = [one("/a", "", "1", 9), one("/b", "fred", "9", 1), one("/d", "", "4", 1)];
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            differing(&ours, &theirs),
            [
                ("ANNOTATION /b of fred".to_owned(), some("2"), some("9")),
                ("ANNOTATION /c".to_owned(), some("3"), None),
                ("ANNOTATION /d".to_owned(), None, some("4")),
            ]
        );
        assert_eq!(differing(&ours, &ours), []);
    }
}
