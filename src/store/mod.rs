//! Access to the mail and other data of the master.
//!
//! [`Store`] is the interface between the replication engine and the data. [`spool`] implements it
//! for the files of a Cyrus mail spool. A program that keeps the data in another way supplies its
//! own store; `Checked` then checks everything that this store returns. Nothing here writes to the
//! spool: repairs write through Cyrus's own server.
//!
//! Terms of Cyrus: an entry is a record of mailboxes.db, which describes one mailbox. A tombstone
//! is the entry of a deleted mailbox. An intermediate is an entry for a parent name without a
//! mailbox. A reserved entry belongs to a mailbox that is still being created.

mod annotations;
mod checked;
mod count;
mod crcs;
mod errors;
mod message;
mod read;
mod skip;
pub mod spool;
mod traits;
mod writer;

pub use crate::sys::lock::Wait;
pub use annotations::MessageAnnotations;
pub(crate) use checked::Checked;
pub(crate) use count::RecordCount;
pub(crate) use errors::MESSAGE_REPAIR;
#[cfg(feature = "capi")]
pub(crate) use errors::senseless;
pub use message::MessageFile;
pub use read::{Crcs, ReadMailbox};
pub use traits::{
    Lock, Mailbox, MailboxFiles, Metadata, Records, ScriptDirectory, Store, UnlockedState, UserTree,
};
pub use writer::HostWriter;
