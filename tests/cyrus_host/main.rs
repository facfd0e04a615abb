//! The engine inside a process of Cyrus: the host store on Cyrus's own functions (cyrus-host).

mod build;
mod checkpoint;
mod client;
mod commands;
mod crashes;
mod filled;
mod fuse;
mod kinds;
mod newer;
mod reads;
mod several;
