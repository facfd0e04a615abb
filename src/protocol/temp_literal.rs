//! A fetched message that was received into a temporary file.

use std::fs::File;
use std::io::{self, Read, Seek};

use crate::types::Guid;

/// A fetched message that is too long for memory. Its file has no name and disappears when this is
/// dropped, so no file is left behind.
#[derive(Debug)]
pub struct TempLiteral {
    file: File,
    size: u64,
    guid: Guid,
}

impl TempLiteral {
    /// Takes over a file that holds `size` bytes with this SHA-1.
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

    /// Returns a reader of its bytes, from the first on. Fails if the file cannot be rewound.
    pub fn reader(&self) -> io::Result<impl Read> {
        let mut file = &self.file;
        file.rewind()?;
        Ok(file)
    }
}
