//! `sync_client --check-config` on real servers: no complaint about a good pair, and each
//! complaint, sorted by its subject.

mod common;
mod good;
mod lint;
mod local;
mod replica;
mod tls;
