//! The replica to connect to, and the settings of the connection.

use super::bandwidth::Limiter;
use super::tls::Memory;
use crate::settings::{Connection, Target};

/// The replica to connect to, with everything that a connection needs.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The replica.
    pub target: Target,
    /// The settings of the connection.
    pub settings: Connection,
    /// What is known from earlier connections about the replica's use of TLS.
    pub memory: Memory,
    /// The shared bandwidth limit of all connections, if one is set.
    pub limiter: Option<Limiter>,
}
