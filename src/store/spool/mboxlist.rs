//! mailboxes.db (`imap/mboxlist.c`): mailboxes by name, by uniqueid, and by user.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::error::{Error, Malformed, Result};
use crate::format::mbentry::{
    self, DOMAIN_SEPARATOR, HIERARCHY_SEPARATOR, NAME_KEY, internal_name, parse_by_id,
    parse_by_name,
};
use crate::observe::{Level, Observer};
use crate::store::UserTree;
use crate::types::{MailboxEntry, MboxName, UniqueId};

use super::table::Table;

const OP: &str = "read mailboxes.db";
const HINT: &str = "reconstruct -m, or restore the entry from a ctl_mboxlist -d dump";

/// The list of all mailboxes.
pub struct MailboxList {
    table: Table,
    observer: Arc<dyn Observer>,
}

impl MailboxList {
    /// The list in `table`. The observer hears of entries that cannot be parsed: like Cyrus we
    /// leave them out of lists, so that one of them does not stop all the others, but then say so.
    pub fn new(table: Table, observer: Arc<dyn Observer>) -> Self {
        MailboxList { table, observer }
    }

    /// The entry of a mailbox, tombstones, intermediates and reserved ones included
    /// (`mboxlist_lookup_allow_all`).
    ///
    /// # Errors
    /// Those of the database; [`Kind::Corrupt`](crate::Kind::Corrupt) if the entry cannot be
    /// parsed.
    pub fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>> {
        let key = mbentry::name_key(name);
        let Some(value) = self.table.get(&key)? else { return Ok(None) };
        parse_by_name(name.clone(), &value)
            .map(Some)
            .map_err(|malformed| self.corrupt(&key, malformed))
    }

    /// The entry of a mailbox by uniqueid with the names it had, tombstones included; none if it
    /// is reserved (`mboxlist_lookup_by_uniqueid`).
    ///
    /// # Errors
    /// As for [`MailboxList::lookup`].
    pub fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>> {
        let key = mbentry::id_key(id);
        let Some(value) = self.table.get(&key)? else { return Ok(None) };
        let entry =
            parse_by_id(id.clone(), &value).map_err(|malformed| self.corrupt(&key, malformed))?;
        Ok(Some(entry).filter(|entry| !entry.mbtype.is_reserved()))
    }

    /// All mailboxes of a user: the INBOX first, those below it, then the deleted ones.
    /// Intermediates and reserved entries are there, tombstones are not
    /// (`mboxlist_usermboxtree` with `MBOXTREE_DELETED` and `MBOXTREE_INTERMEDIATES`).
    ///
    /// `inbox` is the INBOX's internal name, `deleted_prefix` imapd.conf's `deletedprefix`.
    ///
    /// # Errors
    /// Those of the database, if the entry of the INBOX cannot be read; where others cannot, the
    /// tree says so.
    pub fn user_tree(&self, inbox: &MboxName, deleted_prefix: &str) -> Result<UserTree> {
        let UserTree { mut entries, mut unreadable } = UserTree::default();
        let mut add = |entry: MailboxEntry| {
            if !entry.mbtype.is_deleted() {
                entries.push(entry);
            }
        };
        let key = mbentry::name_key(inbox);
        if let Some(value) = self.table.get(&key)? {
            add(self.parsed(&key, &value)?);
        }
        let below = [&key[..], &[HIERARCHY_SEPARATOR]].concat();
        for prefix in [below, deleted_key(inbox, deleted_prefix)] {
            let scanned = self.table.salvage(&prefix, &mut |key, value| {
                match self.parsed(key, value) {
                    Ok(entry) => add(entry),
                    Err(error) => unreadable.push(error),
                }
                Ok(ControlFlow::Continue(()))
            });
            unreadable.extend(scanned.err());
        }
        Ok(UserTree { entries, unreadable })
    }

    /// Visits every mailbox whose internal name begins with `prefix`, in the database's order.
    /// Tombstones are among them, intermediates are not (`mboxlist_allmbox` with
    /// `MBOXTREE_TOMBSTONES`).
    ///
    /// No lock is held while `visit` runs. What cannot be read is passed over.
    ///
    /// # Errors
    /// Those of the database and of `visit`; of what was passed over, the first, at the end.
    pub fn each(
        &self,
        prefix: &[u8],
        visit: &mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let prefix = [&[NAME_KEY], &mbentry::dbname(prefix)[..]].concat();
        let mut unreadable = None;
        self.table.salvage(&prefix, &mut |key, value| match self.parsed(key, value) {
            Ok(entry) if !entry.mbtype.is_intermediate() => visit(entry),
            Ok(_) => Ok(ControlFlow::Continue(())),
            Err(error) => {
                unreadable.get_or_insert(error);
                Ok(ControlFlow::Continue(()))
            }
        })?;
        unreadable.map_or(Ok(()), Err)
    }

    /// The entry of a record by name. One that cannot be parsed is logged as Cyrus does, which
    /// then leaves it out.
    fn parsed(&self, key: &[u8], value: &[u8]) -> Result<MailboxEntry> {
        let name = internal_name(key.get(1..).unwrap_or_default());
        let possible = match name.is_possible() {
            true => Ok(name),
            false => Err(Malformed::new(0u64, "this cannot be the name of a mailbox")),
        };
        possible.and_then(|name| parse_by_name(name, value)).map_err(|malformed| {
            let error = self.corrupt(key, malformed);
            self.observer.log(Level::Error, &format!("DBERROR: mailbox left out: {error}"));
            error
        })
    }

    fn corrupt(&self, key: &[u8], malformed: Malformed) -> Error {
        self.table.corrupt(OP, key, malformed, HINT)
    }
}

/// With what the keys of a user's deleted mailboxes begin: `DELETED` goes behind the domain.
fn deleted_key(inbox: &MboxName, deleted_prefix: &str) -> Vec<u8> {
    let dbname = mbentry::dbname(inbox.as_bytes());
    let domain = dbname.iter().position(|byte| *byte == DOMAIN_SEPARATOR).map_or(0, |at| at + 1);
    let (domain, local) = dbname.split_at_checked(domain).unwrap_or_default();
    let separator: &[u8] = &[HIERARCHY_SEPARATOR];
    [&[NAME_KEY], domain, deleted_prefix.as_bytes(), separator, local, separator].concat()
}

#[cfg(test)]
mod tests {
    use super::super::table::testing::table;
    use super::*;
    use crate::error::Kind;
    use crate::format::damage::told;
    use parking_lot::Mutex;

    const DUMP: &str = include_str!("../../../tests/fixtures/userdata/dump/mailboxes.db");
    const TOLD: &str = include_str!("../../../tests/fixtures/userdata/told/user.fred");

    #[derive(Default)]
    struct Ears(Mutex<Vec<String>>);

    impl Observer for Ears {
        fn log(&self, _: Level, line: &str) {
            self.0.lock().push(line.to_string());
        }
    }

    fn list(dump: &str) -> (MailboxList, Arc<Ears>) {
        let ears = Arc::new(Ears::default());
        (MailboxList::new(table(dump), ears.clone()), ears)
    }

    fn names(entries: &[MailboxEntry]) -> Vec<String> {
        entries.iter().map(|entry| entry.name.to_string()).collect()
    }

    fn each(list: &MailboxList, prefix: &str, tombstones: bool) -> Vec<String> {
        let mut entries = Vec::new();
        list.each(prefix.as_bytes(), &mut |entry| {
            entries.push(entry);
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        entries.retain(|entry| entry.mbtype.is_deleted() == tombstones);
        names(&entries)
    }

    #[test]
    fn a_tree_is_what_cyrus_says() {
        let (list, _) = list(DUMP);
        let tree = list.user_tree(&"user.fred".into(), "DELETED").unwrap().entries;
        // GET USER leaves the #sieve mailbox to GET META.
        let ours: Vec<_> =
            names(&tree).into_iter().filter(|name| name != "user.fred.#sieve").collect();
        let told: Vec<_> =
            TOLD.lines().filter_map(|line| told(line, "* MAILBOX", "MBOXNAME")).collect();
        assert_eq!(ours, told);
    }

    #[test]
    fn trees_in_domains_and_of_nobody() {
        let (list, _) = list(DUMP);
        let tree = |inbox: &str| names(&list.user_tree(&inbox.into(), "DELETED").unwrap().entries);
        assert_eq!(tree("example.com!user.bob"), ["example.com!user.bob"]);
        assert_eq!(tree("user.fred^smith"), ["user.fred^smith"]);
        assert_eq!(tree("user.fred2"), ["user.fred2", "user.fred2.Box"]);
        assert!(tree("user.fre").is_empty());
        assert_eq!(
            deleted_key(&"example.com!user.bob".into(), "DELETED"),
            b"Nexample.com\x1dDELETED\x1fuser\x1fbob\x1f"
        );
    }

    #[test]
    fn lists_begin_with_their_prefix_and_skip_what_is_no_mailbox() {
        let (list, _) = list(DUMP);
        assert_eq!(each(&list, "shared", false), ["shared", "shared.sub"]);
        assert_eq!(each(&list, "user.fred2", false), ["user.fred2", "user.fred2.Box"]);
        assert_eq!(each(&list, "user.fred.Ga", false), ["user.fred.Gap.below"]);
        let all = each(&list, "", false);
        assert!(all.iter().any(|name| name.starts_with("DELETED.")));
        assert!(!all.contains(&"user.fred.Old".to_string()));
        assert!(all.contains(&"user.fred.With^dot".to_string()));
        assert!(each(&list, "user.", true).contains(&"user.fred.Gone".to_string()));
    }

    #[test]
    fn lookups_find_tombstones_too() {
        let (list, _) = list(DUMP);
        let gone = list.lookup(&"user.fred.Gone".into()).unwrap().unwrap();
        assert!(gone.mbtype.is_deleted());
        let by_id = list.lookup_by_id(&gone.uniqueid).unwrap().unwrap();
        assert!(by_id.name.to_string().starts_with("DELETED.user.fred.Gone."));
        assert_eq!(by_id.name_history.len(), 1);
        assert_eq!(list.lookup(&"user.nobody".into()).unwrap(), None);
        assert_eq!(list.lookup_by_id(&"nothing".into()).unwrap(), None);
    }

    #[test]
    fn reserved_ones_are_not_found_by_id() {
        let (list, _) = list("Iid\t%(T ez N user\\x1ffred\\x1fx P default)");
        assert_eq!(list.lookup_by_id(&"id".into()).unwrap(), None);
    }

    #[test]
    fn a_broken_entry_is_passed_over_and_told() {
        let (list, ears) = list("Na\t%(T e)\nNb\t%(T ?)\nNb\\x0d\t%(T e)\nNc\t%(T e)");
        let mut names = Vec::new();
        let listed = list.each(b"", &mut |entry| {
            names.push(entry.name.to_string());
            Ok(ControlFlow::Continue(()))
        });
        assert_eq!(names, ["a", "c"]);
        assert_eq!(listed.unwrap_err().kind(), Kind::Corrupt);
        let lines = ears.0.lock();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("record Nb: a letter"), "{lines:?}");
        assert!(lines[1].contains("record Nb\\r: this cannot be"), "{lines:?}");
        assert_eq!(list.lookup(&"b".into()).unwrap_err().kind(), Kind::Corrupt);
    }
}
