//! Runs `sync_client` with a host store: the library reads the master's data through the structures
//! and callbacks of `include/cyrsync.h`, and the callbacks read the spool. The scenarios of
//! `tests/replication` run with this program unchanged.

mod client;
mod host;
mod server;

fn main() -> std::process::ExitCode {
    sync_client::main_with(client::new)
}
