//! The database backends that can be read, and the error for those that cannot.

use std::fmt;

use crate::error::{Error, Kind, Result};
use crate::settings::{DbBackend, DbFormat};

/// A database backend that can be read.
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
    /// `lib/cyrusdb_twom.c`, after Cyrus 3.12.
    Twom,
}

impl Backend {
    /// Returns the backend that an option of imapd.conf (`mboxlist_db`, `quota_db`, ...) names.
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
                Err(unsupported("use database backend", format!("{option}: {word}")).hint(format!(
                    "stop Cyrus, convert what {option} is about with `cvt_cyrusdb FILE {word} NEW \
                     twoskip`, put the new files in place, set {option}: twoskip; or run the \
                     engine inside a host that reads it"
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
    Error::new(Kind::Unsupported, op, subject, "this backend is not read").hint(
        "convert the database to twoskip with cvt_cyrusdb and change imapd.conf, \
         or run the engine inside a host that reads it",
    )
}
