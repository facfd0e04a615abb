//! Runs `sync_client` with a host store. It is the same program, but it reads the master's data
//! through the structures and callbacks of `include/cyrsync.h`. The host behind them reads the
//! spool. The scenarios of `tests/replication` run with it unchanged.

mod client;
mod host;
mod server;

fn main() -> std::process::ExitCode {
    sync_client::main_with(client::new)
}
