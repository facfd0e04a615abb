//! The status of a channel, for monitoring. Rolling replication writes it every few seconds to a
//! small file beside the sync log.
//!
//! [`Status`] has the contents of the file, and [`file`](mod@file) reads and writes it.
//! [`Diagnosis`] rates it for a monitoring system. [`metrics`] writes it to a file for Prometheus.

pub(crate) mod file;
pub(crate) mod metrics;
mod progress;
mod value;
mod verdict;
mod words;

pub use progress::{Expected, ProgressSnapshot};
pub(crate) use value::unix_seconds;
pub use value::{Contact, Deferred, Status, Totals};
pub use verdict::{Diagnosis, Health, Limits};
pub(crate) use words::brief;
