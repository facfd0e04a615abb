//! TLS: decides which certificates to accept, and encrypts.
//!
//! Cyrus's client verifies no certificates (`tls_init_clientengine` in `imap/tls.c`). This client
//! verifies them if imapd.conf names trusted certificates or a fingerprint; see
//! `docs/transport.md`.

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
