//! Reads annotations (`annotatemore_findall_mailbox` in `imap/annotate.c`). annotations.db holds
//! the annotations of the server and of all mailboxes. The file cyrus.annotations of a mailbox
//! holds the annotations of its messages.
//!
//! Cyrus stores private values of a mailbox's owner under a token. This module returns them under
//! the owner's userid. It leaves out tombstones (deleted annotations) and empty values.

use std::ops::ControlFlow;

use super::table::Table;
use crate::cyrusdb::Sought;
use crate::error::{Malformed, Result};
use crate::format::annot::{Key, OWNER_TOKEN, Scope, Value};
use crate::store::annotations::in_order;
use crate::types::{Annotation, Uid, UserId};

const OP: &str = "read annotations";
const HINT: &str = "delete the record with cyr_dbtool; reconstruct does not repair annotations";

/// Reads the annotations of the server from annotations.db. They are in the order of
/// [`Annotation`]'s `Ord`.
///
/// # Errors
/// Those of the database; [`Kind::Corrupt`](crate::Kind::Corrupt) if a value cannot be parsed.
pub fn of_server(global: &Table) -> Result<Vec<Annotation>> {
    of_scope(global, Scope::Server, None)
}

/// Reads the annotations of a mailbox from annotations.db, in the order of [`Annotation`]'s `Ord`.
/// `id` is the mailbox's uniqueid or, up to Cyrus 3.4, its name. `owner` is the user to whom the
/// mailbox belongs or, if it is deleted, belonged.
///
/// # Errors
/// Same as for [`of_server`].
pub fn of_mailbox(global: &Table, id: &[u8], owner: Option<&UserId>) -> Result<Vec<Annotation>> {
    of_scope(global, Scope::Mailbox(id), owner)
}

/// Reads the annotations of several mailboxes in one pass; see [`of_mailbox`].
///
/// # Errors
/// Same as for [`of_server`].
pub fn of_mailboxes(
    global: &Table,
    mailboxes: &[(Vec<u8>, Option<UserId>)],
) -> Result<Vec<Vec<Annotation>>> {
    let prefixes: Vec<_> = mailboxes.iter().map(|(id, _)| Scope::Mailbox(id).prefix()).collect();
    let sought: Vec<_> = prefixes.iter().map(|prefix| Sought::Prefix(prefix)).collect();
    let mut found = vec![Vec::new(); mailboxes.len()];
    global.scan_each(&sought, &mut |nth, key, value| {
        let owner = mailboxes.get(nth).and_then(|(_, owner)| owner.as_ref());
        if let (Some(parts), Some(found)) = (Key::split(key), found.get_mut(nth)) {
            found.extend(annotation(global, key, parts, value, owner)?);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found.into_iter().map(in_order).collect())
}

/// The maximum number of messages that are looked up one by one. For more messages, all records are
/// read once.
const LOOKUPS: usize = 8;

/// Visits the annotations of messages in the cyrus.annotations of their mailbox, in any order.
/// `uids` must be in ascending order.
///
/// # Errors
/// Same as for [`of_server`], and those of `visit`.
pub fn of_messages(
    local: &Table,
    uids: &[Uid],
    owner: Option<&UserId>,
    visit: &mut dyn FnMut(Uid, Annotation) -> Result<()>,
) -> Result<()> {
    let mut each = |key: &[u8], value: &[u8]| {
        let Some(parts) = Key::split(key) else { return Ok(ControlFlow::Continue(())) };
        let uid = std::str::from_utf8(parts.scope).ok().and_then(|digits| digits.parse().ok());
        let uid: Uid = uid.ok_or_else(|| {
            local.corrupt(OP, key, Malformed::new(0u64, "the key has no UID"), HINT)
        })?;
        if uids.binary_search(&uid).is_ok()
            && let Some(annotation) = annotation(local, key, parts, value, owner)?
        {
            visit(uid, annotation)?;
        }
        Ok(ControlFlow::Continue(()))
    };
    if uids.len() > LOOKUPS {
        return local.scan(b"", &mut each);
    }
    uids.iter().try_for_each(|uid| local.scan(&Scope::Message(*uid).prefix(), &mut each))
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

#[cfg(test)]
mod tests {
    use super::super::table::testing::table;
    use super::*;
    use crate::error::Kind;
    use crate::format::damage::recorded;

    const GLOBAL: &str = include_str!("../../../tests/fixtures/userdata/dump/annotations.db");
    const LOCAL: &str =
        include_str!("../../../tests/fixtures/userdata/dump/fred.cyrus.annotations");
    const REPLY: &str = include_str!("../../../tests/fixtures/userdata/replies/user.fred");
    const FULL: &str = include_str!("../../../tests/fixtures/userdata/replies/fullmailbox.fred");

    fn annotation(entry: &str, userid: &str, value: &str, modseq: u64) -> Annotation {
        Annotation { entry: entry.into(), userid: userid.into(), value: value.into(), modseq }
    }

    /// Formats the annotation as Cyrus sends it.
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
        let id = recorded(REPLY, " user.fred ", "UNIQUEID").unwrap();
        let ours = of_mailbox(&table(GLOBAL), id.as_bytes(), Some(&"fred".into())).unwrap();
        assert_eq!(ours.len(), 2);
        let line = REPLY.lines().find(|line| line.contains(" user.fred ")).unwrap();
        let list: Vec<_> = ours.iter().map(wire).collect();
        assert!(line.contains(&format!("ANNOTATIONS ({})", list.join(" "))), "{list:?}");
    }

    fn of(local: &Table, uids: &[Uid]) -> Vec<(Uid, Annotation)> {
        let mut found = Vec::new();
        of_messages(local, uids, Some(&"fred".into()), &mut |uid, annotation| {
            found.push((uid, annotation));
            Ok(())
        })
        .unwrap();
        found
    }

    #[test]
    fn messages_have_what_cyrus_says() {
        let local = table(LOCAL);
        let ours = of(&local, &[1]);
        let list: Vec<_> = ours.iter().map(|(_, one)| wire(one)).collect();
        assert_eq!(list.len(), 2);
        assert!(FULL.contains(&format!("ANNOTATIONS ({} ", list.join(" "))), "{list:?}");
        // UID 2 has only a tombstone, UIDs 3 and 10 have nothing. The key of UID 1 must not match
        // UID 10.
        assert_eq!(of(&local, &[2, 3, 10]), []);
    }

    #[test]
    fn many_messages_are_read_like_few() {
        let local = table(LOCAL);
        let many: Vec<Uid> = (1..100).collect();
        let found = of(&local, &many);
        assert_eq!(found, of(&local, &[1]));
        let users: Vec<_> = found.iter().map(|(uid, one)| (*uid, one.userid.to_string())).collect();
        assert_eq!(users, [(1, String::new()), (1, "fred".to_string())]);
        assert_eq!(of(&local, &many[1..]), []);
    }

    #[test]
    fn a_broken_value_is_an_error() {
        let broken = table("\\x00/comment\\x00\\x00\t\\xff\\xff");
        let error = of_server(&broken).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
        assert!(error.to_string().contains(r"record \x00/comment\x00\x00"), "{error}");
    }
}
