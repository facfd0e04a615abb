//! Reads the subscriptions of a user from the user's subscriptions database (`mboxlist_sublist` in
//! `imap/mboxlist.c`).
//!
//! Since Cyrus 3.6, keys have the form of those in mailboxes.db, but with `INBOX` in place of the
//! name of the user's own INBOX. Earlier keys are internal mailbox names. A record with the version
//! of the database shows which form its keys have.

use std::ops::ControlFlow;

use crate::error::{Malformed, Result};
use crate::format::dbname::{self, HIERARCHY_SEPARATOR};
use crate::format::mbkeys::NAME_KEY;
use crate::types::MboxName;

use super::table::Table;

const VERSION_KEY: &[u8] = b"\x1fVER\x1f";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// No version record: keys are internal names. Cyrus converts such a database when it next
    /// opens it.
    Names,
    /// Version 2: `INBOX` at the start of a key stands for the INBOX's name, whatever follows. So
    /// for the user fred, `INBOX2` is the INBOX of the user fred2.
    Prefix,
    /// Version 3 (Cyrus 3.12): `INBOX` stands for the INBOX's name only if it is a whole component.
    Component,
}

/// Reads subscriptions in the database's order. `inbox` is the user's INBOX. For each key that only
/// a later Cyrus can have made, calls `unknown` with the first byte.
///
/// # Errors
/// Those of the database; [`Kind::Corrupt`](crate::Kind::Corrupt) if its version is unknown.
pub fn list(
    table: &Table,
    inbox: &MboxName,
    unknown: &mut dyn FnMut(&[u8]),
) -> Result<Vec<MboxName>> {
    let (mut version, mut keys) = (None, Vec::new());
    table.scan(b"", &mut |key, value| {
        if key == VERSION_KEY {
            version = Some(value.to_vec());
        } else {
            keys.push(key.to_vec());
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let version = match version.as_deref() {
        None => Version::Names,
        Some(b"2") => Version::Prefix,
        Some(b"3") => Version::Component,
        Some(_) => {
            let malformed = Malformed::new(0u64, "the format of the database is not known");
            let hint = "a newer Cyrus than this program knows wrote this user's subscriptions; \
                        install a newer version of this program";
            return Err(table.corrupt("read subscriptions", VERSION_KEY, malformed, hint));
        }
    };
    let prefix: &[u8] = if version == Version::Names { b"" } else { &[NAME_KEY] };
    let inbox = dbname::dbname(inbox.as_bytes());
    for key in keys.iter().filter(|key| !key.starts_with(prefix)) {
        unknown(key.get(..1).unwrap_or_default());
    }
    let named = keys.iter().filter_map(|key| Some((key, key.strip_prefix(prefix)?)));
    let names = named.map(|(key, rest)| {
        let name = match version {
            Version::Names => rest.into(),
            version => name(version, rest, &inbox),
        };
        if name.is_possible() {
            return Ok(name);
        }
        let malformed = Malformed::new(0u64, "this cannot be the name of a mailbox");
        let hint = "restore the file from a backup or from the replica, or remove the record";
        Err(table.corrupt("read subscriptions", key, malformed, hint))
    });
    names.collect()
}

fn name(version: Version, dbname: &[u8], inbox: &[u8]) -> MboxName {
    let rest = dbname.strip_prefix(b"INBOX").filter(|rest| {
        version == Version::Prefix || matches!(rest.first(), None | Some(&HIERARCHY_SEPARATOR))
    });
    match rest {
        Some(rest) => dbname::internal_name(&[inbox, rest].concat()),
        None => dbname::internal_name(dbname),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::testing::table;
    use super::*;
    use crate::error::Kind;

    fn names(dump: &str, inbox: &str) -> Vec<String> {
        let list = list(&table(dump), &inbox.into(), &mut |_| panic!("unknown")).unwrap();
        list.iter().map(MboxName::to_string).collect()
    }

    fn recorded(answer: &str) -> Vec<&str> {
        let list = answer.lines().find_map(|line| line.strip_prefix("* LSUB ("));
        list.unwrap().strip_suffix(")").unwrap().split(' ').collect()
    }

    #[test]
    fn subscriptions_are_what_cyrus_says() {
        let fred = include_str!("../../../tests/fixtures/userdata/dump/fred.sub.db");
        let answer = include_str!("../../../tests/fixtures/userdata/replies/meta.fred");
        assert_eq!(names(fred, "user.fred"), recorded(answer));
        let bob = include_str!("../../../tests/fixtures/userdata/dump/bob@example.com.sub.db");
        let answer = include_str!("../../../tests/fixtures/userdata/replies/meta.bob");
        assert_eq!(names(bob, "example.com!user.bob"), recorded(answer));
    }

    #[test]
    fn version_3_replaces_whole_components() {
        let dump = "\\x1fVER\\x1f\t3\nNINBOX\t\nNINBOX2\t\nNINBOX\\x1fa.b\t\nNuser\\x1ffred2\t";
        assert_eq!(
            names(dump, "user.fred"),
            ["user.fred", "INBOX2", "user.fred.a^b", "user.fred2"]
        );
    }

    #[test]
    fn early_databases_hold_internal_names() {
        assert_eq!(
            names("user.fred\t\nuser.fred.a^b\t", "user.fred"),
            ["user.fred", "user.fred.a^b"]
        );
    }

    #[test]
    fn an_invalid_name_is_refused() {
        for dump in ["user.a\\x0db\t", "\\x1fVERS\\x1f\t2", "\\x1fVER\\x1f\t2\nN\t"] {
            let error = list(&table(dump), &"user.fred".into(), &mut |_| ()).unwrap_err();
            assert_eq!(error.kind(), Kind::Corrupt, "{dump}");
        }
    }

    #[test]
    fn a_later_version_is_refused() {
        let error = list(&table("\\x1fVER\\x1f\t4"), &"user.fred".into(), &mut |_| ());
        let error = error.unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
    }

    #[test]
    fn keys_of_a_later_version_are_reported() {
        let mut keys = Vec::new();
        let dump = "\\x1fVER\\x1f\t3\nNINBOX\t\nXINBOX\t\nXother\t";
        let found = list(&table(dump), &"user.fred".into(), &mut |key| keys.push(key.to_vec()));
        assert_eq!((found.unwrap(), keys), (vec!["user.fred".into()], vec![b"X".to_vec(); 2]));
    }
}
