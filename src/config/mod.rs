//! imapd.conf as Cyrus 3.8.1 reads it (`config_read` in `lib/libconfig.c`, and what
//! `cyrus_init` in `imap/global.c` adds).
//!
//! ```
//! use cyrsync::config::{Config, opt};
//!
//! let text = b"configdirectory: /conf\nsync_host: a\nbackup_sync_host: b\n";
//! let config = Config::from_text(text, "imapd.conf")?;
//! assert_eq!(config.channel_string(None, opt::SYNC_HOST), Some("a"));
//! assert_eq!(config.channel_string(Some("backup"), opt::SYNC_HOST), Some("b"));
//! # Ok::<(), cyrsync::Error>(())
//! ```

mod check;
mod expand;
mod lines;
mod load;
pub mod opt;
mod partitions;
mod read;
#[cfg(test)]
mod tests;
pub mod value;
mod values;

pub use load::{DEFAULT_PATH, SERVICE};
pub use partitions::Partitions;
pub use values::Config;
