//! Opens a database as what it is.

use std::io::{self, Read};
use std::path::Path;

use super::backend::{Backend, unsupported};
use super::database::{DATABASE, Db, Options};
use super::flat::Flat;
use super::list::List;
use super::quotalegacy::QuotaLegacy;
use super::skiplist_records::Skiplist;
use super::twoskip::Twoskip;
use crate::error::{Error, Malformed, Result};
use crate::sys::file::open_regular;

/// Opens the database at `path`, or `None` if there is none. `declared` is what imapd.conf says;
/// as in Cyrus (`cyrusdb_open`), a file that begins like a twoskip or skiplist database is read
/// as that. For [`Backend::QuotaLegacy`] the last component of `path` is ignored.
///
/// An empty file is an empty database, unless it is required: Cyrus writes the header when it
/// first opens it. A file that begins like neither can be read as flat alone; Cyrus does not open
/// it either if it is declared twoskip or skiplist. The reverse is told by the beginning here,
/// while Cyrus's flat backend takes every file, and would write lines into a twoskip database.
///
/// # Errors
/// [`Kind::Io`](crate::Kind::Io); [`Kind::Unsupported`](crate::Kind::Unsupported) for a format that
/// is not read; [`Kind::Corrupt`](crate::Kind::Corrupt) if the
/// file is not what it is declared to be.
pub fn open(
    path: &Path,
    declared: Option<Backend>,
    options: &Options,
) -> Result<Option<Box<dyn Db>>> {
    if declared == Some(Backend::QuotaLegacy) {
        return Ok(QuotaLegacy::open(path, options)?.map(|db| Box::new(db) as _));
    }
    let magic = match detect(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !options.required => {
            return Ok(None);
        }
        Err(error) => return Err(Error::io("open database", path, error).or_hint(DATABASE)),
        Ok(Magic::Empty) if options.required => {
            let empty = Malformed::new(0u64, "the file is empty");
            return Err(empty.in_file("open database", path, "restore it from a backup"));
        }
        Ok(magic) => magic,
    };
    let backend = match (magic, declared) {
        (Magic::Known(backend), _) => backend,
        (Magic::Foreign(name), declared) if declared != Some(Backend::Flat) => {
            return Err(unsupported("open database", format!("{} ({name})", path.display())));
        }
        (_, Some(declared)) => declared,
        (Magic::Empty, None) => Backend::Twoskip,
        (_, None) => Backend::Flat,
    };
    Ok(Some(match backend {
        Backend::Twoskip => Box::new(List::<Twoskip>::open(path, options)?),
        Backend::Skiplist => Box::new(List::<Skiplist>::open(path, options)?),
        Backend::Flat | Backend::QuotaLegacy => Box::new(Flat::new(path)),
    }))
}

enum Magic {
    Known(Backend),
    Foreign(&'static str),
    Empty,
    None,
}

/// What a file begins like (`cyrusdb_detect` of `lib/cyrusdb.c`).
fn detect(path: &Path) -> io::Result<Magic> {
    let file = match open_regular(path) {
        // zeroskip's databases are directories.
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            return Ok(Magic::Foreign("a directory: zeroskip?"));
        }
        other => other?.0,
    };
    let mut start = Vec::with_capacity(16);
    file.take(16).read_to_end(&mut start)?;
    Ok(match start.as_slice() {
        [] => Magic::Empty,
        b"\xa1\x02\x8b\x0dtwoskip file" => Magic::Known(Backend::Twoskip),
        b"\xa1\x02\x8b\x0dskiplist fil" => Magic::Known(Backend::Skiplist),
        [0xa1, 0x02, 0x8b, 0x0d, ..] => Magic::Foreign("a newer backend of Cyrus: twom?"),
        b"SQLite format 3\0" => Magic::Foreign("SQLite"),
        _ => Magic::None,
    })
}
