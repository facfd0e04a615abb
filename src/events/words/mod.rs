//! Renders events in the words of Cyrus, as lines of `-v` and of syslog. Programs that watch those
//! lines continue to work.

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
