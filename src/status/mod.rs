//! The state of a replication client for outside observers: a small file beside the sync log, which
//! rolling replication replaces every few seconds.
//!
//! [`Status`] is the content of the file, and [`file`](mod@file) reads and writes it. [`Diagnosis`]
//! is its meaning for a monitoring system. [`metrics`] writes it as a file for Prometheus.

pub(crate) mod file;
pub(crate) mod metrics;
mod progress;
mod value;
mod verdict;
mod words;

pub use progress::{Expected, Reached};
pub(crate) use value::unix_seconds;
pub use value::{Contact, Deferred, Status, Totals};
pub use verdict::{Diagnosis, Health, Limits};
pub(crate) use words::brief;
