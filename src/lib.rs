//! # cyrsync
//!
//! The client side of Cyrus IMAP replication: reads a master's mail spool
//! under Cyrus's own locks and brings a replica up to date over Cyrus's
//! replication protocol.
//!
//! Layers, each of which knows only those below it:
//!
//! - [`check`]: looks whether a configuration will do, and changes nothing
//! - [`engine`]: the public face: a [`Client`](engine::Client) made from
//!   [`Settings`](settings::Settings)
//! - `run`: tasks, workers, retries and the sync log, as state machines that are stepped
//! - `sync`: what differs (pure), what to do about it (pure), and doing it
//! - `own_server`: the master's own sync_server, through which repairs write
//! - [`store`]: the master's data | `replica`: the connection to the replica
//! - `protocol`: commands, replies, header fields
//! - [`events`]: what is reported, in Cyrus's words and as JSON
//! - [`status`]: what rolling replication is at, for those who ask from outside
//! - `format`, `cyrusdb`, `dlist`, `names`: pure: files, databases, wire, names and paths
//! - [`settings`]: what is configured, resolved once from a [`Config`](config::Config)
//! - [`types`], [`error`], `limits`, `sys`

pub mod check;
pub mod config;
pub(crate) mod cyrusdb;
pub(crate) mod dlist;
pub mod engine;
pub mod error;
pub mod events;
pub(crate) mod format;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub(crate) mod limits;
#[cfg(test)]
mod micro;
pub(crate) mod names;
pub(crate) mod own_server;
pub(crate) mod protocol;
pub(crate) mod replica;
pub(crate) mod run;
pub mod settings;
#[cfg(test)]
mod sim;
pub mod status;
pub mod store;
pub(crate) mod sync;
pub(crate) mod sys;
pub mod types;

#[cfg(feature = "capi")]
pub mod capi;

pub use error::{Error, Kind, Result};

/// Whether a login that was given up is still within libsasl2 (feature `libsasl2`). A process that
/// ends then should do so with `_exit`: what libraries clean up at the end of a process would be gone
/// under that thread.
pub fn login_is_stuck() -> bool {
    #[cfg(feature = "libsasl2")]
    return sys::sasl2::is_busy();
    #[cfg(not(feature = "libsasl2"))]
    false
}
