//! Reads a file in blocks at any offset, under a lock. Blocks are cached until the file changes.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::database::DATABASE;
use super::locking::Locking;
use crate::error::{Error, Malformed, Result};
use crate::limits::DB_CACHE_BYTES;
use crate::sys::file::{open_unchecked, regular};
use crate::sys::lock;

const BLOCK: usize = 4096;
const BLOCK_U64: u64 = BLOCK as u64;
/// Number of cache slots that can hold a given block.
const WAYS: usize = 4;
/// Number of bytes at the start of a file that identify its state. They cover the header of a
/// twoskip file, and the header of a twom file up to the number of commits.
const HEAD: usize = 64;
/// Reads of at least this length bypass the cache.
const DIRECT: usize = 4 * BLOCK;

/// A file that is read under a shared lock.
///
/// Each reading thread uses its own open file, because a lock belongs to an open file.
#[derive(Debug)]
pub(super) struct Paged {
    path: PathBuf,
    locking: Locking,
    op: &'static str,
    hint: &'static str,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Open files that no thread is using.
    Files(Mutex<Vec<Handle>>),
    /// The complete content of a file at some moment.
    Memory(Vec<u8>),
}

#[derive(Debug)]
struct Handle {
    file: File,
    /// Device and inode of the file.
    identity: (u64, u64),
    /// The state of the file when its blocks were cached. `None` if nothing is cached.
    state: Option<State>,
    slots: Vec<Slot>,
}

/// Identifies the records of a file: while the state is the same, the records are the same. Every
/// commit changes the state: it changes the committed size in a twoskip header or the number of
/// commits in a twom header, or a skiplist grows. Repacking creates a new file. The modification
/// time is needed for a skiplist that was truncated and has grown to the same size again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    head: [u8; HEAD],
}

/// The source from which a database is read.
#[derive(Debug)]
pub(super) enum Opened {
    /// A regular file and its metadata.
    File(File, Metadata),
    /// The content of a file, read while no writer was active.
    Memory(Vec<u8>),
}

/// One block of the cache. `number` is the index of the block in the file.
#[derive(Debug, Default)]
struct Slot {
    number: Option<u64>,
    bytes: Vec<u8>,
}

impl Paged {
    /// Creates a reader of an open file. `op` and `hint` become part of errors about its contents.
    pub(super) fn new(
        opened: Opened,
        path: &Path,
        locking: Locking,
        op: &'static str,
        hint: &'static str,
    ) -> Paged {
        let content = match opened {
            Opened::File(file, found) => {
                Content::Files(Mutex::new(vec![Handle::new(file, &found)]))
            }
            Opened::Memory(bytes) => Content::Memory(bytes),
        };
        Paged { path: path.to_owned(), locking, op, hint, content }
    }

    fn handle(&self) -> Result<Option<Handle>> {
        let Content::Files(idle) = &self.content else { return Ok(None) };
        if let Some(handle) = idle.lock().pop() {
            return Ok(Some(handle));
        }
        let opened = open_unchecked(File::options().read(true), &self.path)
            .and_then(|file| regular(&file).map(|found| Handle::new(file, &found)));
        let error = |error| Error::io("open database", &self.path, error).or_hint(DATABASE);
        opened.map(Some).map_err(error)
    }

    /// Locks the file that has the path at this moment. Waits for writers, and clears the cache.
    pub(super) fn lock_uncached(&self) -> Result<View<'_>> {
        let mut handle = self.handle()?;
        if let Some(handle) = &mut handle {
            handle.state = None;
        }
        self.locked(handle)
    }

    fn locked(&self, handle: Option<Handle>) -> Result<View<'_>> {
        let size = match &self.content {
            Content::Files(_) => 0,
            Content::Memory(bytes) => bytes.len() as u64,
        };
        let mut view = View { paged: self, handle, size, lock: Lock::None, used_cache: false };
        view.lock()?;
        Ok(view)
    }

    /// Returns a view of the file. If the file has not changed since its blocks were cached, the
    /// view reads from the cache without a lock. When it needs another block, it takes the lock. If
    /// the file has changed by then, the view becomes [stale](View::is_stale).
    pub(super) fn view(&self) -> Result<View<'_>> {
        let mut handle = self.handle()?;
        // If the file is larger than the cache, skip this check: a read almost always needs the
        // lock anyway.
        let cached = handle.as_ref().and_then(|handle| handle.state);
        let cached = cached.filter(|state| state.size <= DB_CACHE_BYTES as u64);
        if let (Some(handle), Some(cached)) = (&mut handle, cached) {
            let now = std::fs::metadata(&self.path).and_then(|named| handle.look(&named));
            if !now.is_ok_and(|now| now == cached) {
                handle.state = None;
            }
        }
        match (handle, cached) {
            (Some(handle), Some(State { size, .. })) if handle.state.is_some() => {
                let (handle, lock) = (Some(handle), Lock::None);
                Ok(View { paged: self, handle, size, lock, used_cache: true })
            }
            (handle, _) => self.locked(handle),
        }
    }
}

impl Handle {
    fn new(file: File, found: &Metadata) -> Handle {
        let identity = (found.dev(), found.ino());
        Handle { file, identity, state: None, slots: Vec::new() }
    }

    /// Returns the state of the file. `named` is the metadata of the file that has the path.
    fn look(&mut self, named: &Metadata) -> io::Result<State> {
        let mut head = [0; HEAD];
        let size = named.len();
        let (start, _) = head.split_at_mut(usize::try_from(size).unwrap_or(HEAD).min(HEAD));
        self.file.read_exact_at(start, 0)?;
        let modified = (named.mtime(), named.mtime_nsec());
        Ok(State { device: named.dev(), inode: named.ino(), size, modified, head })
    }

    /// Sets the state. If it is another one, clears the cache and adapts its size to the file.
    fn set_state(&mut self, state: State) {
        if self.state == Some(state) {
            return;
        }
        self.state = Some(state);
        for slot in &mut self.slots {
            slot.number = None;
        }
        let blocks = state.size.div_ceil(BLOCK_U64).min((DB_CACHE_BYTES / BLOCK) as u64);
        let slots = (blocks as usize).next_power_of_two().max(WAYS);
        self.slots.resize_with(slots, Slot::default);
    }

    /// Returns the cache slots that can hold a block.
    fn ways(&mut self, number: u64) -> &mut [Slot] {
        let sets = (self.slots.len() / WAYS).max(1) as u64;
        self.slots.chunks_mut(WAYS).nth((number % sets) as usize).unwrap_or_default()
    }

    /// Returns a block if it is cached. Moves it to the front of its slots.
    fn cached(&mut self, number: u64) -> Option<&[u8]> {
        let ways = self.ways(number);
        let place = ways.iter().position(|slot| slot.number == Some(number))?;
        // Searches often read the same blocks again, so keep this block the longest.
        ways.get_mut(..=place)?.rotate_right(1);
        ways.first().map(|slot| slot.bytes.as_slice())
    }

    /// Reads a block into the least recently used of its slots.
    fn read(&mut self, number: u64, len: usize) -> io::Result<()> {
        let start = number.saturating_mul(BLOCK_U64);
        let oldest = self.ways(number).last_mut().ok_or_else(closed)?;
        let mut slot = std::mem::take(oldest);
        slot.bytes.resize(len, 0);
        self.file.read_exact_at(&mut slot.bytes, start)?;
        slot.number = Some(number);
        if let Some(oldest) = self.ways(number).last_mut() {
            *oldest = slot;
        }
        Ok(())
    }
}

/// Whether a view holds the lock of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
    /// Not locked: only cached blocks are read.
    None,
    /// Locked, and the file is in the state of the cache.
    Held,
    /// Locked, but the file has changed since the view was created.
    Stale,
}

/// A consistent view of a file: all reads return data of the same state of the file.
#[derive(Debug)]
pub(super) struct View<'p> {
    paged: &'p Paged,
    handle: Option<Handle>,
    size: u64,
    lock: Lock,
    /// Whether blocks from earlier views may have been used.
    used_cache: bool,
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            if self.lock != Lock::None {
                lock::release(&handle.file);
            }
            if let Content::Files(idle) = &self.paged.content {
                idle.lock().push(handle);
            }
        }
    }
}

impl View<'_> {
    /// Returns the length of the file in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Fills `out` with bytes from `offset` on. Fails if the file ends before `out` is full.
    pub(super) fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<()> {
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > self.size) {
            return Err(self.malformed(offset, "points past the end of the file"));
        }
        if let Content::Memory(bytes) = &self.paged.content {
            let bytes = usize::try_from(offset).ok().and_then(|from| bytes.get(from..));
            let bytes = bytes.and_then(|bytes| bytes.get(..out.len()));
            out.copy_from_slice(bytes.ok_or_else(|| self.io(closed()))?);
            return Ok(());
        }
        if out.len() >= DIRECT {
            self.need_lock()?;
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
                // This cannot happen while the lock is held, except on a network file system, where
                // the file may still shrink.
                return Err(self.malformed(offset, "the file became shorter while it was locked"));
            }
            offset = offset.saturating_add(n as u64);
            rest = later;
        }
        Ok(())
    }

    /// Returns `len` bytes from `offset` on. Checks `len` against the size of the file before it
    /// allocates memory.
    pub(super) fn bytes(&mut self, offset: u64, len: u64) -> Result<Vec<u8>> {
        let past = || self.malformed(offset, "is longer than what is left of the file");
        if offset.checked_add(len).is_none_or(|end| end > self.size) {
            return Err(past());
        }
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| past())?];
        self.read(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// Makes the error for damage at `offset`.
    pub(super) fn malformed(&self, offset: u64, what: impl Into<String>) -> Error {
        self.wrap(Malformed::new(offset, what.into()))
    }

    /// Makes the error for a file of an unexpected format.
    pub(super) fn foreign(&self, what: &'static str, hint: &'static str) -> Error {
        Malformed::new(0, what).in_file(self.paged.op, &self.paged.path, hint)
    }

    /// Converts a parser's error to one that names the file.
    pub(super) fn wrap(&self, malformed: Malformed) -> Error {
        malformed.in_file(self.paged.op, &self.paged.path, self.paged.hint)
    }

    fn io(&self, error: io::Error) -> Error {
        Error::io(self.paged.op, &self.paged.path, error).or_hint(DATABASE)
    }

    fn file(&self) -> Result<&File> {
        // `None` is possible only in `drop`, which takes the handle out.
        self.handle.as_ref().map(|handle| &handle.file).ok_or_else(|| self.io(closed()))
    }

    /// Returns the state of the file. Two equal states mean that the file has not changed.
    pub(super) fn state(&self) -> Option<State> {
        self.handle.as_ref().and_then(|handle| handle.state)
    }

    /// Returns whether the file has changed since the view was created. Then the caller must read
    /// again with a new view.
    pub(super) fn is_stale(&self) -> bool {
        self.lock == Lock::Stale
    }

    /// Returns whether blocks from earlier views may have been used.
    pub(super) fn used_cache(&self) -> bool {
        self.used_cache
    }

    /// Locks the file that has the path at this moment, which may be a new file instead of the open
    /// one (`lock_reopen_ex` in `lib/lock_fcntl.c`). If its state has changed, clears the cache and
    /// adapts its size to the file.
    fn lock(&mut self) -> Result<()> {
        let paged = self.paged;
        let io = |error| Error::io(paged.op, &paged.path, error).or_hint(DATABASE);
        while let Some(handle) = &mut self.handle {
            paged.locking.acquire(&handle.file, &paged.path)?;
            // From here on, `drop` releases the lock.
            self.lock = Lock::Held;
            let named = std::fs::metadata(&paged.path).map_err(io)?;
            if handle.identity == (named.dev(), named.ino()) {
                let state = handle.look(&named).map_err(io)?;
                self.size = state.size;
                self.used_cache |= handle.state == Some(state);
                handle.set_state(state);
                return Ok(());
            }
            lock::release(&handle.file);
            self.lock = Lock::None;
            self.handle = paged.handle()?;
        }
        Ok(())
    }

    /// Takes the lock if it is not held. Fails if the file has changed since its blocks were
    /// cached.
    fn need_lock(&mut self) -> Result<()> {
        if self.lock == Lock::None {
            let before = self.state();
            self.lock()?;
            if self.state() != before {
                self.lock = Lock::Stale;
            }
        }
        if self.is_stale() {
            return Err(self.io(io::Error::other("the file has changed while it was read")));
        }
        Ok(())
    }

    fn block(&mut self, number: u64) -> Result<&[u8]> {
        let paged = self.paged;
        let io = |error| Error::io(paged.op, &paged.path, error).or_hint(DATABASE);
        if self.handle.as_mut().is_none_or(|handle| handle.cached(number).is_none()) {
            self.need_lock()?;
            let start = number.saturating_mul(BLOCK_U64);
            let len = self.size.saturating_sub(start).min(BLOCK_U64) as usize;
            let handle = self.handle.as_mut().ok_or_else(|| io(closed()))?;
            handle.read(number, len).map_err(io)?;
        }
        let handle = self.handle.as_mut().ok_or_else(|| io(closed()))?;
        handle.cached(number).ok_or_else(|| io(closed()))
    }
}

fn closed() -> io::Error {
    io::Error::other("the database is not open")
}
