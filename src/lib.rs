//! # cyrsync
//!
//! The client side of Cyrus IMAP replication: reads a master's mail spool
//! under Cyrus's own locks and brings a replica up to date over Cyrus's
//! replication protocol.
//!
//! Layers, each of which knows only those below it:
//!
//! - [`engine`]: the public face: a [`Client`](engine::Client) made from a [`Config`](config::Config)
//! - `run`: tasks, workers, retries and the sync log, as state machines that are stepped
//! - [`sync`]: what differs (pure), what to do about it (pure), and doing it
//! - [`store`]: the master's data | [`replica`]: the connection to the replica
//! - [`mod@format`], [`cyrusdb`], [`dlist`]: what files and wire hold; pure parsers
//! - [`names`], [`config`], [`sys`], [`types`], [`error`], [`events`], [`limits`]

pub mod config;
pub mod cyrusdb;
pub mod dlist;
pub mod engine;
pub mod error;
pub mod events;
pub mod format;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod limits;
pub mod names;
pub mod protocol;
pub mod replica;
pub(crate) mod run;
#[cfg(test)]
mod sim;
pub mod store;
pub mod sync;
pub mod sys;
pub mod types;

#[cfg(feature = "capi")]
pub mod capi;

pub use error::{Error, Kind, Result};
