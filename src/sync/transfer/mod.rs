//! Sends mailboxes to the replica: first the message files, then the updates in order. Also handles
//! updates that the replica refuses.

pub(crate) mod damage;
pub(crate) mod explain;
pub(crate) mod inbox;
pub(crate) mod ladder;
pub(crate) mod message;
pub(crate) mod pending;
pub(crate) mod queue;
pub(crate) mod recheck;
pub(crate) mod reserve;
pub(crate) mod single;
pub(crate) mod staged;
pub(crate) mod unchecked;
pub(crate) mod upload;
