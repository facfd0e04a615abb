//! Tests `sync_client --check-config` on real servers: a good pair gives no complaint, and each
//! problem gives its own. The modules sort the problems by subject.

mod common;
mod good;
mod lint;
mod local;
mod replica;
mod tls;
