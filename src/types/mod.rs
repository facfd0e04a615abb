//! The data types of Cyrus replication: mailboxes, messages, annotations and their parts.
//!
//! Names and texts are byte strings, which need not be UTF-8. `Display` replaces invalid bytes.

mod annotation;
mod backlog;
mod bytes;
pub(crate) mod crc;
mod guid;
pub(crate) mod header;
mod json;
mod level;
mod mailbox;
mod mboxtype;
mod meta;
mod numbers;
mod options;
mod pattern;
mod record;
mod replica_name;

pub use annotation::Annotation;
pub use backlog::Backlog;
pub use bytes::{MboxName, Text, UniqueId, UserId};
pub use crc::SyncCrcs;
pub(crate) use crc::{CrcSum, ThreadIds};
pub use guid::Guid;
pub use header::MailboxHeader;
pub(crate) use json::{serialize_path, serialize_seconds};
pub use level::Level;
pub use mailbox::{FormerName, MailboxEntry, MailboxState};
pub use mboxtype::MboxType;
pub use meta::{QUOTA_RESOURCES, Quota, Seen, SieveScript};
pub use numbers::{Modseq, Time, Uid};
pub use options::Options;
pub use pattern::Pattern;
pub use record::{InternalFlags, Record, SystemFlags};
pub use replica_name::ReplicaName;
