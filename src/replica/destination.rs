//! Where to connect to, and how.

use super::bandwidth::Limiter;
use super::tls::Memory;
use crate::settings::{Connection, Target};

/// Where to connect to, and how.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The replica.
    pub target: Target,
    /// How to connect to it.
    pub settings: Connection,
    /// What is remembered of its encryption.
    pub memory: Memory,
    /// What limits how fast all connections together send, if something does.
    pub limiter: Option<Limiter>,
}
