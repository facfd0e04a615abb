//! How our sync_client reaches a real replica: csync and IMAP, in clear and encrypted, by socket
//! and by name; and what it refuses.

mod common;
mod matrix;
mod trust;
mod ways;
