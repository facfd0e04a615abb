//! TLS: how it is configured, which certificates are taken, and the layer itself.
//!
//! Cyrus's client verifies no certificate (`tls_init_clientengine` in `imap/tls.c`). Here one is
//! verified as soon as there is something to verify it with; see `docs/transport.md`.

mod channel;
mod der;
mod failure;
mod fingerprint;
mod identity;
mod settings;
mod setup;
mod trust;
pub(in crate::replica) mod verified;
mod verify;

pub use channel::Channel;
pub use fingerprint::Fingerprint;
pub use settings::{Committed, Mode, Settings};
pub use setup::Setup;
pub use verified::VerifiedServers;
