//! Finds the mailboxes that must be sent, and reads what to send. [`compare`] and [`batch`] are
//! pure.

pub(crate) mod batch;
pub(crate) mod compare;
pub(crate) mod difference;
pub(crate) mod look;
pub(crate) mod read;
pub(crate) mod records;
pub(crate) mod snapshot;
