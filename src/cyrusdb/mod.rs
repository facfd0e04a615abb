//! Readers of Cyrus's key-value databases, under Cyrus's own locks.
//!
//! | backend | file | locked by readers |
//! |---|---|---|
//! | twoskip | append-only skip list with CRCs, rewritten in place | shared, the file itself |
//! | skiplist | its ancestor, without CRCs | shared, the file itself |
//! | flat | sorted lines, replaced by renaming | nothing: an open file never changes |
//! | quotalegacy | a directory tree with one file for each quota root | nothing, for the same reason |
//!
//! Nothing is mapped into memory: Cyrus rewrites in place, so what is needed is read into owned
//! buffers, block by block, while the lock is held. Blocks are kept as long as the file stays the
//! same, so that looking up one mailbox after the other reads little. A handle can stay open for as long as the
//! process runs: files that Cyrus replaces are opened again.
//!
//! A database that a killed writer left behind is never repaired here, as that would be writing.
//! It is read as Cyrus will find it after its own recovery: twoskip's format keeps the last
//! committed state, of a skiplist the log is replayed in memory.

mod flat;
mod input;
mod list;
mod order;
mod paged;
mod quotalegacy;
mod replay;
mod skiplist;
#[cfg(test)]
mod tests;
mod twoskip;

use std::fmt;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;

use crate::error::{Error, Kind, Malformed, Result};
use crate::sys::file::open_regular;

pub use order::KeyOrder;

/// Receives keys and values of a scan; [`ControlFlow::Break`] ends it.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>> + 'a;

/// An open database. Never written to; may be used from several threads at once.
pub trait Db: Send + Sync + fmt::Debug {
    /// The value of a key; `None` if there is none.
    ///
    /// # Errors
    /// [`Kind::Io`]; [`Kind::Corrupt`] naming the file, the offset and what checks it.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Visits all records whose keys begin with `prefix`, each key once, in the database's own
    /// order: unsigned bytes for twoskip and quotalegacy, signed ones for skiplist, Cyrus's
    /// mailbox order for flat and for databases opened with [`KeyOrder::Mailbox`].
    ///
    /// No lock is held while `visit` runs. A writer may thus change the database in the middle
    /// of a scan: what it does beyond the key visited last is seen or not, as with
    /// `cyrusdb_foreach`.
    ///
    /// # Errors
    /// As for [`Db::get`], and whatever `visit` returns.
    fn scan(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()>;

    /// As [`Db::scan`], but where a record cannot be read it goes on behind it, as far as the
    /// format has other ways to get there. Records close to the damaged one may be missed.
    ///
    /// # Errors
    /// As [`Db::scan`]; the first record that could not be read is told at the end.
    fn salvage(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.scan(prefix, visit)
    }
}

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Backend {
    /// `lib/cyrusdb_twoskip.c`, the default of most databases.
    Twoskip,
    /// `lib/cyrusdb_skiplist.c`.
    Skiplist,
    /// `lib/cyrusdb_flat.c`.
    Flat,
    /// `lib/cyrusdb_quotalegacy.c`, the default of `quota_db`.
    QuotaLegacy,
}

impl Backend {
    /// The backend that an option of imapd.conf (`mboxlist_db`, `quota_db`, ...) names.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for a backend of Cyrus that is not read here, [`Kind::Config`]
    /// for any other word.
    pub fn from_config(option: &str, word: &str) -> Result<Backend> {
        match word {
            "twoskip" => Ok(Backend::Twoskip),
            "skiplist" => Ok(Backend::Skiplist),
            "flat" => Ok(Backend::Flat),
            "quotalegacy" => Ok(Backend::QuotaLegacy),
            "sql" | "zeroskip" | "twom" | "lmdb" => {
                Err(unsupported("use database backend", format!("{option}: {word}")).hint(format!(
                    "stop Cyrus, convert what {option} is about with `cvt_cyrusdb FILE {word} NEW \
                     twoskip`, put the new files in place, set {option}: twoskip; or run the \
                     engine inside a host that reads it"
                )))
            }
            _ => Err(Error::new(
                Kind::Config,
                "use database backend",
                format!("{option}: {word}"),
                "Cyrus has no such backend",
            )
            .hint("twoskip, skiplist, flat and quotalegacy can be read")),
        }
    }

    /// The word of imapd.conf.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Twoskip => "twoskip",
            Backend::Skiplist => "skiplist",
            Backend::Flat => "flat",
            Backend::QuotaLegacy => "quotalegacy",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a database's bytes do not tell about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// How twoskip, skiplist and quotalegacy are sorted. Cyrus 3.6 and later pass nothing but
    /// [`KeyOrder::Raw`]; earlier ones [`KeyOrder::Mailbox`] where `improved_mboxlist_sort` is on.
    pub order: KeyOrder,
    /// quotalegacy alone: `fulldirhash` of imapd.conf.
    pub full_dir_hash: bool,
    /// quotalegacy alone: whether `virtdomains` of imapd.conf is on.
    pub virtual_domains: bool,
    /// Whether the file must be there and hold something, as those must that Cyrus makes at its
    /// start: that it is not is damage, not a database without records.
    pub required: bool,
}

/// What to do about a database that the system does not give.
const DATABASE: &str = "check configdirectory and the paths of databases in imapd.conf; where a file \
                        that Cyrus needs is lost, stop Cyrus and restore it from a backup";

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
/// [`Kind::Io`]; [`Kind::Unsupported`] for a format that is not read; [`Kind::Corrupt`] if the
/// file is not what it is declared to be.
pub fn open(
    path: &Path,
    declared: Option<Backend>,
    options: &Options,
) -> Result<Option<Box<dyn Db>>> {
    if declared == Some(Backend::QuotaLegacy) {
        return Ok(quotalegacy::QuotaLegacy::open(path, options)?.map(|db| Box::new(db) as _));
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
        Backend::Twoskip => Box::new(list::List::<twoskip::Twoskip>::open(path, options)?),
        Backend::Skiplist => Box::new(list::List::<skiplist::Skiplist>::open(path, options)?),
        Backend::Flat | Backend::QuotaLegacy => Box::new(flat::Flat::new(path)),
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

fn unsupported(op: &'static str, subject: String) -> Error {
    Error::new(Kind::Unsupported, op, subject, "this backend is not read").hint(
        "convert the database to twoskip with cvt_cyrusdb and change imapd.conf, \
         or run the engine inside a host that reads it",
    )
}
