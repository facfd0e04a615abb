//! How our sync_client reaches a real replica: over csync and IMAP, in clear and encrypted, by
//! socket and by name; and what it refuses.

mod apart;
mod common;
mod connecting;
mod effort;
mod fails_closed;
mod handshakes;
mod keepalive;
mod matrix;
mod refused;
mod revoked;
mod terminator;
mod trust;
mod ways;
