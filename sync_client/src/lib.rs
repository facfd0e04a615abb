//! Implements `sync_client`, the replication client on the command line and a drop-in for Cyrus's
//! program. It uses only public items of [`cyrsync`].
//!
//! `flags` parses the command line, `start` combines it with imapd.conf, and `work` runs the mode.
//! `program` and `exit` turn the result into an exit code.
//!
//! This package is also a library: a program whose mail is not in a Cyrus spool can offer the same
//! command line with [`main_with`].

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
