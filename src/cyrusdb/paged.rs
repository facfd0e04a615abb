//! Random access to a locked file, by blocks that are kept as long as the file stays the same.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::database::DATABASE;
use crate::error::{Error, Malformed, Result};
use crate::limits::DB_CACHE_BYTES;
use crate::sys::file::open_regular;
use crate::sys::lock::Wait;
use crate::sys::lock::{self, Mode};

const BLOCK: usize = 4096;
const BLOCK_U64: u64 = BLOCK as u64;
/// Slots of the cache that a block may be in.
const WAYS: usize = 4;
/// Bytes at the beginning of a file that tell its state: a twoskip header.
const HEAD: usize = 64;
/// Reads of at least this length go around the cache.
const DIRECT: usize = 4 * BLOCK;

/// A file that is read under its own shared lock, as Cyrus reads twoskip and skiplist
/// (`mappedfile_readlock` of `lib/mappedfile.c`, `read_lock` of `lib/cyrusdb_skiplist.c`).
///
/// Each thread that reads at the same time has its own open file, since a lock belongs to one.
#[derive(Debug)]
pub(super) struct Paged {
    path: PathBuf,
    op: &'static str,
    hint: &'static str,
    idle: Mutex<Vec<Handle>>,
}

#[derive(Debug)]
struct Handle {
    file: File,
    /// What the cached blocks are of.
    state: Option<State>,
    slots: Vec<Slot>,
}

/// Two files of the same state hold the same records. A commit never leaves it as it was: in
/// twoskip the header has the committed size, a skiplist grows, and either is repacked into a new
/// file. Time is for the rest: a skiplist that was cut back and has grown to the same size again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    head: [u8; HEAD],
}

/// One block of the cache; `number` is the block's place in the file.
#[derive(Debug, Default)]
struct Slot {
    number: Option<u64>,
    bytes: Vec<u8>,
}

impl Paged {
    /// Opens the file; `op` and `hint` are for errors about its contents.
    pub(super) fn open(path: &Path, op: &'static str, hint: &'static str) -> Result<Paged> {
        let file = open(path)?;
        let idle = Mutex::new(vec![Handle { file, state: None, slots: Vec::new() }]);
        Ok(Paged { path: path.to_owned(), op, hint, idle })
    }

    /// Locks the file that has the name now, waiting for writers.
    pub(super) fn lock(&self) -> Result<View<'_>> {
        let idle = self.idle.lock().pop();
        let mut handle = match idle {
            Some(handle) => handle,
            None => Handle { file: open(&self.path)?, state: None, slots: Vec::new() },
        };
        lock::acquire_current(&mut handle.file, &self.path, Mode::Shared, Wait::Block)?;
        // From here on dropping the view unlocks.
        let mut view = View { paged: self, handle: Some(handle), size: 0 };
        view.look()?;
        Ok(view)
    }
}

/// The locked file.
#[derive(Debug)]
pub(super) struct View<'p> {
    paged: &'p Paged,
    handle: Option<Handle>,
    size: u64,
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            lock::release(&handle.file);
            self.paged.idle.lock().push(handle);
        }
    }
}

impl View<'_> {
    /// Length of the file in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Fills `out` from `offset` on; an error if the file ends before.
    pub(super) fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<()> {
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > self.size) {
            return Err(self.malformed(offset, "points past the end of the file"));
        }
        if out.len() >= DIRECT {
            return self.file()?.read_exact_at(out, offset).map_err(|error| self.io(error));
        }
        let mut offset = offset;
        let mut rest = out;
        while !rest.is_empty() {
            let block = self.block(offset / BLOCK_U64)?;
            let within = block.get((offset % BLOCK_U64) as usize..).unwrap_or_default();
            let n = within.len().min(rest.len());
            let (now, later) = rest.split_at_mut(n);
            now.copy_from_slice(within.get(..n).unwrap_or_default());
            if n == 0 {
                // Cannot be under the lock, but a file on a network may shrink all the same.
                return Err(self.malformed(offset, "the file became shorter while it was locked"));
            }
            offset = offset.saturating_add(n as u64);
            rest = later;
        }
        Ok(())
    }

    /// A fresh buffer with `len` bytes from `offset` on. Checked against the file's size before
    /// it is allocated.
    pub(super) fn bytes(&mut self, offset: u64, len: u64) -> Result<Vec<u8>> {
        let past = || self.malformed(offset, "is longer than what is left of the file");
        if offset.checked_add(len).is_none_or(|end| end > self.size) {
            return Err(past());
        }
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| past())?];
        self.read(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// A complaint about the contents at `offset`.
    pub(super) fn malformed(&self, offset: u64, what: impl Into<String>) -> Error {
        self.wrap(Malformed::new(offset, what.into()))
    }

    /// A complaint that the file is another one than was expected.
    pub(super) fn foreign(&self, what: &'static str, hint: &'static str) -> Error {
        Malformed::new(0, what).in_file(self.paged.op, &self.paged.path, hint)
    }

    /// A parser's complaint, with the file it is about.
    pub(super) fn wrap(&self, malformed: Malformed) -> Error {
        malformed.in_file(self.paged.op, &self.paged.path, self.paged.hint)
    }

    fn io(&self, error: io::Error) -> Error {
        Error::io(self.paged.op, &self.paged.path, error).or_hint(DATABASE)
    }

    fn file(&self) -> Result<&File> {
        // Taken in `drop` alone.
        self.handle.as_ref().map(|handle| &handle.file).ok_or_else(|| self.io(closed()))
    }

    /// What the file is like; the same as long as nobody changes it.
    pub(super) fn state(&self) -> Option<State> {
        self.handle.as_ref().and_then(|handle| handle.state)
    }

    /// Sees whether the file is as it was when it was locked before; if not, drops all cached
    /// blocks and sizes the cache for the file.
    fn look(&mut self) -> Result<()> {
        let file = self.file()?;
        let metadata = file.metadata().map_err(|error| self.io(error))?;
        let mut head = [0; HEAD];
        let (start, _) =
            head.split_at_mut(usize::try_from(metadata.len()).unwrap_or(HEAD).min(HEAD));
        file.read_exact_at(start, 0).map_err(|error| self.io(error))?;
        let state = State {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            head,
        };
        self.size = state.size;
        let Some(handle) = &mut self.handle else { return Ok(()) };
        if handle.state == Some(state) {
            return Ok(());
        }
        handle.state = Some(state);
        let blocks = state.size.div_ceil(BLOCK_U64).min((DB_CACHE_BYTES / BLOCK) as u64);
        for slot in &mut handle.slots {
            slot.number = None;
        }
        let slots = (blocks as usize).next_power_of_two().max(WAYS);
        handle.slots.resize_with(slots, Slot::default);
        Ok(())
    }

    fn block(&mut self, number: u64) -> Result<&[u8]> {
        let paged = self.paged;
        let io = |error| Error::io(paged.op, &paged.path, error).or_hint(DATABASE);
        let handle = self.handle.as_mut().ok_or_else(|| io(closed()))?;
        // Any of a few slots, the one used last in front: searches go the same ways again.
        let sets = (handle.slots.len() / WAYS).max(1) as u64;
        let mut all = handle.slots.chunks_mut(WAYS);
        let set = all.nth((number % sets) as usize).ok_or_else(|| io(closed()))?;
        let place = set.iter().position(|slot| slot.number == Some(number));
        let upto = place.map_or(set.len(), |place| place + 1);
        set.get_mut(..upto).unwrap_or_default().rotate_right(1);
        let slot = set.first_mut().ok_or_else(|| io(closed()))?;
        if slot.number != Some(number) {
            slot.number = None;
            let start = number.saturating_mul(BLOCK_U64);
            let len = self.size.saturating_sub(start).min(BLOCK_U64) as usize;
            slot.bytes.resize(len, 0);
            handle.file.read_exact_at(&mut slot.bytes, start).map_err(io)?;
            slot.number = Some(number);
        }
        Ok(&slot.bytes)
    }
}

fn open(path: &Path) -> Result<File> {
    match open_regular(path) {
        Ok((file, _)) => Ok(file),
        Err(error) => Err(Error::io("open database", path, error).or_hint(DATABASE)),
    }
}

fn closed() -> io::Error {
    io::Error::other("the database is not open")
}
