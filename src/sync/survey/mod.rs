//! Finds the mailboxes that must be sent, and reads their changed records. [`compare`] and
//! [`batch`] have only pure functions.

pub(crate) mod batch;
pub(crate) mod compare;
pub(crate) mod difference;
pub(crate) mod look;
pub(crate) mod read;
pub(crate) mod records;
pub(crate) mod snapshot;
