//! The engine: compares the master with the replica and sends what differs.
//!
//! A task goes through stages, each a folder with what it decides (pure) apart from what it does:
//! [`folders`] brings the replica's mailboxes to their names, [`survey`] finds which must be sent
//! and reads them, [`transfer`] sends them, [`usermeta`] brings over what belongs to a user beside
//! mailboxes, [`repair`] makes one again what both sides were written to. What they share is a
//! [`Pass`]. The engine knows the traits [`Store`](crate::store::Store) and
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
pub use mailboxes::mailboxes;
pub use master::Master;
pub use meta::meta;
#[cfg(test)]
pub use pass::Parts;
pub use pass::{Helpers, Offer, Owners, Pass};
pub use pieces::{has_inbox, pieces, quota, unuser, with_relatives};
pub use transfer::staged::Staged;
pub use user::{ask_user, user};
pub use usermeta::annotations::annotations;
