//! Readers of Cyrus's key-value databases, under Cyrus's own locks.
//!
//! | backend | file | locked by readers |
//! |---|---|---|
//! | twoskip | append-only skip list with CRCs, rewritten in place | shared, the file itself |
//! | skiplist | its ancestor, without CRCs | shared, the file itself |
//! | twom | twoskip's successor, which only appends | shared, parts of the file |
//! | flat | sorted lines, replaced by renaming | nothing: an open file never changes |
//! | quotalegacy | a directory tree with one file for each quota root | nothing, for the same reason |
//!
//! Nothing is mapped into memory: Cyrus rewrites in place, so what is needed is read into owned
//! buffers, block by block, while the lock is held. Blocks are kept as long as the file stays the
//! same, so that looking up one mailbox after the other reads little. A handle can stay open for as
//! long as the process runs: files that Cyrus replaces are opened again.
//!
//! A database that a killed writer left behind is never repaired here, as that would be writing.
//! It is read as Cyrus will find it after its own recovery: the formats of twoskip and twom keep
//! the last committed state, of a skiplist the log is replayed in memory.

mod backend;
mod database;
mod flat;
mod input;
mod list;
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
