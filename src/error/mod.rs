//! The only error type of the public API: it has the operation, its subject and peer, the problem,
//! the reason, and a hint.
//!
//! For people an [`Error`] is one line ([`std::fmt::Display`]). Programs read its values: [`Kind`]
//! to branch on, [`Subject`] and [`Peer`] for the place, [`Scope`] for how much of a task it
//! affects, [`Error::parts`] for every single failure of a task.

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
