//! The quotalegacy backend (`lib/cyrusdb_quotalegacy.c`): one file for each quota root, below the
//! directory that is configured for the database.
//!
//! The path is `quota/C/ROOT`. With virtual domains it is `domain/C/DOMAIN/quota/C/ROOT` for the
//! key `DOMAIN!ROOT`, and `domain/C/DOMAIN/quota/root` for the key `DOMAIN!` (`hash_quota`). `C` is
//! one character computed from the name. A file holds the value and a LF. In a value that is not a
//! dlist (it does not begin with `%`), a LF also replaces the space between usage and limit.
//! Writers rename a new file over the old one.

use std::fs::DirEntry;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::database::{DATABASE, Db, Options, Visit};
use super::order::{self, KeyOrder};
use crate::error::{Error, Malformed, Result};
use crate::limits::QUOTA_FILE_BYTES;
use crate::names::directory_letter;
use crate::sys::file::read_regular;
use crate::sys::lock::Wait;
use crate::sys::lock::{self, Mode};

const OP: &str = "read quota root";
const HINT: &str = "remove the file, then run `quota -f` to set the quota's usage again";

/// A quota database: the files below one directory.
#[derive(Debug)]
pub(super) struct QuotaLegacy {
    directory: PathBuf,
    options: Options,
}

impl QuotaLegacy {
    /// Opens the database in the parent directory of `path`; the last component of `path` is
    /// ignored (`myopen`). Returns `None` if the directory does not exist.
    pub(super) fn open(path: &Path, options: &Options) -> Result<Option<Self>> {
        let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
        match std::fs::metadata(&directory) {
            Ok(_) => Ok(Some(QuotaLegacy { directory, options: *options })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(Error::io("open quota directory", &directory, error).or_hint(DATABASE))
            }
        }
    }

    /// Splits a key into domain and name. The domain is `None` if the key has none, or if virtual
    /// domains are off.
    fn split<'k>(&self, key: &'k [u8]) -> (Option<&'k [u8]>, &'k [u8]) {
        match key.iter().position(|&b| b == b'!') {
            Some(at) if self.options.virtual_domains => match key.split_at_checked(at) {
                Some((domain, [_, name @ ..])) => (Some(domain), name),
                _ => (None, key),
            },
            _ => (None, key),
        }
    }

    /// Returns the directory of the quota roots of a domain, or of those without a domain.
    fn quota_directory(&self, domain: Option<&[u8]>) -> PathBuf {
        let mut path = self.directory.clone();
        if let Some(domain) = domain {
            path.push("domain");
            path.push(letter(domain, self.options.full_dir_hash));
            path.push(name(domain));
        }
        path.push("quota");
        path
    }

    /// Returns the path of the file for `key`. Returns `None` if `key` cannot be a file name.
    fn path(&self, key: &[u8]) -> Option<PathBuf> {
        let (domain, root) = self.split(key);
        let safe = |part: &[u8]| {
            !matches!(part, b"" | b"." | b"..") && !part.iter().any(|&b| b == b'/' || b == 0)
        };
        if !domain.is_none_or(safe) {
            return None;
        }
        let mut path = self.quota_directory(domain);
        if root.is_empty() && domain.is_some() {
            path.push("root");
            return Some(path);
        }
        if !safe(root) {
            return None;
        }
        // Hash only the part after the first dot. Otherwise the names of all users would hash to
        // `u`.
        let hashed = root.iter().position(|&b| b == b'.').and_then(|at| root.get(at + 1..));
        path.push(letter(hashed.unwrap_or(root), self.options.full_dir_hash));
        path.push(name(root));
        Some(path)
    }

    /// Adds to `keys` the keys of one domain that begin with `prefix` (`scan_qr_dir`).
    fn list(&self, domain: Option<&[u8]>, prefix: &[u8], keys: &mut Vec<Vec<u8>>) -> Result<()> {
        let directory = self.quota_directory(domain);
        let mut add = |root: &[u8]| {
            let mut key = Vec::new();
            if let Some(domain) = domain {
                key.extend_from_slice(domain);
                key.push(b'!');
            }
            key.extend_from_slice(root);
            if key.starts_with(prefix) {
                keys.push(key);
            }
        };
        for entry in entries(&directory)? {
            let hash = entry.file_name();
            if hash.len() == 1 {
                for file in entries(&entry.path())? {
                    add(file.file_name().as_bytes());
                }
            } else if hash == "root" && domain.is_some() {
                add(b"");
            }
        }
        Ok(())
    }

    /// Reads a value from the file at `path`. Returns `None` if the file does not exist.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let bytes = match read_regular(path, QUOTA_FILE_BYTES + 1) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(OP, path, error).or_hint(DATABASE)),
        };
        parse(bytes).map(Some).map_err(|malformed| malformed.in_file(OP, path, HINT))
    }
}

impl Db for QuotaLegacy {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.path(key) {
            Some(path) => self.read(&path),
            None => Ok(None),
        }
    }

    fn scan(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let mut keys = Vec::new();
        self.list(None, prefix, &mut keys)?;
        if self.options.virtual_domains {
            for hash in entries(&self.directory.join("domain"))? {
                for domain in entries(&hash.path())? {
                    let domain = domain.file_name().into_vec();
                    self.list(Some(&domain), prefix, &mut keys)?;
                }
            }
        }
        let compare = match self.options.order {
            KeyOrder::Raw => order::raw,
            KeyOrder::Mailbox => order::mailbox,
        };
        keys.sort_by(|a, b| compare(a, b));
        // A file in a wrong directory gives the same key again. Only the file in the right place is
        // read.
        keys.dedup();
        for key in keys {
            let Some(path) = self.path(&key) else { continue };
            if key.ends_with(b".NEW") && being_written(&path)? {
                continue;
            }
            let Some(value) = self.read(&path)? else { continue };
            if let ControlFlow::Break(()) = visit(&key, &value)? {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Returns whether `path`, which ends in `.NEW`, is a writer's temporary file or the file of a
/// quota root of that name. Writers keep their file locked until they have renamed it. So a file
/// that is unlocked is temporary only if it is empty or gone (`mystore`).
fn being_written(path: &Path) -> Result<bool> {
    match lock::lock_existing(path, Mode::Shared, Wait::Block) {
        Ok(locked) => {
            let metadata = locked
                .file()
                .metadata()
                .map_err(|error| Error::io(OP, path, error).or_hint(DATABASE))?;
            Ok(metadata.len() == 0)
        }
        Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => Ok(true),
        Err(error) => Err(error),
    }
}

fn parse(mut bytes: Vec<u8>) -> Result<Vec<u8>, Malformed> {
    if bytes.len() as u64 > QUOTA_FILE_BYTES {
        return Err(Malformed::new(QUOTA_FILE_BYTES, "the file is too long"));
    }
    if !bytes.is_empty() && bytes.pop() != Some(b'\n') {
        return Err(Malformed::new(bytes.len(), "the file does not end with a line feed"));
    }
    if bytes.first() != Some(&b'%')
        && let Some(separator) = bytes.iter_mut().find(|b| **b == b'\n')
    {
        *separator = b' ';
    }
    Ok(bytes)
}

/// Lists a directory. The list is empty if the directory does not exist or is not a directory.
fn entries(path: &Path) -> Result<Vec<DirEntry>> {
    match std::fs::read_dir(path).and_then(Iterator::collect) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(Vec::new())
        }
        other => {
            other.map_err(|error| Error::io("list quota roots", path, error).or_hint(DATABASE))
        }
    }
}

/// Returns the letter of the directory for a name.
fn letter(name: &[u8], full: bool) -> String {
    char::from(directory_letter(name, full)).to_string()
}

fn name(bytes: &[u8]) -> &std::ffi::OsStr {
    std::ffi::OsStr::from_bytes(bytes)
}
