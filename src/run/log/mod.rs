//! The sync log of a channel: its entries, and how we take it over from Cyrus's daemons.

pub mod backlog;
pub mod channel;
pub mod disk;
pub mod entry;
pub mod files;
pub mod lines;
pub mod read;
pub mod watch;
