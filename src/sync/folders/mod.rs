//! Deletes and renames folders on the replica before contents are sent. [`plan`] is pure.

pub(crate) mod identity;
pub(crate) mod plan;
pub(crate) mod renames;
pub(crate) mod settle;
pub(crate) mod sides;
