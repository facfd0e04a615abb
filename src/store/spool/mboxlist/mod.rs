//! mailboxes.db, of whichever version of Cyrus.

mod early;
mod list;

pub use list::MailboxList;
