//! A fetched message in a temporary file.

use std::fs::File;
use std::io::{self, Read, Seek};

use crate::types::Guid;

/// A fetched message that is too long for memory. The file has no name, so it disappears when this
/// value is dropped.
#[derive(Debug)]
pub struct TempLiteral {
    file: File,
    size: u64,
    guid: Guid,
}

impl TempLiteral {
    /// Makes the value from a file that holds `size` bytes with this SHA-1.
    pub fn new(file: File, size: u64, guid: Guid) -> TempLiteral {
        TempLiteral { file, size, guid }
    }

    /// Returns its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the SHA-1 of its bytes.
    pub fn guid(&self) -> Guid {
        self.guid
    }

    /// Returns a reader for the bytes, starting at the first one. Fails if the system cannot seek
    /// in the file.
    pub fn reader(&self) -> io::Result<impl Read> {
        let mut file = &self.file;
        file.rewind()?;
        Ok(file)
    }
}
