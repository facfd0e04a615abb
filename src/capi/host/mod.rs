//! The host store in C: what a process of Cyrus supplies instead of files that the library reads.
//!
//! [`structs`] and [`functions`] are what the header shows. Behind them [`table`] keeps what the
//! host gave, [`glue`] calls it, [`read`] takes over what it emits, and [`store`], [`mailbox`] and
//! [`writer`] make of it what the engine works on.

use std::sync::Arc;

use crate::config::Config;
use crate::engine::{Client, Options};
use crate::error::{Error, Kind, Result};
use crate::events::Observer;
use crate::store::host::HostWriter;

mod functions;
mod glue;
mod mailbox;
mod read;
mod store;
mod structs;
mod table;
mod writer;

pub use functions::*;
pub(super) use store::Hosted;
pub use structs::*;
pub(super) use table::Table;

/// The client of Rust that [`cyrsync_client_new_with_host`](super::cyrsync_client_new_with_host)
/// makes: for tests that reach a host store from Rust.
///
/// # Safety
/// `host` must be NULL or a table whose size member tells its size truly, and whose functions do as
/// the header asks.
#[doc(hidden)]
pub unsafe fn client_with_host(
    host: *const cyrsync_host,
    config: Config,
    options: Options,
    observer: Arc<dyn Observer>,
) -> Result<Client> {
    // SAFETY: the caller's promise.
    let table = unsafe { Table::new(host) }.map_err(|failure| {
        let detail = failure.message.to_string_lossy().into_owned();
        Error::new(Kind::InvalidArgument, "use", "host", detail)
    })?;
    let writes = table.functions().apply.is_some();
    let writer = writes.then(|| Box::new(Hosted(table.clone())) as Box<dyn HostWriter>);
    Client::with_host(config, options, observer, Hosted(table), writer)
}
