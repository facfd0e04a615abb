//! Stores the replication cache in a file. The cache holds the last known state of the replica's
//! mailboxes, which saves a request before an update.
//!
//! The file format is our own. The file is beside the path of `sync_cache_db_path`, with the suffix
//! `.cyrsync`, because Cyrus's client keeps a database at that path. The file starts with two
//! lines: the version of the format, and the name of the replica. Records follow. A record is the
//! length of its body (4 bytes, big-endian), the CRC-32 of its body (4 bytes, big-endian), and the
//! body. The body is a mailbox's name, a line feed, and the mailbox's state in the format of a
//! replica's reply. An empty state marks a removed mailbox. The last record of a mailbox counts.
//! The file is cut off at the first damaged record. An outdated state does no harm (see [`Cache`]).

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::dlist::{self, Writer};
use crate::error::{Error, Result};
use crate::limits::CACHE_RECORD_BYTES;
use crate::protocol::RemoteFolder;
use crate::store::Wait;
use crate::sync::Cache;
use crate::sys::lock::{self, Mode};
use crate::types::MboxName;

const FIRST_LINE: &str = "cyrsync replication cache 1\n";
const HEAD: usize = 8;
/// Files up to this size, in bytes, are not rewritten to save space.
const SMALL: u64 = 1 << 20;

/// A cache that is shared by all workers of a client.
#[derive(Debug, Clone)]
pub struct SharedCache(Arc<Mutex<DiskCache>>);

impl SharedCache {
    /// Makes a cache shareable.
    pub fn new(cache: DiskCache) -> SharedCache {
        SharedCache(Arc::new(Mutex::new(cache)))
    }
}

impl Cache for SharedCache {
    fn get(&mut self, name: &MboxName) -> Option<RemoteFolder> {
        self.0.lock().get(name)
    }

    fn put(&mut self, folder: &RemoteFolder) {
        self.0.lock().put(folder);
    }

    fn forget(&mut self, name: &MboxName) {
        self.0.lock().forget(name);
    }
}

/// The cache of one replica's mailboxes. The file holds their states. Memory holds only the names
/// of the mailboxes and the positions of their records.
#[derive(Debug)]
pub struct DiskCache {
    file: File,
    path: PathBuf,
    server: String,
    places: HashMap<MboxName, Place>,
    end: u64,
    /// The size of all records that count, in bytes.
    live: u64,
    failed: bool,
    /// The file is rewritten only if it is larger than this, after an attempt that failed.
    least: u64,
}

/// The position and length of a record, including its head.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    len: u32,
}

impl DiskCache {
    /// Opens the cache file `<path>.cyrsync` for the replica `server`. The cache is empty if this
    /// file is missing or belongs to another replica.
    ///
    /// # Errors
    /// [`Kind::Locked`](crate::Kind::Locked) if another process uses the cache;
    /// [`Kind::Io`](crate::Kind::Io).
    pub fn open(path: &Path, server: &str) -> Result<DiskCache> {
        let mut name = path.to_owned().into_os_string();
        name.push(".cyrsync");
        let path = PathBuf::from(name);
        let error = |error| {
            Error::io("open replication cache", &path, error)
                .or_hint("check that the directory of sync_cache_db_path in imapd.conf exists")
        };
        let file = options().open(&path).map_err(error)?;
        lock::acquire(&file, &path, Mode::Exclusive, Wait::Fail)?;
        let mut cache = DiskCache {
            file,
            path: path.clone(),
            server: server.to_owned(),
            places: HashMap::new(),
            end: 0,
            live: 0,
            failed: false,
            least: 0,
        };
        cache.load().map_err(error)?;
        if cache.is_mostly_old() {
            cache.rewrite().map_err(error)?;
        }
        Ok(cache)
    }

    fn start(&self) -> String {
        format!("{FIRST_LINE}{}\n", self.server)
    }

    fn load(&mut self) -> io::Result<()> {
        let start = self.start();
        let mut found = vec![0; start.len()];
        let same = match self.file.read_exact_at(&mut found, 0) {
            Ok(()) => found == start.as_bytes(),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(error),
        };
        if !same {
            self.file.set_len(0)?;
            self.file.write_all_at(start.as_bytes(), 0)?;
            self.end = start.len() as u64;
            return Ok(());
        }
        let mut offset = start.len() as u64;
        let mut reader = io::BufReader::new(self.file.try_clone()?);
        reader.seek(SeekFrom::Start(offset))?;
        while let Some(body) = read_record(&mut reader)? {
            let len = (HEAD + body.len()) as u32;
            if let Some((name, state)) = split(&body) {
                self.note(name, (!state.is_empty()).then_some(Place { offset, len }));
            }
            offset += u64::from(len);
        }
        self.end = offset;
        self.file.set_len(offset)
    }

    fn note(&mut self, name: MboxName, place: Option<Place>) {
        let len = |place: Place| u64::from(place.len);
        self.live += place.map_or(0, len);
        let old = match place {
            Some(place) => self.places.insert(name, place),
            None => self.places.remove(&name),
        };
        self.live = self.live.saturating_sub(old.map_or(0, len));
    }

    fn read(&self, place: Place) -> io::Result<Option<Vec<u8>>> {
        let mut record = vec![0; place.len as usize];
        self.file.read_exact_at(&mut record, place.offset)?;
        read_record(&mut record.as_slice())
    }

    /// Returns whether the file is large and most of its records are outdated.
    fn is_mostly_old(&self) -> bool {
        self.end > SMALL.max(self.least) && self.live < self.end / 2
    }

    /// Writes the records that count to a new file, which then replaces this one.
    fn rewrite(&mut self) -> io::Result<()> {
        let mut path = self.path.clone().into_os_string();
        path.push(".new");
        let path = PathBuf::from(path);
        let file = options().truncate(true).open(&path)?;
        let mut writer = io::BufWriter::new(&file);
        let start = self.start();
        writer.write_all(start.as_bytes())?;
        let mut offset = start.len() as u64;
        let mut places = HashMap::with_capacity(self.places.len());
        for (name, place) in &self.places {
            let mut record = vec![0; place.len as usize];
            self.file.read_exact_at(&mut record, place.offset)?;
            writer.write_all(&record)?;
            places.insert(name.clone(), Place { offset, ..*place });
            offset += u64::from(place.len);
        }
        writer.flush()?;
        drop(writer);
        lock::acquire(&file, &path, Mode::Exclusive, Wait::Fail).map_err(io::Error::other)?;
        std::fs::rename(&path, &self.path)?;
        (self.file, self.places, self.end) = (file, places, offset);
        Ok(())
    }

    /// Appends a record. If this fails, the cache is disabled: otherwise an older record of this
    /// mailbox, which is now wrong, would be used.
    fn append(&mut self, name: &MboxName, state: &[u8]) {
        let body = [name.as_bytes(), b"\n", state].concat();
        let mut record = Vec::with_capacity(HEAD + body.len());
        record.extend_from_slice(&(body.len() as u32).to_be_bytes());
        record.extend_from_slice(&crc32fast::hash(&body).to_be_bytes());
        record.extend_from_slice(&body);
        if body.len() > CACHE_RECORD_BYTES || self.failed {
            return self.places.clear();
        }
        match self.file.write_all_at(&record, self.end) {
            Ok(()) => {
                let place = Place { offset: self.end, len: record.len() as u32 };
                self.end += u64::from(place.len);
                self.note(name.clone(), (!state.is_empty()).then_some(place));
                if self.is_mostly_old() && self.rewrite().is_err() {
                    // The disk may be full. The old file is still valid, so do not try again soon.
                    self.least = self.end.saturating_mul(2);
                }
            }
            Err(_) => {
                self.failed = true;
                self.places.clear();
                // Ignore errors here: the remaining records are only outdated, which does no harm.
                let _ = self.file.set_len(0);
            }
        }
    }
}

impl Drop for DiskCache {
    /// Releases the lock explicitly. Closing the file is not enough: a child process that another
    /// thread starts at this moment also has the file open for a short time, which keeps the lock.
    fn drop(&mut self) {
        lock::release(&self.file);
    }
}

impl Cache for DiskCache {
    fn get(&mut self, name: &MboxName) -> Option<RemoteFolder> {
        let place = *self.places.get(name)?;
        let body = self.read(place).ok().flatten()?;
        let (found, state) = split(&body)?;
        let (value, _) = dlist::parse(state).ok()?;
        let folder = value.kv().and_then(|kv| RemoteFolder::from_kv(&kv)).ok()?;
        (found == *name && folder.name == *name).then_some(folder)
    }

    fn put(&mut self, folder: &RemoteFolder) {
        let mut state = Vec::new();
        match folder.encode(&mut Writer::new(&mut state)) {
            Ok(()) if !folder.name.as_bytes().contains(&b'\n') => self.append(&folder.name, &state),
            _ => self.forget(&folder.name),
        }
    }

    fn forget(&mut self, name: &MboxName) {
        if self.places.contains_key(name) {
            self.append(name, b"");
        }
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

/// Reads the body of the next record. Returns `None` at the end of the file or at a damaged record.
fn read_record(reader: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; HEAD];
    let mut body = Vec::new();
    let whole = (|| {
        reader.read_exact(&mut head)?;
        let [a, b, c, d, ..] = head;
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        if len > CACHE_RECORD_BYTES {
            return Ok(false);
        }
        body.resize(len, 0);
        reader.read_exact(&mut body)?;
        io::Result::Ok(true)
    })();
    match whole {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let [.., a, b, c, d] = head;
    let intact = crc32fast::hash(&body) == u32::from_be_bytes([a, b, c, d]);
    Ok(intact.then_some(body))
}

fn split(body: &[u8]) -> Option<(MboxName, &[u8])> {
    let (name, rest) = body.split_at_checked(body.iter().position(|byte| *byte == b'\n')?)?;
    Some((name.into(), rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::types::{Annotation, MailboxHeader, SyncCrcs};

    fn folder(name: &str, modseq: u64) -> RemoteFolder {
        let header = MailboxHeader {
            name: name.into(),
            uniqueid: "6a5b".into(),
            partition: "default".into(),
            acl: "fred\tlrs\t".into(),
            highestmodseq: modseq,
            crcs: SyncCrcs::computed(1, 2),
            ..MailboxHeader::default()
        };
        RemoteFolder {
            header,
            annotations: vec![Annotation {
                entry: "/comment".into(),
                userid: "".into(),
                value: "a \"b\"\r\n".into(),
                modseq: 3,
            }],
            ..RemoteFolder::default()
        }
    }

    fn open(dir: &tempfile::TempDir) -> DiskCache {
        DiskCache::open(&dir.path().join("cache"), "replica").unwrap()
    }

    #[test]
    fn a_stored_state_is_found_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let mut cache = open(&dir);
        assert_eq!(cache.get(&"user.fred".into()), None);
        cache.put(&folder("user.fred", 1));
        cache.put(&folder("user.fred", 2));
        cache.put(&folder("user.anna", 7));
        cache.forget(&"user.anna".into());
        drop(cache);
        let mut cache = open(&dir);
        assert_eq!(cache.get(&"user.fred".into()), Some(folder("user.fred", 2)));
        assert_eq!(cache.get(&"user.anna".into()), None);
    }

    #[test]
    fn another_replica_starts_with_an_empty_cache_and_the_cache_is_locked() {
        let dir = tempfile::tempdir().unwrap();
        let mut cache = open(&dir);
        cache.put(&folder("user.fred", 1));
        let path = dir.path().join("cache");
        assert_eq!(DiskCache::open(&path, "replica").unwrap_err().kind(), Kind::Locked);
        drop(cache);
        let mut other = DiskCache::open(&path, "other").unwrap();
        assert_eq!(other.get(&"user.fred".into()), None);
    }

    #[test]
    fn damage_makes_it_forget_but_never_err() {
        let dir = tempfile::tempdir().unwrap();
        let mut cache = open(&dir);
        cache.put(&folder("user.fred", 1));
        cache.put(&folder("user.fred", 2));
        drop(cache);
        let path = dir.path().join("cache.cyrsync");
        let intact = std::fs::read(&path).unwrap();
        let known = [None, Some(folder("user.fred", 1)), Some(folder("user.fred", 2))];
        let check = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let found = open(&dir).get(&"user.fred".into());
            assert!(known.contains(&found), "{found:?}");
        };
        for end in 0..intact.len() {
            check(&intact[..end]);
        }
        for at in 0..intact.len() {
            let mut damaged = intact.clone();
            damaged[at] ^= 1 << (at % 8);
            check(&damaged);
        }
    }

    #[test]
    fn a_file_of_old_states_is_rewritten_while_it_is_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let mut cache = open(&dir);
        let path = dir.path().join("cache.cyrsync");
        for modseq in 0..8000 {
            cache.put(&folder("user.fred", modseq));
            cache.put(&folder("user.anna", modseq));
            assert!(std::fs::metadata(&path).unwrap().len() <= SMALL + 1000);
        }
        drop(cache);
        let mut cache = open(&dir);
        assert_eq!(cache.get(&"user.anna".into()), Some(folder("user.anna", 7999)));
        cache.put(&folder("user.zoe", 1));
        drop(cache);
        assert_eq!(open(&dir).get(&"user.zoe".into()), Some(folder("user.zoe", 1)));
    }
}
