//! Reads Cyrus's key-value databases under the same locks as Cyrus.
//!
//! | backend | file | lock taken by readers |
//! |---|---|---|
//! | twoskip | append-only skip list with CRCs; pointers are overwritten | shared, on the file |
//! | skiplist | predecessor of twoskip, without CRCs | shared, on the file |
//! | twom | successor of twoskip, which only appends | shared, on parts of the file |
//! | flat | sorted lines, replaced by renaming | none: an open file never changes |
//! | quotalegacy | a directory tree with one file for each quota root | none, for the same reason |
//!
//! Files are not mapped into memory, because Cyrus rewrites them in place. Instead, blocks are read
//! into owned buffers while the lock is held, and cached until the file changes, so that repeated
//! lookups read little. A handle can stay open for as long as the process runs: if Cyrus replaces
//! the file, the handle opens the new one.
//!
//! If a killed writer left a database in the middle of a transaction, this module does not repair
//! the file. It reads the records that Cyrus's own recovery would keep: twoskip and twom files
//! still contain the last committed state; the log of a skiplist is replayed in memory.

mod backend;
mod database;
mod flat;
mod input;
mod list;
#[cfg(test)]
mod live_tests;
mod locking;
mod open;
mod order;
mod paged;
mod quotalegacy;
mod replay;
mod skiplist;
mod skiplist_records;
#[cfg(test)]
mod tests;
mod twom;
mod twoskip;

pub use backend::Backend;
pub use database::{Db, Options, Sought, Visit, VisitEach};
pub use open::{open, open_whole};
pub use order::KeyOrder;
