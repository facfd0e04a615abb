//! A database of the spool that is opened at the first read. A missing file counts as an empty
//! database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::cyrusdb::{self, Backend, Db, Options, Sought, VisitEach};
use crate::error::{Error, Kind, Malformed, Result};

/// A database at a path. The first read opens the file, which then stays open. While the file does
/// not exist, every read looks for it again and finds no records.
///
/// Cyrus may convert a database to the type that imapd.conf declares (`CYRUSDB_CONVERT`). Then
/// reads of the open file can fail as if it was damaged. Therefore, after such a failure, the file
/// is opened again and read once more.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    declared: Option<Backend>,
    options: Options,
    /// Whether the database is opened for a single use and not kept.
    once: bool,
    db: RwLock<Option<Arc<dyn Db>>>,
}

impl Table {
    /// Describes a database whose file need not exist. See [`cyrusdb::open`] for `declared` and
    /// `options`.
    pub fn new(path: impl Into<PathBuf>, declared: Option<Backend>, options: Options) -> Self {
        Table { path: path.into(), declared, options, once: false, db: RwLock::new(None) }
    }

    /// Describes a database that is read as a whole and not kept open ([`cyrusdb::open_whole`]).
    /// All reads return its content at the time of the first read.
    pub fn once(path: impl Into<PathBuf>, declared: Option<Backend>, options: Options) -> Self {
        Table { once: true, ..Table::new(path, declared, options) }
    }

    /// Returns the path of the database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn db(&self) -> Result<Option<Arc<dyn Db>>> {
        let db = self.db.read().clone();
        if db.is_some() {
            return Ok(db);
        }
        let open = if self.once { cyrusdb::open_whole } else { cyrusdb::open };
        let opened = open(&self.path, self.declared, &self.options)?.map(Arc::from);
        self.db.write().clone_from(&opened);
        Ok(opened)
    }

    /// After the error of a read, returns whether to read again. If so, closes the database, so
    /// that the next read opens it again.
    fn again(&self, error: &Error) -> bool {
        error.kind() == Kind::Corrupt && self.db.write().take().is_some()
    }

    /// Returns the value of a key.
    ///
    /// # Errors
    /// Those of [`Db::get`] and [`cyrusdb::open`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(db) = self.db()? else { return Ok(None) };
        match db.get(key) {
            Err(error) if self.again(&error) => self.db()?.map_or(Ok(None), |db| db.get(key)),
            result => result,
        }
    }

    /// Visits the records whose keys begin with `prefix`, in the database's order. Holds no lock
    /// while `visit` runs.
    ///
    /// # Errors
    /// Those of [`Db::scan`] and [`cyrusdb::open`].
    pub fn scan(&self, prefix: &[u8], visit: &mut cyrusdb::Visit<'_>) -> Result<()> {
        self.scan_each(&[Sought::Prefix(prefix)], &mut |_, key, value| visit(key, value))
    }

    /// Visits the records of several searches in one pass ([`Db::scan_each`]). Holds no lock while
    /// `visit` runs.
    ///
    /// # Errors
    /// Those of [`Db::scan_each`] and [`cyrusdb::open`].
    pub fn scan_each(&self, sought: &[Sought<'_>], visit: &mut VisitEach<'_>) -> Result<()> {
        let Some(db) = self.db()? else { return Ok(()) };
        let mut visited = false;
        let result = db.scan_each(sought, &mut |nth, key, value| {
            visited = true;
            visit(nth, key, value)
        });
        match result {
            Err(error) if !visited && self.again(&error) => {
                self.db()?.map_or(Ok(()), |db| db.scan_each(sought, visit))
            }
            result => result,
        }
    }

    /// Like [`Table::scan`], but continues after unreadable records where possible
    /// ([`Db::salvage`]).
    ///
    /// # Errors
    /// Those of [`Db::salvage`] and [`cyrusdb::open`].
    pub fn salvage(&self, prefix: &[u8], visit: &mut cyrusdb::Visit<'_>) -> Result<()> {
        match self.db()? {
            Some(db) => db.salvage(prefix, visit),
            None => Ok(()),
        }
    }

    /// Makes the error for a record that cannot be parsed.
    pub(super) fn corrupt(
        &self,
        op: &'static str,
        key: &[u8],
        malformed: Malformed,
        hint: &'static str,
    ) -> Error {
        let what = format!("record {}: {}", key.escape_ascii(), malformed.what);
        Malformed::new(malformed.offset, what).in_file(op, &self.path, hint)
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::format::damage;

    /// The records of a dump in the fixtures, in the order in which Cyrus printed them.
    #[derive(Debug)]
    struct Dump(Vec<(Vec<u8>, Vec<u8>)>);

    impl Db for Dump {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
            Ok(self.0.iter().find(|(found, _)| found == key).map(|(_, value)| value.clone()))
        }

        fn scan(&self, prefix: &[u8], visit: &mut cyrusdb::Visit<'_>) -> Result<()> {
            for (key, value) in self.0.iter().filter(|(key, _)| key.starts_with(prefix)) {
                if visit(key, value)?.is_break() {
                    break;
                }
            }
            Ok(())
        }
    }

    /// Makes a table with the records of a dump.
    pub(in super::super) fn table(dump: &str) -> Table {
        let table = Table::new("/dump", None, Options::default());
        *table.db.write() = Some(Arc::new(Dump(damage::records(dump))));
        table
    }

    #[test]
    fn a_missing_database_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let table = Table::new(dir.path().join("none"), None, Options::default());
        assert_eq!(table.get(b"x").unwrap(), None);
        table.scan(b"", &mut |_, _| panic!("nothing to visit")).unwrap();
    }
    #[test]
    fn a_database_that_cyrus_converts_meanwhile_is_read_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cyrusdb");
        let table = Table::new(&path, Some(Backend::Twoskip), Options::default());
        for name in ["plain.twoskip", "plain.skiplist", "plain.twoskip"] {
            let new = dir.path().join("db.NEW");
            std::fs::copy(fixtures.join(name), &new).unwrap();
            std::fs::rename(&new, &path).unwrap();
            assert!(table.get(b"user.bob").unwrap().is_some(), "{name}");
            let mut count = 0;
            table
                .scan(b"user.bob", &mut |_, _| {
                    count += 1;
                    Ok(std::ops::ControlFlow::Continue(()))
                })
                .unwrap();
            assert!(count > 50, "{name}");
        }
        // The error of a damaged database is returned after one repeated read.
        std::fs::write(&path, "damaged").unwrap();
        assert_eq!(table.get(b"user.bob").unwrap_err().kind(), Kind::Corrupt);
    }
}
