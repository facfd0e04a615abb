//! Locks a database file for reading.

use std::fs::File;
use std::path::Path;

use crate::error::Result;
use crate::sys::lock::{self, Mode, Part, Wait};

/// The kind of locks that a reader takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locking {
    /// A lock on the whole file, as Cyrus reads twoskip and skiplist (`mappedfile_readlock` in
    /// `lib/mappedfile.c`, `read_lock` in `lib/cyrusdb_skiplist.c`).
    Whole,
    /// Locks on two byte ranges of the file (`read_lock` in `lib/twom.c`). The range of the magic
    /// is locked only until the second lock is obtained, so that a later reader cannot overtake a
    /// waiting writer. The range of the start record is locked while the file is read. A process
    /// that repacks the file holds a third range, for which readers need not wait.
    Twom,
}

/// The range of the magic (`HEADER_MAGIC_SIZE` of `lib/twom.c`).
const GATE: Part = Part { start: 0, len: 16 };
/// The range of the start record (`DUMMY_OFFSET` and `DUMMY_SIZE` of `lib/twom.c`).
const DATA: Part = Part { start: 96, len: 272 };

impl Locking {
    /// Locks an open file for reading. Waits until no writer holds the lock. [`lock::release`]
    /// unlocks the file.
    ///
    /// # Errors
    /// Like [`lock::acquire`]. On failure no lock is held.
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
