//! Rolling replication: what Cyrus's daemons note in sync logs goes to the replica at once.
//!
//! [`item`], [`work`] and [`backlog`] are pure: what an entry says, how entries fall into
//! independent parts, and when what failed is tried again. [`lines`] and [`channel`] are the log
//! on disk.

pub mod backlog;
pub mod cache;
pub mod channel;
pub mod item;
pub mod lines;
pub mod run;
pub mod watch;
pub mod work;
