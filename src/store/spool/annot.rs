//! Annotations (`annotatemore_findall_mailbox` in `imap/annotate.c`). Those of the server and of
//! all mailboxes are in annotations.db, those of messages in the mailbox's cyrus.annotations.
//!
//! Private values of a mailbox's owner are stored under a token and come back under the owner's
//! userid. Tombstones and empty values are left out.

use std::ops::ControlFlow;

use crate::error::{Malformed, Result};
use crate::format::annot::{Key, OWNER_TOKEN, Scope, Value};
use crate::types::{Annotation, Uid, UserId};

use super::table::Table;

const OP: &str = "read annotations";
const HINT: &str = "delete the record with cyr_dbtool; reconstruct does not repair annotations";

/// Annotations of the server from annotations.db, ordered as [`Annotation`] is.
///
/// # Errors
/// Those of the database; [`Kind::Corrupt`](crate::Kind::Corrupt) if a value cannot be parsed.
pub fn of_server(global: &Table) -> Result<Vec<Annotation>> {
    of_scope(global, Scope::Server, None)
}

/// Annotations of a mailbox from annotations.db, ordered as [`Annotation`] is. `id` is its
/// uniqueid or, up to Cyrus 3.4, its name, `owner` the user whose mailbox it is, deleted or not.
///
/// # Errors
/// As for [`of_server`].
pub fn of_mailbox(global: &Table, id: &[u8], owner: Option<&UserId>) -> Result<Vec<Annotation>> {
    of_scope(global, Scope::Mailbox(id), owner)
}

/// Annotations of a message from its mailbox's cyrus.annotations, ordered as [`Annotation`] is.
///
/// # Errors
/// As for [`of_server`].
pub fn of_message(local: &Table, uid: Uid, owner: Option<&UserId>) -> Result<Vec<Annotation>> {
    of_scope(local, Scope::Message(uid), owner)
}

/// Visits the annotations of all messages of a mailbox in the database's order, which is not that
/// of UIDs.
///
/// # Errors
/// As for [`of_server`], and those of `visit`.
pub fn each_of_messages(
    local: &Table,
    owner: Option<&UserId>,
    visit: &mut dyn FnMut(Uid, Annotation) -> Result<ControlFlow<()>>,
) -> Result<()> {
    local.scan(b"", &mut |key, value| {
        let Some(parts) = Key::split(key) else { return Ok(ControlFlow::Continue(())) };
        let uid = std::str::from_utf8(parts.scope).ok().and_then(|digits| digits.parse().ok());
        let uid: Uid = uid.ok_or_else(|| {
            local.corrupt(OP, key, Malformed::new(0u64, "the key has no UID"), HINT)
        })?;
        match annotation(local, key, parts, value, owner)? {
            Some(annotation) => visit(uid, annotation),
            None => Ok(ControlFlow::Continue(())),
        }
    })
}

fn of_scope(table: &Table, scope: Scope<'_>, owner: Option<&UserId>) -> Result<Vec<Annotation>> {
    let mut found = Vec::new();
    table.scan(&scope.prefix(), &mut |key, value| {
        if let Some(parts) = Key::split(key) {
            found.extend(annotation(table, key, parts, value, owner)?);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(in_order(found))
}

fn annotation(
    table: &Table,
    key: &[u8],
    parts: Key<'_>,
    value: &[u8],
    owner: Option<&UserId>,
) -> Result<Option<Annotation>> {
    let data = Value::split(value).map_err(|malformed| table.corrupt(OP, key, malformed, HINT))?;
    if !data.exists() {
        return Ok(None);
    }
    let userid = match parts.userid {
        OWNER_TOKEN => owner.map(UserId::as_bytes).unwrap_or_default(),
        userid => userid,
    };
    Ok(Some(Annotation {
        entry: parts.entry.into(),
        userid: userid.into(),
        value: data.value.into(),
        modseq: data.modseq,
    }))
}

/// Sorted; of the same annotation twice the highest modseq is kept (`sync_annot_list_add`).
fn in_order(mut annotations: Vec<Annotation>) -> Vec<Annotation> {
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
    use super::super::table::testing::table;
    use super::*;
    use crate::error::Kind;
    use crate::format::damage::told;

    const GLOBAL: &str = include_str!("../../../tests/fixtures/userdata/dump/annotations.db");
    const LOCAL: &str =
        include_str!("../../../tests/fixtures/userdata/dump/fred.cyrus.annotations");
    const TOLD: &str = include_str!("../../../tests/fixtures/userdata/told/user.fred");
    const FULL: &str = include_str!("../../../tests/fixtures/userdata/told/fullmailbox.fred");

    fn annotation(entry: &str, userid: &str, value: &str, modseq: u64) -> Annotation {
        Annotation { entry: entry.into(), userid: userid.into(), value: value.into(), modseq }
    }

    /// As Cyrus writes it on the wire.
    fn wire(annotation: &Annotation) -> String {
        let Annotation { entry, userid, value, modseq } = annotation;
        let quote = |text: String| match text {
            text if text.is_empty() || text.contains(' ') => format!("\"{text}\""),
            text => text,
        };
        let (userid, value) = (quote(userid.to_string()), quote(value.to_string()));
        format!("%(ENTRY {entry} USERID {userid} MODSEQ {modseq} VALUE {value})")
    }

    #[test]
    fn the_server_has_shared_and_private_ones() {
        let expected =
            [annotation("/comment", "", "A server", 0), annotation("/comment", "cyrus", "mine", 0)];
        assert_eq!(of_server(&table(GLOBAL)).unwrap(), expected);
    }

    #[test]
    fn a_mailbox_has_what_cyrus_says() {
        let id = told(TOLD, " user.fred ", "UNIQUEID").unwrap();
        let ours = of_mailbox(&table(GLOBAL), id.as_bytes(), Some(&"fred".into())).unwrap();
        assert_eq!(ours.len(), 2);
        let line = TOLD.lines().find(|line| line.contains(" user.fred ")).unwrap();
        let list: Vec<_> = ours.iter().map(wire).collect();
        assert!(line.contains(&format!("ANNOTATIONS ({})", list.join(" "))), "{list:?}");
    }

    #[test]
    fn messages_have_what_cyrus_says() {
        let local = table(LOCAL);
        let ours = of_message(&local, 1, Some(&"fred".into())).unwrap();
        let list: Vec<_> = ours.iter().map(wire).collect();
        assert_eq!(list.len(), 2);
        assert!(FULL.contains(&format!("ANNOTATIONS ({} ", list.join(" "))), "{list:?}");
        // A tombstone, and nothing at all; 1 is not taken for the beginning of 10.
        for uid in [2, 10, 3] {
            assert_eq!(of_message(&local, uid, None).unwrap(), []);
        }
    }

    #[test]
    fn all_messages_in_one_go() {
        let mut found = Vec::new();
        each_of_messages(&table(LOCAL), Some(&"fred".into()), &mut |uid, annotation| {
            found.push((uid, annotation.userid.to_string()));
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        assert_eq!(found, [(1, String::new()), (1, "fred".to_string())]);
    }

    #[test]
    fn twice_the_same_keeps_the_higher_modseq() {
        let twice = vec![
            annotation("/b", "", "x", 7),
            annotation("/a", "fred", "x", 1),
            annotation("/b", "", "x", 9),
            annotation("/a", "", "x", 1),
        ];
        let expected = [
            annotation("/a", "", "x", 1),
            annotation("/a", "fred", "x", 1),
            annotation("/b", "", "x", 9),
        ];
        assert_eq!(in_order(twice), expected);
    }

    #[test]
    fn a_broken_value_is_an_error() {
        let broken = table("\\x00/comment\\x00\\x00\t\\xff\\xff");
        let error = of_server(&broken).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
        assert!(error.to_string().contains(r"record \x00/comment\x00\x00"), "{error}");
    }
}
