//! `sync_client`: the replication client on the command line, a drop-in for Cyrus's own.
//!
//! The words are read by a table ([`flags`]), resolved against imapd.conf ([`start`]) and
//! carried out ([`work`]); how it ended becomes an exit code here and in [`exit`] alone.

mod check;
mod chosen;
mod client;
mod connect;
mod console;
mod dry_run;
mod exit;
mod flags;
mod forget;
mod getopt;
mod list;
mod overrides;
mod pages;
mod program;
mod progress;
mod rolling;
mod show;
mod signals;
mod start;
mod status;
mod summary;
mod systemd;
mod terminal;
mod traffic;
mod verify;
mod work;

fn main() -> std::process::ExitCode {
    program::main()
}
