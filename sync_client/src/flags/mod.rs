//! Defines the table of flags, with one record for each flag. The parser, `--help` and the manual
//! page all use this table. [`Low`] is the parsed command line before imapd.conf is read.
//!
//! Flags and their meanings follow `main` in Cyrus 3.8.1's `imap/sync_client.c`.

mod flag;
mod parse;
mod table;

pub use flag::{Applies, Arg, Category, Flag, Low, Mode, Page, Step};
pub use parse::{Request, Usage, parse};
pub use table::FLAGS;
