//! Message files, on disk or in memory.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek};

use crate::sys::file::regular_len;

/// The file of a message, positioned at its start: a file on disk, or bytes in memory.
#[derive(Debug)]
pub struct MessageFile {
    content: Content,
    len: u64,
}

#[derive(Debug)]
enum Content {
    Disk(File),
    Memory(Cursor<Vec<u8>>),
}

impl MessageFile {
    /// Wraps an open file.
    ///
    /// # Errors
    /// If it is not a regular file, or its size cannot be read.
    pub fn open(file: File) -> io::Result<MessageFile> {
        let len = regular_len(&file)?;
        Ok(MessageFile::of_len(file, len))
    }

    /// Wraps an open regular file of `len` bytes.
    pub(super) fn of_len(file: File, len: u64) -> MessageFile {
        MessageFile { content: Content::Disk(file), len }
    }

    /// Returns the size in bytes at the time of opening.
    pub fn byte_len(&self) -> u64 {
        self.len
    }

    /// Returns the file if it is on disk.
    pub fn as_file(&self) -> Option<&File> {
        match &self.content {
            Content::Disk(file) => Some(file),
            Content::Memory(_) => None,
        }
    }

    /// Moves the read position to the start.
    ///
    /// # Errors
    /// If the system refuses it.
    pub fn rewind(&mut self) -> io::Result<()> {
        match &mut self.content {
            Content::Disk(file) => file.rewind(),
            Content::Memory(bytes) => bytes.rewind(),
        }
    }
}

impl From<Vec<u8>> for MessageFile {
    fn from(bytes: Vec<u8>) -> MessageFile {
        let len = bytes.len() as u64;
        MessageFile { content: Content::Memory(Cursor::new(bytes)), len }
    }
}

impl Read for MessageFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.content {
            Content::Disk(file) => file.read(out),
            Content::Memory(bytes) => bytes.read(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_message_in_memory_reads_like_one_on_disk() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"content").unwrap();
        file.rewind().unwrap();
        for mut message in [MessageFile::open(file).unwrap(), b"content".to_vec().into()] {
            assert_eq!(message.byte_len(), 7);
            for _ in 0..2 {
                let mut read = String::new();
                message.read_to_string(&mut read).unwrap();
                assert_eq!(read, "content");
                message.rewind().unwrap();
            }
        }
    }

    #[test]
    fn only_a_regular_file_is_accepted_as_a_message() {
        assert!(MessageFile::open(File::open("/dev/null").unwrap()).is_err());
        assert!(MessageFile::open(File::open("/").unwrap()).is_err());
    }
}
