//! The engine: compares the master with the replica and sends the differences.
//!
//! A task replicates, for example, one user. It goes through stages. Each stage has its own folder,
//! in which pure decisions are separate from actions. [`folders`] renames and deletes the replica's
//! mailboxes like the master's. [`survey`] finds the mailboxes that must be sent and reads them.
//! [`transfer`] sends them. [`usermeta`] replicates a user's data besides mailboxes. [`repair`]
//! merges mailboxes that were changed on both sides. [`verify`] compares both sides and changes
//! nothing. All stages work on a [`Pass`], which holds the store, the session with the replica, and
//! the settings. The engine uses only the traits [`Store`](crate::store::Store) and
//! [`Replica`](crate::replica::Replica), never files or sockets.

mod cache;
mod cancel;
mod care;
mod clock;
mod contents;
mod failures;
pub(crate) mod folders;
mod mailboxes;
mod master;
mod meta;
mod pass;
mod pieces;
pub(crate) mod repair;
mod shared_todo;
pub(crate) mod survey;
#[cfg(test)]
mod tests;
pub(crate) mod transfer;
mod tries;
mod user;
pub(crate) mod usermeta;
pub(crate) mod verify;

pub use cache::Cache;
pub use cancel::{Cancel, TICK, Waited};
pub use care::{Care, is_left_out};
pub use failures::{is_locked, is_put_off};
pub use mailboxes::{logged_mailboxes, mailboxes};
pub use master::Master;
pub use meta::meta;
#[cfg(test)]
pub use pass::Parts;
pub use pass::{Helpers, Owners, Pass, SharedParts};
pub use pieces::{has_inbox, pieces, quota, unuser, with_relatives};
pub use transfer::staged::Staged;
pub use user::{ask_user, user};
pub use usermeta::annotations::annotations;
pub use usermeta::turns::QuotaTurns;
