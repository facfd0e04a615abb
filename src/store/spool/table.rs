//! A database of the spool: opened when first asked, empty as long as there is none.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::cyrusdb::{self, Backend, Db, Options};
use crate::error::{Error, Malformed, Result};

/// A database at a path. It is opened at the first question and stays open; while the file does
/// not exist every question looks for it again and finds nothing.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    declared: Option<Backend>,
    options: Options,
    db: OnceLock<Box<dyn Db>>,
}

impl Table {
    /// A database that need not exist; `declared` and `options` as for [`cyrusdb::open`].
    pub fn new(path: impl Into<PathBuf>, declared: Option<Backend>, options: Options) -> Self {
        Table { path: path.into(), declared, options, db: OnceLock::new() }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn db(&self) -> Result<Option<&dyn Db>> {
        if let Some(db) = self.db.get() {
            return Ok(Some(&**db));
        }
        let opened = cyrusdb::open(&self.path, self.declared, &self.options)?;
        Ok(opened.map(|db| &**self.db.get_or_init(|| db)))
    }

    /// The value of a key.
    ///
    /// # Errors
    /// As for [`Db::get`] and [`cyrusdb::open`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.db()? {
            Some(db) => db.get(key),
            None => Ok(None),
        }
    }

    /// Visits the records whose keys begin with `prefix`, in the database's order. No lock is
    /// held meanwhile.
    ///
    /// # Errors
    /// As for [`Db::scan`] and [`cyrusdb::open`].
    pub fn scan(&self, prefix: &[u8], visit: &mut cyrusdb::Visit<'_>) -> Result<()> {
        match self.db()? {
            Some(db) => db.scan(prefix, visit),
            None => Ok(()),
        }
    }

    /// As [`Table::scan`], going on behind records that cannot be read ([`Db::salvage`]).
    ///
    /// # Errors
    /// As for [`Db::salvage`] and [`cyrusdb::open`].
    pub fn salvage(&self, prefix: &[u8], visit: &mut cyrusdb::Visit<'_>) -> Result<()> {
        match self.db()? {
            Some(db) => db.salvage(prefix, visit),
            None => Ok(()),
        }
    }

    /// What to say of a record that cannot be parsed.
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

    /// A dump of the fixtures, in the order in which Cyrus showed it.
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

    /// A table with the records of a dump.
    pub(in super::super) fn table(dump: &str) -> Table {
        let table = Table::new("/dump", None, Options::default());
        table.db.set(Box::new(Dump(damage::records(dump)))).unwrap();
        table
    }

    #[test]
    fn a_missing_database_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let table = Table::new(dir.path().join("none"), None, Options::default());
        assert_eq!(table.get(b"x").unwrap(), None);
        table.scan(b"", &mut |_, _| panic!("nothing to visit")).unwrap();
    }
}
