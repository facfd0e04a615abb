//! The replication client.
fn main() {}
