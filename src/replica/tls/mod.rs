//! TLS: which certificates are taken, and the layer itself.
//!
//! Cyrus's client verifies no certificate (`tls_init_clientengine` in `imap/tls.c`). Here one is
//! verified as soon as there is something to verify it with; see `docs/transport.md`.

mod channel;
mod der;
mod failure;
mod identity;
mod memory;
mod setup;
mod trust;
mod validity;
pub(in crate::replica) mod verified;
mod verify;

pub use channel::Channel;
#[cfg(test)]
pub use memory::Committed;
pub use memory::Memory;
pub use setup::Setup;
pub use verified::VerifiedServers;
