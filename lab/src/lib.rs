//! # Throwaway Cyrus servers
//!
//! [`Lab::new`] gives a test (or the demonstration) a real Cyrus master and a real replica in
//! temporary directories, on free ports of 127.0.0.1, as the user cyrus; dropping it leaves
//! nothing behind. Around it:
//!
//! - [`SyncServer`]: Cyrus's own replication server on a socket pair, to look into a spool and to
//!   fill it fast ([`fill`])
//! - [`Imap`], [`lmtp`], [`Sieve`]: change a live server as mail clients do; [`random`] does so at random
//! - [`SieveDirectory`]: scripts where Cyrus kept them before 3.6
//! - [`compare`](compare()): every difference between two servers, field by field
//! - [`run`]: Cyrus's sync_client and ours, with all they print and log
//! - [`certs`]: certificates for TLS
//! - [`tools`]: Cyrus's own checks (`reconstruct -n`, `quota`, ...)
//! - [`index_file`]: writes to a cyrus.index what an old Cyrus or damage left there
//! - [`Proxy`]: delays, counts and records what crosses the wire, and breaks it; [`Link`]: a line of
//!   some rate and length that carries much at little cost
//! - [`bench`](mod@bench): the benchmark, `make bench`
//!
//! The lab shares no code with the library it tests, so that the same misunderstanding is not on
//! both sides. Its functions panic with an explanation when the servers do not do as told:
//! in a test that is the failure wanted.

pub mod bench;
pub mod certs;
mod compare;
mod cyrus;
mod dlist;
pub mod fill;
mod guard;
mod imap;
pub mod index_file;
mod lab;
mod link;
pub mod lmtp;
pub mod mail;
mod options;
pub mod places;
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
pub use proxy::{Fault, Proxy, Traffic};
pub use random::random_changes;
pub use rng::Rng;
pub use run::{Cost, Run, cyrus_sync_client, sync_client};
pub use sieve::Sieve;
pub use sieve_directory::{SieveDirectory, scripts};
pub use sync_server::{Reply, SyncServer};
