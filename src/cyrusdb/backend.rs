//! The backends, and which of Cyrus's are none here.

use std::fmt;

use crate::error::{Error, Kind, Result};
use crate::settings::{DbBackend, DbFormat};

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
    /// `lib/cyrusdb_twom.c`, after Cyrus 3.12.
    Twom,
}

impl Backend {
    /// The backend that an option of imapd.conf (`mboxlist_db`, `quota_db`, ...) names.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for a backend of Cyrus that is not read here.
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

    /// The word of imapd.conf.
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

/// The error of a backend that is not read.
pub(super) fn unsupported(op: &'static str, subject: String) -> Error {
    Error::new(Kind::Unsupported, op, subject, "this backend is not read").hint(
        "convert the database to twoskip with cvt_cyrusdb and change imapd.conf, \
         or run the engine inside a host that reads it",
    )
}
