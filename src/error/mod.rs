//! The one error type of the public API: what was done, to what and with whom, what went wrong,
//! why, and what to do next.
//!
//! An [`Error`] is for people as one line ([`std::fmt::Display`]) and for programs as values:
//! [`Kind`] to branch on, [`Subject`] and [`Peer`] to know where, [`Scope`] to know how much of a
//! unit of work it concerns, [`Error::parts`] for every single failure of such a unit.

mod io;
mod json;
mod kind;
mod malformed;
mod subject;
#[cfg(test)]
mod tests;
mod value;

pub use io::{os_error, reason};
pub use kind::{Kind, Scope};
pub use malformed::Malformed;
pub use subject::{Peer, Subject};
pub(crate) use value::Mark;
pub use value::{Error, Mention, Result};
