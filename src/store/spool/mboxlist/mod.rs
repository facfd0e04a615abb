//! mailboxes.db, of whichever version of Cyrus.

mod early;
mod groups;
mod list;
mod tree;

pub use groups::ReadGroups;
pub use list::MailboxList;
