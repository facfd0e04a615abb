//! Why a mailbox must be sent.

use std::fmt;

use serde::Serialize;

use crate::types::SyncCrcs;

/// Why a mailbox must be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Difference {
    /// The replica does not have it.
    Missing,
    /// A field has another value there.
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
    /// All fields agree but records or message annotations do not.
    Crcs {
        /// Recomputed on the master.
        master: SyncCrcs,
        /// As the replica reports them.
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
