//! The differences because of which a mailbox must be sent to the replica.

use std::fmt;

use serde::Serialize;

use crate::types::SyncCrcs;

/// A difference because of which a mailbox must be sent to the replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Difference {
    /// The replica does not have the mailbox.
    Missing,
    /// A field of the mailbox has another value on the replica.
    #[non_exhaustive]
    Field {
        /// The name of the field on the wire.
        field: &'static str,
        /// The value of the field on the master.
        master: String,
        /// The value of the field on the replica.
        replica: String,
    },
    /// The annotations of the mailbox itself differ.
    Annotations,
    /// All fields are equal, but the CRCs show that records or annotations of messages differ.
    #[non_exhaustive]
    Crcs {
        /// The CRCs computed from the records of the master.
        master: SyncCrcs,
        /// The CRCs that the replica reports.
        replica: SyncCrcs,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Missing => write!(f, "not on the replica"),
            Difference::Field { field, master, replica } => {
                write!(f, "{field} is {master} here and {replica} on the replica")
            }
            Difference::Annotations => write!(f, "mailbox annotations differ"),
            Difference::Crcs { master, replica } => {
                write!(f, "sync CRCs are {master} here and {replica} on the replica")
            }
        }
    }
}
