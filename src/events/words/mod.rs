//! Formats events as lines with the wording of Cyrus's programs, for `-v` and for syslog. So
//! programs that search for Cyrus's lines also find these lines.

mod connection;
mod output;
mod phrase;
mod render;
mod repair;
mod run;
mod step;
mod store;
mod sync;
mod verify;

pub use output::{Line, To};
pub use render::{line, line_for};
