//! Loads a configuration from a file or from memory.

use std::path::Path;

use super::read;
use super::values::Config;
use crate::error::Result;

/// The default path of Cyrus's configuration.
pub const DEFAULT_PATH: &str = "/etc/imapd.conf";

/// The service name of Cyrus's replication client: `sync_client_<option>` overrides `<option>`.
pub const SERVICE: &str = "sync_client";

impl Config {
    /// Reads the file `path` as Cyrus's `sync_client` does. If the environment variable
    /// `CYRUS_PREFIX` is set, a file at this prefix followed by `path` is tried first, also for
    /// included files.
    ///
    /// # Errors
    /// [`Kind::Config`](crate::Kind::Config) or [`Kind::Io`](crate::Kind::Io). The error names file,
    /// line and option.
    pub fn load(path: impl AsRef<Path>) -> Result<Config> {
        Config::load_for(path, SERVICE)
    }

    /// Like [`Config::load`], but `<service>_<option>` overrides `<option>`.
    ///
    /// # Errors
    /// Like [`Config::load`].
    pub fn load_for(path: impl AsRef<Path>, service: &str) -> Result<Config> {
        let prefix = std::env::var_os("CYRUS_PREFIX").filter(|p| !p.is_empty());
        let config = read::file(path.as_ref(), service, prefix.as_deref())?;
        Ok(Config { path: Some(path.as_ref().to_owned()), ..config })
    }

    /// Reads a configuration from memory. Errors give `name` as its path. Files that it includes
    /// are read from disk.
    ///
    /// # Errors
    /// Like [`Config::load`].
    pub fn from_text(text: &[u8], name: impl AsRef<Path>) -> Result<Config> {
        read::text(text, name.as_ref(), SERVICE)
    }
}
