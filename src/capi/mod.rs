//! Implements the C ABI of `include/cyrsync.h` as thin wrappers, without logic of its own.
//!
//! Each exported function checks its pointers, catches panics (see [`panic`]) and makes one call
//! into the Rust API. Its documentation is written for C programmers, because cbindgen copies it to
//! the header. Rules for all functions are at the head of the header, in `cbindgen.toml`.

#![allow(unsafe_code, reason = "C hands over pointers")]
#![allow(non_camel_case_types, reason = "the names are those of the header")]
#![allow(clippy::missing_safety_doc, reason = "the head of the header says it for all")]

mod c_string;
mod callbacks;
mod check;
mod client;
mod config;
mod error;
mod failure;
mod fallible;
mod finding;
mod handle;
mod host;
mod inspect;
mod listeners;
mod log_append;
mod matching;
mod names;
mod notices;
mod panic;
mod pieces;
mod plan;
mod progress;
mod reached;
mod result;
mod rolling;
mod sized;
mod status;
mod strings;
mod topics;
mod verify;
mod version;

pub use callbacks::*;
pub use check::*;
pub use client::*;
pub use config::*;
pub use error::*;
pub use failure::*;
pub use finding::*;
pub use handle::*;
pub use host::*;
pub use inspect::*;
pub use log_append::*;
pub use matching::*;
pub use notices::*;
pub use pieces::*;
pub use plan::*;
pub use progress::*;
pub use reached::*;
pub use result::*;
pub use rolling::*;
pub use status::*;
pub use strings::*;
pub use topics::*;
pub use verify::*;
pub use version::*;
