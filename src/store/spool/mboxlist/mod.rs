//! mailboxes.db, in the format of any supported version of Cyrus.

mod early;
mod groups;
mod list;
mod tree;

pub use groups::ReadGroups;
pub use list::MailboxList;
