//! Reads Cyrus's key-value databases under Cyrus's own locks.
//!
//! | backend | file | locked by readers |
//! |---|---|---|
//! | twoskip | append-only skip list with CRCs, rewritten in place | shared, the file itself |
//! | skiplist | its ancestor, without CRCs | shared, the file itself |
//! | twom | twoskip's successor, which only appends | shared, parts of the file |
//! | flat | sorted lines, replaced by renaming | nothing: an open file never changes |
//! | quotalegacy | a directory tree with one file for each quota root | nothing, for the same reason |
//!
//! Files are not mapped into memory, because Cyrus rewrites them in place. Instead, blocks are read
//! into owned buffers while the lock is held, and cached until the file changes, so that repeated
//! lookups read little. A handle can stay open for as long as the process runs: if Cyrus replaces
//! the file, the handle opens the new one.
//!
//! If a killed writer left a database unclean, it is not repaired, because that would be a write.
//! It is read as Cyrus's own recovery would leave it: twoskip and twom files contain the last
//! committed state; the log of a skiplist is replayed in memory.

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
