//! Repairs mailboxes that were changed on both sides. [`plan`], [`fuse`] and [`bounds`] have only
//! pure functions.

pub(crate) mod bounds;
pub(crate) mod expunge;
pub(crate) mod fetch;
pub(crate) mod findings;
pub(crate) mod fuse;
pub(crate) mod master;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod sides;
pub(crate) mod sums;
