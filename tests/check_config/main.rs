//! `sync_client --check-config` on real servers: all in order on a good pair, and each complaint by
//! what it is about.

mod common;
mod good;
mod lint;
mod local;
mod replica;
mod tls;
