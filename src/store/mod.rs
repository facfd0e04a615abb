//! The master's data as the engine sees it.
//!
//! [`Store`] is the seam between engine and data. [`spool`] reads a Cyrus spool natively; a program
//! that has the data by other means supplies a store of its own, of which `Checked` believes
//! nothing that it can check. Nothing here writes to the spool: the own server of a repair does
//! that, which is Cyrus itself.

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
pub use traits::{Crcs, Glance, Lock, Mailbox, MailboxFiles, Metadata, Records, Store, UserTree};
pub use writer::HostWriter;
