//! Changes the servers like users and administrators do, and logs the changes like Cyrus's daemons.

mod accounts;
mod act;
mod choose;
mod folders;
mod messages;
mod strays;

pub(super) use accounts::found;
pub(super) use act::act;
pub(super) use strays::act_on_replica;
