//! The table of flags: one record each, from which come the parser, `--help` and the manual
//! page; and [`Low`], what was typed, not yet resolved against imapd.conf.
//!
//! Flags and their meanings are those of `main` in Cyrus 3.8.1's `imap/sync_client.c`.

mod flag;
mod parse;
mod table;

pub use flag::{Applies, Arg, Category, Flag, Low, Mode, Page, Step};
pub use parse::{Request, Usage, parse};
pub use table::FLAGS;
