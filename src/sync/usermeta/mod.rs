//! Replicates a user's data besides mailboxes: subscriptions, seen state, sieve scripts, quotas,
//! annotations. [`plan`] has only pure functions.

pub(crate) mod annotations;
pub(crate) mod apply;
pub(crate) mod inbox;
pub(crate) mod missing;
pub(crate) mod moving;
pub(crate) mod plan;
pub(crate) mod quotas;
pub(crate) mod scripts;
pub(crate) mod turns;
