//! What a reader locks of a database's file.

use std::fs::File;
use std::path::Path;

use crate::error::Result;
use crate::sys::lock::{self, Mode, Part, Wait};

/// How a reader locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locking {
    /// The whole file, as Cyrus reads twoskip and skiplist (`mappedfile_readlock` of
    /// `lib/mappedfile.c`, `read_lock` of `lib/cyrusdb_skiplist.c`).
    Whole,
    /// Two parts of it (`read_lock` of `lib/twom.c`): the magic, held only while waiting, so that
    /// a writer that waits keeps later readers from overtaking it; then the start record, held
    /// while reading. The process that repacks the file holds another part all the time, and
    /// must not be waited for.
    Twom,
}

/// `HEADER_MAGIC_SIZE` of `lib/twom.c`.
const GATE: Part = Part { start: 0, len: 16 };
/// `DUMMY_OFFSET` and `DUMMY_SIZE` of `lib/twom.c`.
const DATA: Part = Part { start: 96, len: 272 };

impl Locking {
    /// Locks an open file for reading, waiting for writers; [`lock::release`] ends it.
    ///
    /// # Errors
    /// As for [`lock::acquire`]; nothing is locked then.
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
