//! Writes long messages of replies to files while they arrive, so that they do not have to fit into
//! memory. The files have no name, so they disappear when they are closed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use crate::error::{Error, Kind, Result, reason};
use crate::protocol::TempLiteral;
use crate::protocol::command::FetchPlace;
use crate::sys;
use crate::types::Guid;

/// Where to store a long message: the size that is expected, and the directory.
#[derive(Debug)]
pub(super) struct Place {
    pub size: u64,
    pub dir: PathBuf,
}

impl From<FetchPlace<'_>> for Place {
    fn from(place: FetchPlace<'_>) -> Place {
        Place { size: place.size, dir: place.temp_path.to_owned() }
    }
}

/// A message that is being written to a file.
pub(super) struct SpoolFile {
    dir: PathBuf,
    file: Result<File>,
    hash: Sha1,
    size: u64,
    left: u64,
}

impl SpoolFile {
    /// Starts a file for `size` bytes. An error is returned by [`SpoolFile::end`], so that the rest
    /// of the reply can still be read.
    pub fn begin(place: Place, size: u64) -> SpoolFile {
        let Place { size: wanted, dir } = place;
        let file = if size == wanted {
            sys::file::temporary(&dir).map_err(|error| cannot("create", &dir, error))
        } else {
            Err(other_size(size, wanted))
        };
        SpoolFile { dir, file, hash: Sha1::new(), size, left: size }
    }

    /// Returns how many bytes have not arrived yet.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Takes as many of these bytes as belong to the message. Returns their number.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        let count = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let bytes = bytes.get(..count).unwrap_or_default();
        if let Ok(file) = &mut self.file {
            self.hash.update(bytes);
            if let Err(error) = file.write_all(bytes) {
                // Close the file, so that its disk space is free at once.
                self.file = Err(cannot("write", &self.dir, error));
            }
        }
        self.left -= count as u64;
        count
    }

    /// Returns the complete message.
    ///
    /// # Errors
    /// [`Kind::Corrupt`] if its size differs from the size in the replica's record; [`Kind::Io`] if
    /// it cannot be stored.
    pub fn end(self) -> Result<TempLiteral> {
        let SpoolFile { file, hash, size, .. } = self;
        Ok(TempLiteral::new(file?, size, Guid(hash.finalize().into())))
    }
}

fn other_size(size: u64, wanted: u64) -> Error {
    let detail = format!("the replica sent {size} bytes, but its record says {wanted}");
    Error::new(Kind::Corrupt, "fetch message from", "the replica", detail)
        .with_hint("run reconstruct on the mailbox on the replica")
}

fn cannot(what: &str, dir: &Path, error: io::Error) -> Error {
    let detail =
        format!("cannot {what} a temporary file for a fetched message: {}", reason(&error));
    Error::new(Kind::Io, "store message in", dir, detail)
        .with_hint("check permissions and free space there, or set temp_path to another directory")
        .with_source(error)
}

/// Replaces the size of the literal that `start` announces at its end (`{123}`) by zero.
pub(super) fn without_literal(mut start: Vec<u8>) -> Vec<u8> {
    while start.pop_if(|byte| matches!(byte, b'\r' | b'\n' | b'}' | b'+')).is_some() {}
    while start.pop_if(|byte| byte.is_ascii_digit()).is_some() {}
    start.extend_from_slice(b"0}\r\n");
    start
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::protocol::Item;

    fn place(size: u64, dir: &Path) -> Place {
        Place { size, dir: dir.to_owned() }
    }

    #[test]
    fn the_file_contains_exactly_the_literal() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool_file = SpoolFile::begin(place(5, dir.path()), 5);
        assert_eq!(spool_file.take(b"ab"), 2);
        assert_eq!(spool_file.take(b"cde\r\nOK\r\n"), 3);
        assert_eq!((spool_file.left(), spool_file.take(b"x")), (0, 0));
        let fetched = spool_file.end().unwrap();
        assert_eq!(fetched.size(), 5);
        assert_eq!(fetched.guid().0[..], Sha1::digest(b"abcde")[..]);
        for _ in 0..2 {
            let mut text = String::new();
            fetched.reader().unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "abcde");
        }
    }

    #[test]
    fn a_literal_that_cannot_be_stored_is_skipped_and_reported() {
        let dir = tempfile::tempdir().unwrap();
        for (dir, size, kind, words) in [
            (dir.path(), 4, Kind::Corrupt, "4 bytes, but its record says 5"),
            (&dir.path().join("missing"), 5, Kind::Io, "cannot create"),
        ] {
            let mut spool_file = SpoolFile::begin(place(5, dir), size);
            assert_eq!(spool_file.take(b"abcdefgh") as u64, size);
            let error = spool_file.end().unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().contains(words), "{error}");
            assert!(!error.is_connection());
        }
    }

    #[test]
    fn a_full_disk_is_reported_and_the_literal_is_skipped() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let place = place(5, Path::new("/scratch"));
        let mut spool_file = SpoolFile { file: Ok(full), ..SpoolFile::begin(place, 5) };
        assert_eq!(
            (spool_file.take(b"abc"), spool_file.take(b"defg"), spool_file.left()),
            (3, 2, 0)
        );
        let error = spool_file.end().unwrap_err();
        assert_eq!(error.kind(), Kind::Io);
        assert_eq!(*error.subject(), "/scratch");
        assert!(error.to_string().contains("No space left"), "{error}");
        assert!(error.hint().contains("temp_path"), "{error}");
    }

    #[test]
    fn a_line_without_its_literal_can_be_read() {
        for start in [&b"MESSAGE %{p 00ff 123}\r\n"[..], b"MESSAGE {123+}\n"] {
            let line = [&without_literal(start.to_vec())[..], b"\r\n"].concat();
            assert!(Item::new(line).is_ok());
        }
    }
}
