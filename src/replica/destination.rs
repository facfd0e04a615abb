//! Which replica to connect to, and how.

use super::bandwidth::Limiter;
use super::tls::Memory;
use crate::settings::{Connection, Target};

/// The replica to connect to, with everything that a connection needs.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The replica.
    pub target: Target,
    /// How to connect to it.
    pub settings: Connection,
    /// What earlier connections have shown about its encryption.
    pub memory: Memory,
    /// The shared bandwidth limit of all connections, if one is set.
    pub limiter: Option<Limiter>,
}
