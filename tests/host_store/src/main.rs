//! `sync_client` with a host store: the same program, but what it knows of the master comes through
//! the structures and callbacks of `include/cyrsync.h`, from a host that has it from the spool.
//! The scenarios of `tests/replication` run with it as they are.

mod client;
mod host;
mod server;

fn main() -> std::process::ExitCode {
    sync_client::main_with(client::new)
}
