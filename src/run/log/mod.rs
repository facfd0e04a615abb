//! The sync log of a channel: its entries, and the hand-over from Cyrus's daemons to us.

pub mod channel;
pub mod entry;
pub mod lines;
pub mod watch;
