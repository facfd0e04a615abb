//! Events in Cyrus's words: the lines of `-v` and of its syslog, so that what watches them keeps
//! working.

mod connection;
mod line;
mod phrase;
mod render;
mod repair;
mod run;
mod step;
mod store;
mod sync;
mod verify;

pub use line::{Line, To};
pub use render::{words, words_of};
