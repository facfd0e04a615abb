//! What a replication client is at, for those who ask from outside: a small file beside the sync
//! log, which rolling replication replaces every few seconds, and what it means.
//!
//! [`Status`] is what the file holds, [`file`](mod@file) how it is written and read, [`Verdict`]
//! what a monitoring system makes of it, [`metrics`] the same as a file for Prometheus.

pub mod file;
pub mod metrics;
mod progress;
mod value;
mod verdict;
mod words;

pub use progress::{Expected, Reached};
pub(crate) use value::unix_seconds;
pub use value::{Contact, Deferred, Status, Totals, VERSION};
pub use verdict::{Level, Limits, Verdict};
pub(crate) use words::brief;
