//! Opens, locks and reads cyrus.index.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::files::{UNREADABLE, missing};
use crate::error::{Error, Malformed, Result};
use crate::format::index::{HEADER_BYTES, Header, REPAIR};
use crate::limits::INDEX_CHUNK_BYTES;
use crate::store::traits::Records;
use crate::sys::file::{open_unchecked, regular_len};
use crate::sys::lock::{self, LockGuard, Mode, Wait};
use crate::types::Record;

const OP: &str = "read cyrus.index";

/// An open and locked cyrus.index. Dropping it first releases the lock of the file, then the locks
/// of the namespace.
pub(super) struct Index {
    file: Locked,
    path: PathBuf,
    header: Header,
    chunk: Vec<u8>,
    _namespaces: Vec<LockGuard>,
}

struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing the file is not enough: while a child process is being started, the child has a
        // copy of the descriptor until it calls exec.
        lock::release(&self.0);
    }
}

impl Index {
    /// Opens and locks the file. The caller must hold the lock of the mailbox's name, so that no
    /// process replaces the file.
    pub(super) fn open(path: &Path, namespaces: Vec<LockGuard>, wait: Wait) -> Result<Index> {
        let opened = open_unchecked(File::options().read(true), path);
        let file = opened.map_err(|error| missing(OP, path, error))?;
        lock::acquire(&file, path, Mode::Shared, wait)?;
        let file = Locked(file);
        let size =
            regular_len(&file.0).map_err(|error| Error::io(OP, path, error).or_hint(UNREADABLE))?;
        let mut head = [0; HEADER_BYTES];
        let len = read_up_to(&file.0, &mut head, 0)
            .map_err(|error| Error::io(OP, path, error).or_hint(UNREADABLE))?;
        let head = head.get(..len).unwrap_or_default();
        let header = Header::parse(head, size).map_err(|refused| refused.in_file(path))?;
        let (path, chunk) = (path.to_owned(), Vec::new());
        Ok(Index { file, path, header, chunk, _namespaces: namespaces })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Implements [`Mailbox::scan`](crate::store::Mailbox::scan). Fails if UIDs are not ascending
    /// or a record has no UID. Cyrus skips records without a UID (`mailbox_iter_step`).
    pub(super) fn scan(
        &mut self,
        records: Records,
        visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let stride = self.header.record_size as usize;
        let mut n = self.first_of(records)?;
        let mut last = 0;
        // Reuse the buffer of the last scan.
        let mut chunk = std::mem::take(&mut self.chunk);
        while n < self.header.num_records {
            let left = (self.header.num_records - n) as usize;
            let count = left.min((INDEX_CHUNK_BYTES / stride).max(1));
            chunk.resize(count * stride, 0);
            self.read(&mut chunk, n)?;
            for bytes in chunk.chunks_exact(stride) {
                let record = self.header.record(bytes).map_err(|error| self.corrupt(n, error))?;
                n += 1;
                if record.uid == 0 {
                    return Err(self.corrupt(n - 1, no_uid()));
                }
                if record.uid <= last {
                    let what = format!("UID {} follows UID {last}", record.uid);
                    return Err(self.corrupt(n - 1, Malformed::new(0u64, what)));
                }
                last = record.uid;
                if records.contain(record.uid) && visit(&record)?.is_break() {
                    self.chunk = chunk;
                    return Ok(());
                }
            }
        }
        self.chunk = chunk;
        Ok(())
    }

    /// Finds the index of the first selected record by binary search (`mailbox_finduid`).
    fn first_of(&self, records: Records) -> Result<u32> {
        let (mut low, mut high) = (0, self.header.num_records);
        while records != Records::All && low < high {
            let middle = low + (high - low) / 2;
            let mut uid = [0; 4];
            self.read(&mut uid, middle)?;
            match self.header.uid(&uid) {
                // Without a UID, the binary search cannot decide where to continue.
                0 => return Err(self.corrupt(middle, no_uid())),
                uid if records.contain(uid) => high = middle,
                _ => low = middle + 1,
            }
        }
        Ok(low)
    }

    fn read(&self, buffer: &mut [u8], n: u32) -> Result<()> {
        let read = self.file.0.read_exact_at(buffer, self.header.offset_of(n));
        read.map_err(|error| Error::io(OP, &self.path, error).or_hint(UNREADABLE))
    }

    fn corrupt(&self, n: u32, error: Malformed) -> Error {
        let offset = self.header.offset_of(n).saturating_add(error.offset);
        Malformed { offset, ..error }.in_file(OP, &self.path, REPAIR)
    }
}

fn no_uid() -> Malformed {
    Malformed::new(0u64, "a record has no UID")
}

fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = buffer.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + len as u64) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}
