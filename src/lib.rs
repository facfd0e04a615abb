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
//! - [`types`], [`error`], `limits`, [`sys`]

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
pub mod sys;
pub mod types;

#[cfg(feature = "capi")]
pub mod capi;

/// What tests of this package use beside the facade: the readers of databases, tried on those that
/// a live Cyrus writes, and the grammar of the wire. No promise holds for it.
#[doc(hidden)]
pub mod internals {
    pub use crate::cyrusdb::{Backend, Db, KeyOrder, Options, open};
    pub use crate::dlist::Framer;
    pub use crate::own_server::find;
}

pub use error::{Error, Kind, Result};
