//! What people do to the servers, and what Cyrus's daemons log about it.

mod accounts;
mod act;
mod choose;
mod folders;
mod messages;
mod strays;

pub(super) use accounts::found;
pub(super) use act::act;
pub(super) use strays::act_on_replica;
