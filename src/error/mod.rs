//! The only error type of the public API. An error has an operation, its subject and peer, the
//! problem, the cause, and a hint.
//!
//! For people, an [`Error`] is one line ([`std::fmt::Display`]). Programs read its parts: [`Kind`]
//! to branch on, [`Subject`] and [`Peer`] for the place, [`Scope`] for how much of a task failed,
//! and [`Error::parts`] for each single failure of a task.

mod io;
mod json;
mod kind;
mod malformed;
mod subject;
#[cfg(test)]
mod tests;
mod value;

#[cfg(feature = "capi")]
pub use io::os_error;
pub use io::reason;
pub(crate) use io::without_number;
pub use kind::{Kind, Scope};
pub use malformed::Malformed;
pub use subject::{Peer, Subject};
pub(crate) use value::Mark;
pub use value::{BriefError, Error, Result};
