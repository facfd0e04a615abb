//! Builds and parses the keys of mailboxes.db (`imap/mboxlist.c`).
//!
//! | Cyrus | key of a mailbox | other keys |
//! |---|---|---|
//! | up to 3.4 | its internal name: `user.fred.a^b` | `$RACL$...`, `$RUNQ$...` |
//! | since 3.6 | `N` + its dbname, and `I` + its uniqueid | `AS`/`AU` + record separator + ... |
//! | since 3.12 | the same | `UG` + userid + record separator + group, and the reverse |
//! | since 3.13 | also `J` + its owner's userid + record separator + its id in JMAP | the same |
//!
//! A dbname is a mailbox name with the byte US (unit separator) between components, and GS (group
//! separator) after a domain: `user` US `fred` US `a.b`. After an upgrade from Cyrus 3.4, the first
//! run of `ctl_cyrusdb -r` converts the keys of a database to the newer form (`mboxlist_upgrade`).

use crate::types::{MboxName, UniqueId, UserId};

use super::dbname::{HIERARCHY_SEPARATOR, dbname, internal_name};
use super::mbentry::parse_by_name;

/// First byte of a key by name (`KEY_TYPE_NAME`).
pub const NAME_KEY: u8 = b'N';
/// First byte of a key by uniqueid (`KEY_TYPE_ID`).
const ID_KEY: u8 = b'I';
/// First byte of the key of a reverse ACL (`KEY_TYPE_ACL`).
const ACL_KEY: u8 = b'A';
/// First byte of a key by the id of a mailbox in JMAP (`KEY_TYPE_JID`).
const JMAP_KEY: u8 = b'J';
/// Prefix of the keys of groups (`mboxlist_set_usergroup`).
const GROUPS_KEY: &[u8] = b"UG";
/// Separates the parts of the keys of reverse ACLs, groups and JMAP ids (`DB_RECORDSEP_CHAR`).
const RECORD_SEPARATOR: u8 = 0x1e;

/// The form of the keys in a mailboxes.db.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// The key is the internal name; up to Cyrus 3.4.
    Names,
    /// The key is a letter, then a dbname or a uniqueid; since Cyrus 3.6.
    Typed,
}

impl Keys {
    /// Detects from one record which form all keys of the database have (`_check_rec_cb`). Returns
    /// `None` if the record could have either form: with [`Keys::Names`], a shared mailbox named
    /// `Notes` looks like a key of [`Keys::Typed`]. But a database with typed keys has a record by
    /// uniqueid for each mailbox. So if no record of a database decides and it has records of
    /// mailboxes, they are [`Keys::Names`].
    pub fn from_row(key: &[u8], value: &[u8]) -> Option<Keys> {
        let entry = || parse_by_name(MboxName::default(), value).ok();
        match *key {
            [ACL_KEY, b'S' | b'U', RECORD_SEPARATOR, ..] => Some(Keys::Typed),
            [JMAP_KEY, ..] | [b'U', b'G', ..] if key.contains(&RECORD_SEPARATOR) => {
                Some(Keys::Typed)
            }
            [NAME_KEY, ..] if key.contains(&HIERARCHY_SEPARATOR) => Some(Keys::Typed),
            // A mailbox at the top of the hierarchy fits both forms. In a database with typed keys,
            // its record by uniqueid comes first and decides.
            [NAME_KEY, ..] => None,
            // Only a record by uniqueid has the name in its value.
            [ID_KEY, ..] => {
                entry().map(|entry| if entry.name.is_empty() { Keys::Names } else { Keys::Typed })
            }
            _ if key.starts_with(b"$RACL") || key.starts_with(b"$RUNQ") => Some(Keys::Names),
            _ => entry().map(|_| Keys::Names),
        }
    }

    /// Returns the key of a mailbox by name.
    pub fn of_name(self, name: &MboxName) -> Vec<u8> {
        self.prefix(name.as_bytes())
    }

    /// Returns the prefix of the keys of all mailboxes whose internal names begin with `start`.
    pub fn prefix(self, start: &[u8]) -> Vec<u8> {
        match self {
            Keys::Names => start.to_vec(),
            Keys::Typed => [&[NAME_KEY], &dbname(start)[..]].concat(),
        }
    }

    /// Returns the key of a mailbox by uniqueid. Returns `None` for [`Keys::Names`], which has no
    /// such keys.
    pub fn of_id(self, id: &UniqueId) -> Option<Vec<u8>> {
        (self == Keys::Typed).then(|| [&[ID_KEY], id.as_bytes()].concat())
    }

    /// Returns two key prefixes: of the groups of one user, to which the name of a group is
    /// appended, and of the groups of all users. Returns `None` for [`Keys::Names`].
    pub fn of_groups(self, user: &UserId) -> Option<[Vec<u8>; 2]> {
        let of_user = || [GROUPS_KEY, user.as_bytes(), &[RECORD_SEPARATOR]].concat();
        (self == Keys::Typed).then(|| [of_user(), GROUPS_KEY.to_vec()])
    }

    /// Returns the key prefixes that this program does not know, but that a later Cyrus may use: a
    /// letter, or `U` and a letter. Returns none for [`Keys::Names`].
    pub fn of_later_versions(self) -> Vec<Vec<u8>> {
        if self == Keys::Names {
            return Vec::new();
        }
        let first = (b'A'..=b'Z').map(|letter| vec![letter]);
        let second = (b'A'..=b'Z').map(|letter| vec![b'U', letter]);
        let known: [&[u8]; 6] = [&[ACL_KEY], &[ID_KEY], &[JMAP_KEY], &[NAME_KEY], b"U", GROUPS_KEY];
        first.chain(second).filter(|key| !known.contains(&&key[..])).collect()
    }

    /// Returns the internal name of the mailbox in a key by name. Returns `None` for other keys.
    pub fn name(self, key: &[u8]) -> Option<MboxName> {
        match (self, key) {
            (Keys::Typed, [NAME_KEY, dbname @ ..]) => Some(internal_name(dbname)),
            (Keys::Typed, _) | (Keys::Names, [] | [b'$', ..]) => None,
            (Keys::Names, name) => Some(name.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::damage;
    use super::*;

    const DUMP: &str = include_str!("../../tests/fixtures/userdata/dump/mailboxes.db");
    const ENTRY: &[u8] = b"%(T e I 6a5b P default A %(fred lrs))";

    #[test]
    fn names_are_converted_both_ways() {
        for (name, db) in [
            ("user.fred^smith.a^b", &b"user\x1ffred.smith\x1fa.b"[..]),
            ("example.com!user.bob", b"example.com\x1duser\x1fbob"),
            ("shared", b"shared"),
            ("", b""),
        ] {
            assert_eq!(dbname(name.as_bytes()), db);
            assert_eq!(internal_name(db), name);
        }
    }

    #[test]
    fn keys_hold_names_and_give_them_back() {
        for name in ["example.com!user.bob^x.a b", "shared", "user.fred"] {
            for keys in [Keys::Names, Keys::Typed] {
                assert_eq!(keys.name(&keys.of_name(&name.into())), Some(name.into()));
            }
        }
        assert_eq!(Keys::Names.name(b"$RACL$U$anna$user.fred"), None);
        assert_eq!(Keys::Typed.name(b"AU\x1eanna\x1euser\x1ffred"), None);
        assert_eq!(Keys::Typed.of_id(&"6a5b".into()).unwrap(), b"I6a5b");
    }

    #[test]
    fn later_databases_are_known_by_any_record_but_that_of_a_mailbox_at_the_top() {
        for (key, value) in damage::records(DUMP) {
            let top = key.starts_with(b"N") && !key.contains(&HIERARCHY_SEPARATOR);
            let recorded = if top { None } else { Some(Keys::Typed) };
            assert_eq!(Keys::from_row(&key, &value), recorded, "{}", key.escape_ascii());
        }
    }

    #[test]
    fn early_databases_are_known_whatever_their_mailboxes_are_called() {
        for key in ["user.fred", "DELETED.user.fred.5F3A0C11", "Info", "example.com!user.bob"] {
            assert_eq!(Keys::from_row(key.as_bytes(), ENTRY), Some(Keys::Names), "{key}");
        }
        assert_eq!(Keys::from_row(b"user.fred", b"0 default fred\tlrs\t"), Some(Keys::Names));
        assert_eq!(Keys::from_row(b"$RACL", b""), Some(Keys::Names));
        assert_eq!(Keys::from_row(b"Jobs", ENTRY), Some(Keys::Names));
        assert_eq!(Keys::from_row(b"UGLY", ENTRY), Some(Keys::Names));
        assert_eq!(Keys::from_row(b"Announcements", ENTRY), Some(Keys::Names));
        assert_eq!(Keys::from_row(b"Notes", ENTRY), None);
        assert_eq!(Keys::from_row(b"user.fred", b"?"), None);
    }
}
