//! Tests the replication engine inside a process of Cyrus. It accesses the master through Cyrus's
//! own functions (cyrus-host).

mod build;
mod checkpoint;
mod client;
mod commands;
mod crashes;
mod filled;
mod fuse;
mod kinds;
mod locks;
mod names;
mod newer;
mod reads;
mod several;
