//! The simulator: whole histories in one process, without sockets, files, sleep or real time, all
//! drawn from one seed.

mod apply;
mod chance;
mod check;
mod get;
mod history;
mod link;
mod master;
mod server;
mod spool;
mod twin;
mod update;
mod world;
mod writer;

use std::io::{Seek, Write};

/// A file with these bytes.
fn message_file(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile_in("/dev/shm").unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}
