//! A mail spool in memory, of a master or of a replica: the list of mailboxes, their contents, what
//! belongs to users. Its parts are those of Cyrus 3.6.1's disk, so that what Cyrus forgets to clean
//! up is left over here too.

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
