//! Deletes and renames folders on the replica before the contents of mailboxes are sent. [`plan`]
//! has only pure functions.

pub(crate) mod identity;
pub(crate) mod plan;
pub(crate) mod renames;
pub(crate) mod settle;
pub(crate) mod sides;
