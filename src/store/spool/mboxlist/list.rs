//! Reads mailboxes.db (`imap/mboxlist.c`): mailboxes by name, by uniqueid and by user.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::cyrusdb::{Backend, KeyOrder, Options, Sought};
use crate::error::{Error, Malformed, Result};
use crate::events::{Observer, StoreEvent};
use crate::format::mbentry::{parse_by_id, parse_by_name};
use crate::format::mbkeys::Keys;
use crate::types::{MailboxEntry, MboxName, UniqueId};

use super::early::{self, ById};
use crate::store::spool::table::Table;
use crate::store::spool::unknown::Unknown;

const OP: &str = "read mailboxes.db";
/// Name that reports use for the place of unknown keys.
const PLACE_OF_KEYS: &str = "mailboxes.db, keys";
/// Name that reports use for the place of unknown fields of entries.
const PLACE_OF_FIELDS: &str = "mailboxes.db, fields of entries";
const HINT: &str = "run reconstruct -m, or restore the entry from a dump of ctl_mboxlist -d";

/// The list of all mailboxes, in the format of any supported version of Cyrus.
pub struct MailboxList {
    /// The file, opened with the key order of Cyrus 3.6 and later.
    table: Table,
    /// The same file, opened with the key order of earlier versions.
    early: Table,
    keys: OnceLock<Keys>,
    by_id: Mutex<ById>,
    observer: Arc<dyn Observer>,
    unknown: Arc<Unknown>,
}

impl MailboxList {
    /// Uses the list at `path`. `declared` is imapd.conf's `mboxlist_db`, and `early_order` the key
    /// order of Cyrus up to 3.4. Entries that cannot be parsed are left out, as in Cyrus, so that
    /// one damaged entry does not hide the others. They are reported to `observer`.
    pub fn new(
        path: &Path,
        declared: Backend,
        early_order: KeyOrder,
        observer: Arc<dyn Observer>,
        unknown: Arc<Unknown>,
    ) -> Self {
        // A missing file is an error, because imapd creates it when it starts.
        let options = Options { required: true, ..Options::default() };
        let early = Options { order: early_order, ..options };
        MailboxList::over(
            Table::new(path, Some(declared), options),
            Table::new(path, Some(declared), early),
            observer,
            unknown,
        )
    }

    fn over(
        table: Table,
        early: Table,
        observer: Arc<dyn Observer>,
        unknown: Arc<Unknown>,
    ) -> Self {
        let (keys, by_id) = (OnceLock::new(), Mutex::default());
        MailboxList { table, early, keys, by_id, observer, unknown }
    }

    /// Returns the form of the database's keys, and the table to read with.
    pub(super) fn keyed(&self) -> Result<(Keys, &Table)> {
        let keys = match self.keys.get() {
            Some(keys) => *keys,
            None => {
                let (mut reply, mut is_empty) = (None, true);
                let scanned = self.table.salvage(b"", &mut |key, value| {
                    reply = Keys::from_row(key, value);
                    is_empty &= parse_by_name(MboxName::default(), value).is_err();
                    Ok(match reply {
                        Some(_) => ControlFlow::Break(()),
                        None => ControlFlow::Continue(()),
                    })
                });
                match reply {
                    Some(keys) => *self.keys.get_or_init(|| {
                        self.look_for_unknown(keys);
                        keys
                    }),
                    // The next mailbox may decide the form, so do not remember this.
                    None => scanned.map(|()| if is_empty { Keys::Typed } else { Keys::Names })?,
                }
            }
        };
        Ok((keys, if keys == Keys::Names { &self.early } else { &self.table }))
    }

    /// Reports the first record whose key is of an unknown kind. Ignores read errors here, because
    /// other reads report them.
    fn look_for_unknown(&self, keys: Keys) {
        let starts = keys.of_later_versions();
        let sought: Vec<_> = starts.iter().map(|start| Sought::Prefix(start)).collect();
        let _ = self.table.scan_each(&sought, &mut |nth, _, _| {
            starts.get(nth).iter().for_each(|start| self.unknown.report(PLACE_OF_KEYS, start));
            Ok(ControlFlow::Break(()))
        });
    }

    /// Reports the unknown fields of an entry, and returns the entry.
    fn noted(&self, entry: MailboxEntry) -> MailboxEntry {
        self.unknown.report_letters(PLACE_OF_FIELDS, entry.unknown.as_bytes());
        entry
    }

    /// Returns whether Cyrus up to 3.4 wrote the database. Then mailbox names are the keys of all
    /// other data too.
    ///
    /// # Errors
    /// Those of the database.
    pub fn is_early(&self) -> Result<bool> {
        Ok(self.keyed()?.0 == Keys::Names)
    }

    /// Looks up the entry of a mailbox by name. Also returns tombstones, intermediates and reserved
    /// entries (`mboxlist_lookup_allow_all`).
    ///
    /// # Errors
    /// Those of the database; [`Kind::Corrupt`](crate::Kind::Corrupt) if the entry cannot be
    /// parsed.
    pub fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>> {
        let (keys, table) = self.keyed()?;
        let key = keys.of_name(name);
        let Some(value) = table.get(&key)? else { return Ok(None) };
        entry(keys, name.clone(), &value)
            .map(|entry| Some(self.noted(entry)))
            .map_err(|malformed| self.corrupt(&key, malformed))
    }

    /// Looks up several entries in one pass; see [`MailboxList::lookup`].
    ///
    /// # Errors
    /// Same as for [`MailboxList::lookup`].
    pub fn lookup_each<const N: usize>(
        &self,
        names: [&MboxName; N],
    ) -> Result<[Option<MailboxEntry>; N]> {
        let (keys, table) = self.keyed()?;
        let all = names.map(|name| keys.of_name(name));
        let mut found = [const { None }; N];
        table.scan_each(&all.each_ref().map(|key| Sought::Key(key)), &mut |nth, key, value| {
            if let (Some(place), Some(name)) = (found.get_mut(nth), names.get(nth)) {
                let entry = entry(keys, (*name).clone(), value);
                *place = Some(entry.map_err(|malformed| self.corrupt(key, malformed))?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Looks up the entry of a mailbox by uniqueid, with its former names. Also returns tombstones.
    /// Returns `None` for a reserved entry (`mboxlist_lookup_by_uniqueid`).
    ///
    /// # Errors
    /// Same as for [`MailboxList::lookup`].
    pub fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>> {
        let (keys, table) = self.keyed()?;
        let entry = match keys.of_id(id) {
            None => self.lookup_by_id_early(id)?,
            Some(key) => {
                let Some(value) = table.get(&key)? else { return Ok(None) };
                let entry = parse_by_id(id.clone(), &value);
                Some(entry.map_err(|malformed| self.corrupt(&key, malformed))?)
            }
        };
        Ok(entry.filter(|entry| !entry.mbtype.is_reserved()))
    }

    fn lookup_by_id_early(&self, id: &UniqueId) -> Result<Option<MailboxEntry>> {
        let mut by_id = self.by_id.lock();
        let each: Box<early::Each<'_>> = Box::new(|visit| self.each(b"", visit));
        let names = by_id.names(id, self.early.path(), each)?;
        let entries = names.iter().map(|name| self.lookup(name));
        let entries: Result<Vec<MailboxEntry>> = entries.filter_map(Result::transpose).collect();
        Ok(early::as_one(entries?))
    }

    /// Visits every mailbox whose internal name begins with `prefix`, in the database's order.
    /// Tombstones are included, intermediates are not (`mboxlist_allmbox` with
    /// `MBOXTREE_TOMBSTONES`).
    ///
    /// No lock is held while `visit` runs. Unreadable entries are skipped.
    ///
    /// # Errors
    /// Those of the database and of `visit`. If entries were skipped, the error of the first one is
    /// returned at the end.
    pub fn each(
        &self,
        prefix: &[u8],
        visit: &mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let (keys, table) = self.keyed()?;
        let mut unreadable = None;
        table.salvage(&keys.prefix(prefix), &mut |key, value| {
            let Some(name) = keys.name(key) else { return Ok(ControlFlow::Continue(())) };
            match self.parsed(keys, key, name, value) {
                Ok(entry) if !entry.mbtype.is_intermediate() => visit(entry),
                Ok(_) => Ok(ControlFlow::Continue(())),
                Err(error) => {
                    unreadable.get_or_insert(error);
                    Ok(ControlFlow::Continue(()))
                }
            }
        })?;
        unreadable.map_or(Ok(()), Err)
    }

    /// Parses an entry that was found by name. An error is also reported to the observer, because
    /// the caller then leaves the entry out, as Cyrus does.
    pub(super) fn parsed(
        &self,
        keys: Keys,
        key: &[u8],
        name: MboxName,
        value: &[u8],
    ) -> Result<MailboxEntry> {
        self.entry(keys, key, name, value).inspect_err(|error| {
            self.observer.event(&StoreEvent::MailboxLeftOut { error: error.clone() }.into());
        })
    }

    /// Parses an entry that was found by name.
    pub(super) fn entry(
        &self,
        keys: Keys,
        key: &[u8],
        name: MboxName,
        value: &[u8],
    ) -> Result<MailboxEntry> {
        let possible = if name.is_possible() {
            Ok(name)
        } else {
            Err(Malformed::new(0u64, "this cannot be the name of a mailbox"))
        };
        let entry = possible.and_then(|name| entry(keys, name, value));
        entry.map(|entry| self.noted(entry)).map_err(|malformed| self.corrupt(key, malformed))
    }

    pub(super) fn corrupt(&self, key: &[u8], malformed: Malformed) -> Error {
        self.table.corrupt(OP, key, malformed, HINT)
    }
}

/// Parses an entry that was found by name. For Cyrus up to 3.4, sets `legacy_dirs`, because all
/// directories were named after mailbox names.
fn entry(keys: Keys, name: MboxName, value: &[u8]) -> Result<MailboxEntry, Malformed> {
    let mut entry = parse_by_name(name, value)?;
    entry.legacy_dirs |= keys == Keys::Names;
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::events::{Event, line};
    use crate::format::damage::recorded;
    use crate::store::spool::table::testing::table;
    use crate::store::traits::UserTree;
    use parking_lot::Mutex;

    const DUMP: &str = include_str!("../../../../tests/fixtures/userdata/dump/mailboxes.db");
    const REPLY: &str = include_str!("../../../../tests/fixtures/userdata/replies/user.fred");

    #[derive(Default)]
    struct Ears(Mutex<Vec<String>>);

    impl Observer for Ears {
        fn event(&self, event: &Event) {
            self.0.lock().extend(line(event).map(|line| line.text));
        }
    }

    fn list(dump: &str) -> (MailboxList, Arc<Ears>) {
        let ears = Arc::new(Ears::default());
        let unknown = Arc::new(Unknown::new(ears.clone()));
        (MailboxList::over(table(dump), table(dump), ears.clone(), unknown), ears)
    }

    fn names(entries: &[MailboxEntry]) -> Vec<String> {
        entries.iter().map(|entry| entry.name.to_string()).collect()
    }

    fn tree_of(list: &MailboxList, inbox: &str) -> Result<UserTree> {
        list.user_tree(&inbox.into(), "DELETED", &"nobody".into()).map(|(tree, _)| tree)
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
        let tree = tree_of(&list, "user.fred").unwrap().entries;
        // Leave out the #sieve mailbox, because `GET USER` does not report it.
        let ours: Vec<_> =
            names(&tree).into_iter().filter(|name| name != "user.fred.#sieve").collect();
        let reply: Vec<_> =
            REPLY.lines().filter_map(|line| recorded(line, "* MAILBOX", "MBOXNAME")).collect();
        assert_eq!(ours, reply);
    }

    #[test]
    fn trees_of_users_in_domains_and_of_missing_users() {
        let (list, _) = list(DUMP);
        let tree = |inbox: &str| names(&tree_of(&list, inbox).unwrap().entries);
        assert_eq!(tree("example.com!user.bob"), ["example.com!user.bob"]);
        assert_eq!(tree("user.fred^smith"), ["user.fred^smith"]);
        assert_eq!(tree("user.fred2"), ["user.fred2", "user.fred2.Box"]);
        assert!(tree("user.fre").is_empty());
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
    fn an_early_list_is_known_by_its_lack_of_records_by_uniqueid() {
        let entry = "\t%(I 1 P default A %(anna lrs))\n";
        for names in [&["Archive", "Archive.2023"][..], &["News", "News.local"], &["Notes"]] {
            let (list, _) =
                list(&names.iter().map(|name| format!("{name}{entry}")).collect::<String>());
            assert!(list.is_early().unwrap(), "{names:?}");
            let mut found = Vec::new();
            let visit = &mut |entry: MailboxEntry| {
                found.push(entry.name.to_string());
                Ok(ControlFlow::Continue(()))
            };
            list.each(b"", visit).unwrap();
            assert_eq!(found, *names);
        }
        assert!(!list("").0.is_early().unwrap(), "an empty list");
    }

    #[test]
    fn a_broken_entry_is_skipped_and_reported() {
        let (list, ears) =
            list("Iid\t%(N a T e)\nNa\t%(T e)\nNb\t%(T ?)\nNb\\x0d\t%(T e)\nNc\t%(T e)");
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

    #[test]
    fn a_broken_entry_of_a_tree_is_reported_once_and_hides_no_other() {
        let dump = "Nuser\\x1ffred\t%(T e I a P default)\n\
            Nuser\\x1ffred\\x1fa\t%(T ?)\n\
            Nuser\\x1ffred\\x1fb\t%(T e I b P default)\n\
            Nuser\\x1ffred\\x1fc\t%(T d I c P default)\n\
            Nuser\\x1ffred2\t%(T ?)";
        let (list, ears) = list(dump);
        let tree = tree_of(&list, "user.fred").unwrap();
        assert_eq!(names(&tree.entries), ["user.fred", "user.fred.b"]);
        assert_eq!((tree.unreadable.len(), ears.0.lock().len()), (1, 1));
        let error = tree_of(&list, "user.fred2").unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
    }

    #[test]
    fn entries_are_looked_up_together_as_each_by_itself() {
        let (list, _) = list(DUMP);
        let names: [MboxName; 3] = ["user.fred", "user.nobody", "user.fred.Gone"].map(Into::into);
        let [fred, nobody, gone] = &names;
        let found = list.lookup_each([fred, nobody, gone]).unwrap();
        assert_eq!(found, [fred, nobody, gone].map(|name| list.lookup(name).unwrap()));
        assert_eq!(found[1], None);
    }

    const EARLY: &str = "\
        $RACL\t\n\
        DELETED.user.fred.Gone.5F3A0C11\t%(T e I gone F 9 P default)\n\
        user.fred\t%(T e I inbox F 2 P default A %(fred lrs))\n\
        user.fred.Gone\t%(T d I gone F 8)\n\
        user.fred.New^name\t%(T e I moved F 7 P default)\n\
        user.fred.Old\t%(T d I moved F 6)\n\
        user.fred-2\t0 default fred-2\\x09lrs\\x09";

    #[test]
    fn early_databases_are_read_by_name() {
        let (list, _) = list(EARLY);
        assert!(list.is_early().unwrap());
        let tree = tree_of(&list, "user.fred").unwrap().entries;
        assert!(tree.iter().all(|entry| entry.legacy_dirs));
        let expected = ["user.fred", "user.fred.New^name", "DELETED.user.fred.Gone.5F3A0C11"];
        assert_eq!(names(&tree), expected);
        assert_eq!(each(&list, "user.fred-", false), ["user.fred-2"]);
        assert_eq!(each(&list, "", true), ["user.fred.Gone", "user.fred.Old"]);
        let other = list.lookup(&"user.fred-2".into()).unwrap().unwrap();
        assert_eq!((other.acl, other.uniqueid), ("fred-2\tlrs\t".into(), "".into()));
    }

    #[test]
    fn uniqueids_are_found_in_early_databases_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mailboxes.db");
        std::fs::write(&path, EARLY.replace("\\x09", "|") + "\n").unwrap();
        let ears = Arc::new(Ears::default());
        let unknown = Arc::new(Unknown::new(ears.clone()));
        let list = MailboxList::new(&path, Backend::Flat, KeyOrder::Raw, ears, unknown);
        let moved = list.lookup_by_id(&"moved".into()).unwrap().unwrap();
        assert_eq!(moved.name, "user.fred.New^name");
        let former: Vec<_> = moved.name_history.iter().map(|f| f.name.to_string()).collect();
        assert_eq!(former, ["user.fred.Old"]);
        let gone = list.lookup_by_id(&"gone".into()).unwrap().unwrap();
        assert_eq!(gone.name, "DELETED.user.fred.Gone.5F3A0C11");
        assert_eq!(list.lookup_by_id(&"none".into()).unwrap(), None);
    }
}
