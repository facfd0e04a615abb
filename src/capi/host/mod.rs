//! Implements the host store for C: a process of Cyrus supplies the mail store's data through
//! functions, instead of files that the library reads.
//!
//! [`structs`] and [`functions`] define the types of the header. [`table`] keeps the host's
//! functions, [`glue`] calls them, and [`read`] converts what they emit. [`store`], [`mailbox`] and
//! [`writer`] implement the traits of the engine with them.

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
