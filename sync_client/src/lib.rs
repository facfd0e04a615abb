//! `sync_client`: the replication client on the command line, a drop-in for Cyrus's own, on the
//! public names of [`cyrsync`] and nothing else.
//!
//! The words are read by a table (`flags`), resolved against imapd.conf (`start`) and carried out
//! (`work`); how it ended becomes an exit code in `program` and `exit`.
//!
//! It is a library, so that a program whose mail store is not a Cyrus spool can have the same command
//! line: [`main_with`].

mod check;
mod chosen;
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
mod sys;
mod systemd;
mod terminal;
mod traffic;
mod verify;
mod work;

pub use program::{main, main_with};
pub use start::NewClient;
