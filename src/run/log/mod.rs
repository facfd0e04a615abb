//! The sync log of a channel: its entries, and the hand-over from Cyrus's daemons to us.

pub mod backlog;
pub mod channel;
pub mod disk;
pub mod entry;
pub mod files;
pub mod lines;
pub mod read;
pub mod watch;
