//! # Throwaway Cyrus servers
//!
//! [`Lab::new`] starts a real Cyrus master and a real replica for a test or the demonstration. They
//! run in temporary directories, on free ports of 127.0.0.1, as the user cyrus. Dropping the lab
//! removes everything. Other parts are:
//!
//! - [`SyncServer`]: Cyrus's own replication server on a socket pair, to read a spool and to fill
//!   it fast ([`fill`])
//! - [`Imap`], [`lmtp`], [`Sieve`]: change a live server like mail clients; [`random`] does so
//!   randomly
//! - [`SieveDirectory`]: scripts in the directories where Cyrus stored them before 3.6
//! - [`compare`](compare()): finds every difference between two servers, field by field
//! - [`run`]: runs Cyrus's sync_client and ours, and keeps everything they print and log
//! - [`certs`]: certificates for TLS
//! - [`tools`]: Cyrus's own checks (`reconstruct -n`, `quota`, ...)
//! - [`index_file`]: changes a cyrus.index like an old Cyrus, or like damage
//! - [`Proxy`]: delays, counts and records traffic, and breaks connections; [`Link`]: a line with a
//!   rate and a round trip, for large amounts of traffic
//! - [`bench`](mod@bench): the benchmark, `make bench`
//!
//! The lab shares no code with the library it tests, so that both do not make the same mistake. Its
//! functions panic with an explanation if a server fails, so that the test fails.

pub mod bench;
pub mod certs;
mod compare;
mod cyrus;
mod dlist;
pub mod fill;
mod gate;
mod guard;
mod imap;
pub mod index_file;
mod lab;
mod link;
pub mod lmtp;
pub mod mail;
mod options;
pub mod places;
mod port;
mod proxy;
pub mod random;
pub mod recorded;
mod rng;
pub mod run;
mod sieve;
mod sieve_directory;
mod sync_server;
pub mod text;
pub mod tools;
pub mod trees;

pub use compare::{Difference, compare, describe};
pub use cyrus::Cyrus;
pub use dlist::Value;
pub use imap::{Imap, Response, Status, quote};
pub use lab::{Lab, another_replica, replica_settings};
pub use link::{Carried, Line, Link};
pub use lmtp::Lmtp;
pub use options::{ADMIN, Options, PASSWORD, REPLICATOR};
pub use port::Port;
pub use proxy::{Fault, Proxy, Traffic};
pub use random::random_changes;
pub use rng::Rng;
pub use run::{Cost, Run, cyrus_sync_client, sync_client};
pub use sieve::Sieve;
pub use sieve_directory::{SieveDirectory, scripts};
pub use sync_server::{Reply, SyncServer};

/// The directory of the repository.
pub fn checkout() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the lab lies in it")
}
