//! The database types (backends) of Cyrus that can be read, and the error for other types.

use std::fmt;

use crate::error::{Error, Kind, Result};
use crate::settings::{DbBackend, DbFormat};

/// A database type that can be read. Each is named after its source file in Cyrus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Backend {
    /// twoskip (`lib/cyrusdb_twoskip.c`), the default for most databases.
    Twoskip,
    /// skiplist (`lib/cyrusdb_skiplist.c`).
    Skiplist,
    /// flat (`lib/cyrusdb_flat.c`).
    Flat,
    /// quotalegacy (`lib/cyrusdb_quotalegacy.c`), the default for `quota_db`.
    QuotaLegacy,
    /// twom (`lib/cyrusdb_twom.c`), in versions after Cyrus 3.12.
    Twom,
}

impl Backend {
    /// Returns the backend for the value of an option of imapd.conf (`mboxlist_db`, `quota_db`,
    /// ...).
    ///
    /// # Errors
    /// [`Kind::Unsupported`] if this library cannot read that backend.
    pub fn of(format: DbFormat) -> Result<Backend> {
        let DbFormat { option, backend } = format;
        match backend {
            DbBackend::Twoskip => Ok(Backend::Twoskip),
            DbBackend::Skiplist => Ok(Backend::Skiplist),
            DbBackend::Flat => Ok(Backend::Flat),
            DbBackend::QuotaLegacy => Ok(Backend::QuotaLegacy),
            DbBackend::Twom => Ok(Backend::Twom),
            DbBackend::Sql | DbBackend::Zeroskip => {
                let word = backend.word();
                Err(unsupported("use database backend", format!("{option}: {word}")).with_hint(format!(
                    "stop Cyrus, convert each file that {option} applies to with `cvt_cyrusdb FILE \
                     {word} NEW twoskip`, replace the files, and set {option}: twoskip in \
                     imapd.conf; or use a program that embeds this library and reads the backend \
                     itself"
                )))
            }
        }
    }

    /// Returns the backend's name in imapd.conf.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Twoskip => "twoskip",
            Backend::Skiplist => "skiplist",
            Backend::Flat => "flat",
            Backend::QuotaLegacy => "quotalegacy",
            Backend::Twom => "twom",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Returns the error for a backend that cannot be read.
pub(super) fn unsupported(op: &'static str, subject: String) -> Error {
    Error::new(
        Kind::Unsupported,
        op,
        subject,
        "this program cannot read databases of this backend",
    )
    .with_hint(
        "convert the database to twoskip with cvt_cyrusdb and change imapd.conf, or use a program \
         that embeds this library and reads the backend itself",
    )
}
