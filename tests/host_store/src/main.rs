//! `sync_client` with a host store: the same program, but what it knows of the master comes through
//! the structures and callbacks of `include/cyrsync.h`, from a host that has it from the spool.
//! The scenarios of `tests/replication` run with it as they are.

mod client;
mod host;
mod server;

#[path = "../../../src/bin/sync_client/check.rs"]
mod check;
#[path = "../../../src/bin/sync_client/chosen.rs"]
mod chosen;
#[path = "../../../src/bin/sync_client/connect.rs"]
mod connect;
#[path = "../../../src/bin/sync_client/console.rs"]
mod console;
#[path = "../../../src/bin/sync_client/dry_run.rs"]
mod dry_run;
#[path = "../../../src/bin/sync_client/exit.rs"]
mod exit;
#[path = "../../../src/bin/sync_client/flags/mod.rs"]
mod flags;
#[path = "../../../src/bin/sync_client/forget.rs"]
mod forget;
#[path = "../../../src/bin/sync_client/getopt.rs"]
mod getopt;
#[path = "../../../src/bin/sync_client/list.rs"]
mod list;
#[path = "../../../src/bin/sync_client/overrides.rs"]
mod overrides;
#[path = "../../../src/bin/sync_client/pages.rs"]
mod pages;
#[path = "../../../src/bin/sync_client/program.rs"]
mod program;
#[path = "../../../src/bin/sync_client/progress.rs"]
mod progress;
#[path = "../../../src/bin/sync_client/rolling.rs"]
mod rolling;
#[path = "../../../src/bin/sync_client/show.rs"]
mod show;
#[path = "../../../src/bin/sync_client/signals.rs"]
mod signals;
#[path = "../../../src/bin/sync_client/start.rs"]
mod start;
#[path = "../../../src/bin/sync_client/status.rs"]
mod status;
#[path = "../../../src/bin/sync_client/summary.rs"]
mod summary;
#[path = "../../../src/bin/sync_client/systemd.rs"]
mod systemd;
#[path = "../../../src/bin/sync_client/terminal.rs"]
mod terminal;
#[path = "../../../src/bin/sync_client/traffic.rs"]
mod traffic;
#[path = "../../../src/bin/sync_client/verify.rs"]
mod verify;
#[path = "../../../src/bin/sync_client/work.rs"]
mod work;

fn main() -> std::process::ExitCode {
    program::main()
}
