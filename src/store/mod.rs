//! Access to the master's data.
//!
//! [`Store`] is the interface between the engine and the data. [`spool`] reads a Cyrus spool
//! natively. A program that keeps the data in another way supplies its own store; `Checked` then
//! checks everything that it returns. Nothing here writes to the spool: repairs write through
//! Cyrus's own server.

mod annotations;
mod checked;
mod count;
mod crcs;
mod errors;
mod message;
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
pub use traits::{
    Crcs, Glance, Lock, Mailbox, MailboxFiles, Metadata, Records, ScriptDirectory, Store, UserTree,
};
pub use writer::HostWriter;
