//! What each backend does.

use std::fmt;
use std::ops::ControlFlow;

use super::order::KeyOrder;
use crate::error::Result;

/// Receives keys and values of a scan; [`ControlFlow::Break`] ends it.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>> + 'a;

/// What is sought in a database.
#[derive(Debug, Clone, Copy)]
pub enum Sought<'a> {
    /// The record with this key.
    Key(&'a [u8]),
    /// The records whose keys begin like this.
    Prefix(&'a [u8]),
}

/// Receives, with keys and values, for which of several things that were sought they are.
pub type VisitEach<'a> = dyn FnMut(usize, &[u8], &[u8]) -> Result<ControlFlow<()>> + 'a;

/// An open database. Never written to; may be used from several threads at once.
pub trait Db: Send + Sync + fmt::Debug {
    /// The value of a key; `None` if there is none.
    ///
    /// # Errors
    /// [`Kind::Io`](crate::Kind::Io); [`Kind::Corrupt`](crate::Kind::Corrupt) naming the file, the
    /// offset and what checks it.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Visits all records whose keys begin with `prefix`, each key once, in the database's own
    /// order: unsigned bytes for twoskip, twom and quotalegacy, signed ones for skiplist, Cyrus's
    /// mailbox order for flat and for databases opened with [`KeyOrder::Mailbox`].
    ///
    /// No lock is held while `visit` runs. A writer may thus change the database in the middle
    /// of a scan: what it does beyond the key visited last is seen or not, as with
    /// `cyrusdb_foreach`.
    ///
    /// # Errors
    /// As for [`Db::get`], and whatever `visit` returns.
    fn scan(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()>;

    /// Visits one thing after the other, as [`Db::get`] and [`Db::scan`] would find it. As long as
    /// that is not much, all is of one state of the database; [`ControlFlow::Break`] ends it.
    ///
    /// # Errors
    /// As for [`Db::scan`].
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

    /// As [`Db::scan`], but where a record cannot be read it goes on behind it, as far as the
    /// format has other ways to get there. Records close to the damaged one may be missed.
    ///
    /// # Errors
    /// As [`Db::scan`]; the first record that could not be read is told at the end.
    fn salvage(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.scan(prefix, visit)
    }
}

/// What a database's bytes do not tell about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// How twoskip, skiplist and quotalegacy are sorted. Cyrus 3.6 and later pass nothing but
    /// [`KeyOrder::Raw`], earlier ones [`KeyOrder::Mailbox`] where `improved_mboxlist_sort` is on.
    /// twom knows one order only.
    pub order: KeyOrder,
    /// quotalegacy alone: `fulldirhash` of imapd.conf.
    pub full_dir_hash: bool,
    /// quotalegacy alone: whether `virtdomains` of imapd.conf is on.
    pub virtual_domains: bool,
    /// Whether the file must be there and hold something, as those must that Cyrus makes at its
    /// start: that it is not is damage, not a database without records.
    pub required: bool,
}

/// What to do about a database that the system does not give.
pub(super) const DATABASE: &str = "check configdirectory and the paths of databases in imapd.conf; where a file \
                        that Cyrus needs is lost, stop Cyrus and restore it from a backup";
