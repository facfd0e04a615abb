//! Tests how our sync_client connects to a real replica: over csync and IMAP, unencrypted and
//! encrypted, by socket and by name; and which connections it refuses.

mod apart;
mod authentication;
mod changed;
mod common;
mod connecting;
mod effort;
mod fails_closed;
mod handshakes;
mod keepalive;
mod matrix;
mod refused;
mod revoked;
#[cfg(feature = "libsasl2")]
mod sasl2;
mod terminator;
mod trust;
mod ways;
