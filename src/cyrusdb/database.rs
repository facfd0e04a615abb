//! The interface that each database backend implements.

use std::fmt;
use std::ops::ControlFlow;

use super::order::KeyOrder;
use crate::error::Result;

/// Callback of a scan. Receives key and value of each record. [`ControlFlow::Break`] ends the scan.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>> + 'a;

/// One search of a [`Db::scan_each`].
#[derive(Debug, Clone, Copy)]
pub enum Sought<'a> {
    /// The record with this key.
    Key(&'a [u8]),
    /// The records whose keys begin with this prefix.
    Prefix(&'a [u8]),
}

/// Callback of a [`Db::scan_each`]. Receives the index of the search, the key and the value.
pub type VisitEach<'a> = dyn FnMut(usize, &[u8], &[u8]) -> Result<ControlFlow<()>> + 'a;

/// An open database. It is read-only and can be used from several threads at once.
pub trait Db: Send + Sync + fmt::Debug {
    /// Returns the value of a key, or `None` if there is no such record.
    ///
    /// # Errors
    /// [`Kind::Io`](crate::Kind::Io); [`Kind::Corrupt`](crate::Kind::Corrupt) if the file is
    /// damaged. The error names the file, the offset and a tool that checks the file.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Visits all records whose keys begin with `prefix`, each once. The order is that of the
    /// database: unsigned bytes for twoskip, twom and quotalegacy; signed bytes for skiplist;
    /// Cyrus's mailbox order for flat and for databases opened with [`KeyOrder::Mailbox`].
    ///
    /// No lock is held while `visit` runs, so a writer may change the database during a scan. If a
    /// writer changes records that are not visited yet, the scan visits either the old or the new
    /// records, like `cyrusdb_foreach`.
    ///
    /// # Errors
    /// Like [`Db::get`], and the error that `visit` returns.
    fn scan(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()>;

    /// Runs several searches one after the other, each like [`Db::get`] or [`Db::scan`]. Small
    /// results all come from the same state of the database. [`ControlFlow::Break`] ends all
    /// searches.
    ///
    /// # Errors
    /// Like [`Db::scan`].
    fn scan_each(&self, sought: &[Sought<'_>], visit: &mut VisitEach<'_>) -> Result<()> {
        let mut flow = ControlFlow::Continue(());
        for (nth, sought) in sought.iter().enumerate() {
            match sought {
                Sought::Key(key) => {
                    if let Some(value) = self.get(key)? {
                        flow = visit(nth, key, &value)?;
                    }
                }
                Sought::Prefix(prefix) => self.scan(prefix, &mut |key, value| {
                    flow = visit(nth, key, value)?;
                    Ok(flow)
                })?,
            }
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Like [`Db::scan`], but skips unreadable records if the format has another path to the
    /// records after them. Records near a damaged one may be skipped too.
    ///
    /// # Errors
    /// Like [`Db::scan`]. The error of the first unreadable record is returned at the end.
    fn salvage(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.scan(prefix, visit)
    }
}

/// Settings of a database that are not stored in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// The key order of twoskip, skiplist and quotalegacy. Cyrus 3.6 and later always use
    /// [`KeyOrder::Raw`]. Earlier versions use [`KeyOrder::Mailbox`] if `improved_mboxlist_sort` is
    /// on. A twom database always has the same order.
    pub order: KeyOrder,
    /// Value of `fulldirhash` in imapd.conf. Only quotalegacy uses it.
    pub full_dir_hash: bool,
    /// Whether `virtdomains` in imapd.conf is on. Only quotalegacy uses it.
    pub virtual_domains: bool,
    /// Whether a missing or empty file is an error. Set it for databases that Cyrus creates when it
    /// starts. Otherwise such a file counts as an empty database.
    pub required: bool,
}

/// Advice for a database file that cannot be opened or read.
pub(super) const DATABASE: &str = "check configdirectory and the paths of databases in imapd.conf; \
                                   if the file is lost, stop Cyrus and restore it from a backup";
