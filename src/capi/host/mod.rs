//! The host store in C: what a process of Cyrus supplies instead of files that the library reads.
//!
//! [`structs`] and [`functions`] are what the header shows. Behind them [`table`] keeps what the
//! host gave, [`glue`] calls it, [`read`] takes over what it emits, and [`store`], [`mailbox`] and
//! [`writer`] make of it what the engine works on.

mod client;
mod emitted;
mod functions;
mod given;
mod glue;
mod mailbox;
mod of_c;
mod read;
mod store;
mod structs;
mod table;
mod writer;

pub(super) use client::client_over;
pub use client::client_with_host;
pub use functions::*;
pub use structs::*;
pub(super) use table::Table;
