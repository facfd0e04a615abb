//! mailboxes.db, of whichever version of Cyrus.

mod early;
mod groups;
mod list;

pub use list::MailboxList;
