//! Opens a database file and detects its type (backend).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::backend::{Backend, unsupported};
use super::database::{DATABASE, Db, Options};
use super::flat::Flat;
use super::list::{Format, List};
use super::locking::Locking;
use super::paged::Opened;
use super::quotalegacy::QuotaLegacy;
use super::skiplist_records::Skiplist;
use super::twom::Twom;
use super::twoskip::Twoskip;
use crate::error::{Error, Malformed, Result};
use crate::limits::WHOLE_DB_BYTES;
use crate::sys::file::{open_unchecked, regular};

/// Opens the database at `path`. Returns `None` if there is no such file. `declared` is the backend
/// that imapd.conf names for it. If the file begins like a twoskip, skiplist or twom database, it
/// is read as such a database, whatever is declared, as in Cyrus (`cyrusdb_open`). For
/// [`Backend::QuotaLegacy`] the last component of `path` is ignored.
///
/// An empty file is an empty database, because Cyrus writes the header only when it first opens the
/// file. With [`Options::required`] an empty file is an error. A file that begins with no known
/// magic bytes is read as flat, unless another backend is declared: then it is an error, as in
/// Cyrus. Known magic bytes also take precedence if flat is declared. Cyrus does not check this:
/// its flat backend accepts every file, and would write lines into a twoskip database.
///
/// # Errors
/// [`Kind::Io`](crate::Kind::Io); [`Kind::Unsupported`](crate::Kind::Unsupported) for a format that
/// cannot be read; [`Kind::Corrupt`](crate::Kind::Corrupt) if the file does not have the declared
/// format.
pub fn open(
    path: &Path,
    declared: Option<Backend>,
    options: &Options,
) -> Result<Option<Box<dyn Db>>> {
    if declared == Some(Backend::QuotaLegacy) {
        return Ok(QuotaLegacy::open(path, options)?.map(|db| Box::new(db) as _));
    }
    let opened = open_unchecked(File::options().read(true), path)
        .and_then(|file| regular(&file).map(|found| (file, found)))
        .and_then(|(file, found)| detect(&file).map(|magic| (magic, Opened::File(file, found))));
    match opened {
        Ok((magic, opened)) => as_what_it_is(magic, opened, path, declared, options).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !options.required => Ok(None),
        // A directory may be a zeroskip database.
        Err(error)
            if error.kind() == io::ErrorKind::IsADirectory && declared != Some(Backend::Flat) =>
        {
            let what = format!("{} (a directory: zeroskip?)", path.display());
            Err(unsupported("open database", what))
        }
        Err(error) => Err(Error::io("open database", path, error).or_hint(DATABASE)),
    }
}

/// Like [`open`], for a database that is read only now. A small file is read completely into memory
/// while no writer is active. Later changes are not seen.
///
/// # Errors
/// Like [`open`].
pub fn open_whole(
    path: &Path,
    declared: Option<Backend>,
    options: &Options,
) -> Result<Option<Box<dyn Db>>> {
    let file = match open_unchecked(File::options().read(true), path) {
        Ok(file) if declared != Some(Backend::QuotaLegacy) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !options.required => {
            return Ok(None);
        }
        _ => return open(path, declared, options),
    };
    // If a writer replaces the file before the lock is obtained, the old file is read. The first
    // bytes of a file never change. They decide which lock to take.
    let locking = match detect(&file) {
        Ok(Magic::Known(Backend::Twom)) => Some(Locking::Twom),
        Ok(Magic::Known(_) | Magic::Foreign(_) | Magic::None) => Some(Locking::Whole),
        Ok(Magic::Empty) | Err(_) => None,
    };
    let locked = declared == Some(Backend::Flat)
        || locking.is_some_and(|locking| locking.acquire(&file, path).is_ok());
    let mut bytes = vec![0; WHOLE_DB_BYTES];
    match file.read_at(&mut bytes, 0) {
        Ok(len) if locked && (1..WHOLE_DB_BYTES).contains(&len) => bytes.truncate(len),
        _ => return open(path, declared, options),
    }
    drop(file);
    match magic(&bytes) {
        // The file was read without a lock (flat is declared), but writers change files of these
        // backends in place. So read it again.
        Magic::Known(_) if declared == Some(Backend::Flat) => open(path, declared, options),
        magic => as_what_it_is(magic, Opened::Memory(bytes), path, declared, options).map(Some),
    }
}

fn as_what_it_is(
    magic: Magic,
    opened: Opened,
    path: &Path,
    declared: Option<Backend>,
    options: &Options,
) -> Result<Box<dyn Db>> {
    let backend = match (magic, declared) {
        (Magic::Empty, _) if options.required => {
            let empty = Malformed::new(0u64, "the file is empty");
            return Err(empty.in_file("open database", path, "restore it from a backup"));
        }
        (Magic::Known(backend), _) => backend,
        (Magic::Foreign(name), declared) if declared != Some(Backend::Flat) => {
            return Err(unsupported("open database", format!("{} ({name})", path.display())));
        }
        (_, Some(declared)) => declared,
        (Magic::Empty, None) => Backend::Twoskip,
        (_, None) => Backend::Flat,
    };
    Ok(match backend {
        Backend::Twoskip => Box::new(List::<Twoskip>::new(opened, path, options)),
        Backend::Skiplist => Box::new(List::<Skiplist>::new(opened, path, options)),
        Backend::Twom => Box::new(List::<Twom>::new(opened, path, options)),
        Backend::Flat | Backend::QuotaLegacy => match opened {
            Opened::File(..) => Box::new(Flat::new(path)),
            Opened::Memory(bytes) => Box::new(Flat::of_bytes(bytes, path)),
        },
    })
}

enum Magic {
    Known(Backend),
    Foreign(&'static str),
    Empty,
    None,
}

fn detect(file: &File) -> io::Result<Magic> {
    let mut start = [0; 16];
    let len = file.read_at(&mut start, 0)?;
    Ok(magic(start.get(..len).unwrap_or_default()))
}

/// Detects the backend from the first bytes (`cyrusdb_detect` in `lib/cyrusdb.c`).
fn magic(bytes: &[u8]) -> Magic {
    match bytes.get(..16).unwrap_or(bytes) {
        [] => Magic::Empty,
        Twom::MAGIC => Magic::Known(Backend::Twom),
        b"\xa1\x02\x8b\x0dtwoskip file" => Magic::Known(Backend::Twoskip),
        b"\xa1\x02\x8b\x0dskiplist fil" => Magic::Known(Backend::Skiplist),
        [0xa1, 0x02, 0x8b, 0x0d, ..] => Magic::Foreign("a newer backend of Cyrus"),
        b"SQLite format 3\0" => Magic::Foreign("SQLite"),
        _ => Magic::None,
    }
}
