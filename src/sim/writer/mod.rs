//! The changes that people make on the servers, and the entries that Cyrus's daemons log for them.

mod accounts;
mod act;
mod choose;
mod folders;
mod messages;
mod strays;

pub(super) use accounts::found;
pub(super) use act::act;
pub(super) use strays::act_on_replica;
