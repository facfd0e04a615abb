//! Finds mailboxes by uniqueid in a mailboxes.db of Cyrus up to 3.4, which has no records by
//! uniqueid.

use std::collections::HashMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{Error, Result};
use crate::types::{FormerName, MailboxEntry, MboxName, UniqueId};

/// A table of the names of each uniqueid, including names of tombstones (deleted mailboxes). It
/// takes about 100 bytes for each mailbox. It is built at the first lookup, and again when the
/// database has changed.
#[derive(Debug, Default)]
pub(super) struct ById {
    made_from: Option<Version>,
    names: HashMap<UniqueId, Vec<MboxName>>,
}

/// Identifies the state of a file without reading its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    file: (u64, u64),
    len: u64,
    mtime: (i64, i64),
}

impl Version {
    fn of(path: &Path) -> Result<Version> {
        let meta = fs::metadata(path).map_err(|e| {
            Error::io("read mailboxes.db", path, e)
                .or_hint("check configdirectory and mboxlist_db_path in imapd.conf")
        })?;
        Ok(Version {
            file: (meta.dev(), meta.ino()),
            len: meta.len(),
            mtime: (meta.mtime(), meta.mtime_nsec()),
        })
    }
}

/// A function that passes every entry of a database to a callback.
pub(super) type Each<'a> =
    dyn FnOnce(&mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>) -> Result<()> + 'a;

impl ById {
    /// Returns the names of a uniqueid in the database at `path`. `each` reads all entries of that
    /// database.
    pub(super) fn names(
        &mut self,
        id: &UniqueId,
        path: &Path,
        each: Box<Each<'_>>,
    ) -> Result<&[MboxName]> {
        let now = Version::of(path)?;
        if self.made_from != Some(now) {
            *self = ById::default();
            each(&mut |entry| {
                if !entry.uniqueid.is_empty() {
                    self.names.entry(entry.uniqueid).or_default().push(entry.name);
                }
                Ok(ControlFlow::Continue(()))
            })?;
            self.made_from = Some(now);
        }
        Ok(self.names.get(id).map_or(&[], Vec::as_slice))
    }
}

/// Combines entries with the same uniqueid into one. The result is the record that a later Cyrus
/// would create from them (`mboxlist_upgrade`): the existing mailbox, with the names of the
/// tombstones as its name history, newest first. Several existing mailboxes with one uniqueid
/// should not occur; then all but one are in the name history too.
pub(super) fn as_one(mut entries: Vec<MailboxEntry>) -> Option<MailboxEntry> {
    entries.sort_by_key(|entry| (!entry.mbtype.is_deleted(), entry.foldermodseq));
    let mut entry = entries.pop()?;
    let former = |entry: MailboxEntry| FormerName {
        name: entry.name,
        partition: entry.partition,
        mtime: entry.mtime,
        foldermodseq: entry.foldermodseq,
        uidvalidity: entry.uidvalidity,
    };
    entry.name_history = entries.into_iter().rev().map(former).collect();
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::MboxType;

    fn entry(name: &str, mbtype: u32, foldermodseq: u64) -> MailboxEntry {
        let mbtype = MboxType(mbtype);
        MailboxEntry { name: name.into(), mbtype, foldermodseq, ..MailboxEntry::default() }
    }

    #[test]
    fn a_living_mailbox_has_its_tombstones_as_history() {
        let one = as_one(vec![
            entry("user.a.first", MboxType::DELETED, 3),
            entry("user.a.now", MboxType::EMAIL, 2),
            entry("user.a.second", MboxType::DELETED, 7),
        ]);
        let one = one.unwrap();
        assert_eq!(one.name, "user.a.now");
        let former: Vec<_> = one.name_history.iter().map(|f| f.name.to_string()).collect();
        assert_eq!(former, ["user.a.second", "user.a.first"]);
    }

    #[test]
    fn another_living_mailbox_with_the_uniqueid_is_not_forgotten() {
        let one = as_one(vec![
            entry("user.a.orig", MboxType::EMAIL, 2),
            entry("user.b.copy", MboxType::EMAIL, 9),
        ]);
        let one = one.unwrap();
        assert_eq!(one.name, "user.b.copy");
        assert_eq!(one.name_history[0].name, "user.a.orig");
    }

    #[test]
    fn of_several_tombstones_the_newest_counts() {
        let one = as_one(vec![
            entry("user.a.second", MboxType::DELETED, 7),
            entry("user.a.first", MboxType::DELETED, 3),
        ]);
        assert_eq!(one.unwrap().name, "user.a.second");
        assert_eq!(as_one(Vec::new()), None);
    }

    #[test]
    fn the_names_are_collected_again_when_the_database_has_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let mut by_id = ById::default();
        let mut names = |path: &Path, now: &str| {
            let mut asked = false;
            let found = by_id.names(
                &"id".into(),
                path,
                Box::new(|visit: &mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>| {
                    asked = true;
                    let entry = entry(now, MboxType::EMAIL, 1);
                    visit(MailboxEntry { uniqueid: "id".into(), ..entry }).map(drop)
                }),
            );
            (found.unwrap().to_vec(), asked)
        };
        fs::write(&path, "1").unwrap();
        assert_eq!(names(&path, "a"), (vec!["a".into()], true));
        assert_eq!(names(&path, "b"), (vec!["a".into()], false));
        fs::write(&path, "22").unwrap();
        assert_eq!(names(&path, "b"), (vec!["b".into()], true));
    }
}
