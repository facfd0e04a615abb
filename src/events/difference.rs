//! The reasons why a mailbox must be sent.

use std::fmt;

use serde::Serialize;

use crate::types::SyncCrcs;

/// The reason why a mailbox must be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Difference {
    /// The replica does not have the mailbox.
    Missing,
    /// A field has another value on the replica.
    #[non_exhaustive]
    Field {
        /// The field's name on the wire.
        field: &'static str,
        /// Its value on the master.
        master: String,
        /// Its value on the replica.
        replica: String,
    },
    /// The mailbox's own annotations differ.
    Annotations,
    /// All fields agree, but records or message annotations differ.
    #[non_exhaustive]
    Crcs {
        /// The CRCs as recomputed on the master.
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
