//! The mail spool of a simulated server, in memory: the list of mailboxes, their contents, and the
//! data of users. It has the same parts as a spool of Cyrus 3.6.1. So leftover data that Cyrus does
//! not remove is not removed here either.

mod account;
mod change;
mod data;
mod folder;
mod names;

pub(super) use account::{Account, Script};
pub(super) use change::{Created, Renamed};
pub(super) use data::{START, Spool};
pub(super) use folder::{Folder, MINOR_VERSION, Message, annotate, guid};
pub(super) use names::{inbox, is_deleted_name, is_within, owner};
