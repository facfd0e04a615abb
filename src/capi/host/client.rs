//! Makes clients that use a host store.

use std::sync::Arc;

use super::functions::cyrsync_host;
use super::store::Hosted;
use super::table::Table;
use super::writer::Writer;
use crate::engine::{Cancel, Client};
use crate::error::{Error, Kind, Result};
use crate::events::Observer;
use crate::settings::Settings;
use crate::store::{HostWriter, Wait};

/// Makes a client that calls the functions of a table that was already checked.
pub(in crate::capi) fn client_over(
    table: Arc<Table>,
    settings: Settings,
    cancel: Cancel,
    observer: Arc<dyn Observer>,
) -> Result<Client> {
    let writes = table.functions().apply.is_some();
    let writer = writes.then(|| Box::new(Writer(table.clone())) as Box<dyn HostWriter>);
    let store = Hosted { wait: Wait::up_to(settings.lock_patience), table };
    Client::builder(settings).cancel(cancel).observer(observer).host(store, writer).build()
}

/// Makes a client like [`cyrsync_client_new_with_host`](crate::capi::cyrsync_client_new_with_host),
/// but as a Rust [`Client`]. It is for tests that supply a table like a C program.
///
/// # Safety
/// `host` must be NULL or a table whose size member is its true size, and whose functions follow
/// the rules of the header.
#[doc(hidden)]
pub unsafe fn client_with_host(
    host: *const cyrsync_host,
    settings: Settings,
    cancel: Cancel,
    observer: Arc<dyn Observer>,
) -> Result<Client> {
    // SAFETY: guaranteed by the caller (see `# Safety`).
    let table = unsafe { Table::new(host) }.map_err(|failure| {
        let detail = failure.message.to_string_lossy().into_owned();
        Error::new(Kind::InvalidArgument, "use", "host", detail)
    })?;
    client_over(table, settings, cancel, observer)
}
