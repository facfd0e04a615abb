//! Tests repairs of mailboxes that were changed on both sides, between real Cyrus servers.

mod cases;
mod check;
#[allow(dead_code, reason = "shared with the tests of replication")]
#[path = "../replication/common.rs"]
mod common;
mod identities;
mod kills;
mod master_untouched;
mod random;
mod writers;
