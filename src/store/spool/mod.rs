//! Native reader of a Cyrus spool.

pub mod mailbox;
