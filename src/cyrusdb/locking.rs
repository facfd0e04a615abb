//! Locks a database file for reading.

use std::fs::File;
use std::path::Path;

use crate::error::Result;
use crate::sys::lock::{self, Mode, Part, Wait};

/// The locks that a reader takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locking {
    /// A lock on the whole file, as Cyrus reads twoskip and skiplist (`mappedfile_readlock` in
    /// `lib/mappedfile.c`, `read_lock` in `lib/cyrusdb_skiplist.c`).
    Whole,
    /// Locks on two ranges of the file (`read_lock` in `lib/twom.c`). The first, on the magic, is
    /// held only while waiting: it keeps later readers from overtaking a waiting writer. The
    /// second, on the start record, is held while reading. A process that repacks the file holds a
    /// third range all the time, for which readers must not wait.
    Twom,
}

/// `HEADER_MAGIC_SIZE` of `lib/twom.c`.
const GATE: Part = Part { start: 0, len: 16 };
/// `DUMMY_OFFSET` and `DUMMY_SIZE` of `lib/twom.c`.
const DATA: Part = Part { start: 96, len: 272 };

impl Locking {
    /// Locks an open file for reading and waits for writers. [`lock::release`] unlocks it.
    ///
    /// # Errors
    /// Like [`lock::acquire`]. Nothing is locked then.
    pub(super) fn acquire(self, file: &File, path: &Path) -> Result<()> {
        match self {
            Locking::Whole => lock::acquire(file, path, Mode::Shared, Wait::Block),
            Locking::Twom => {
                lock::acquire_part(file, path, GATE, Mode::Shared, Wait::Block)?;
                let locked = lock::acquire_part(file, path, DATA, Mode::Shared, Wait::Block);
                lock::release_part(file, GATE);
                locked
            }
        }
    }
}
