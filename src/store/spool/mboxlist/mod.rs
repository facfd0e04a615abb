//! Reads mailboxes.db, the list of all mailboxes, as written by any supported version of Cyrus.

mod early;
mod groups;
mod list;
mod tree;

pub use groups::ReadGroups;
pub use list::MailboxList;
