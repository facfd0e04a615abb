//! Creates a client that reads the master's data through the callbacks of a host.

use std::sync::Arc;

use cyrsync::host::Spool;
use cyrsync::{Cancel, Client, Observer, Settings};

use crate::host::{Host, table};

/// Creates the client for this variant of the program.
pub fn new(
    settings: Settings,
    cancel: Cancel,
    observer: Arc<dyn Observer>,
) -> cyrsync::Result<Client> {
    let spool = Spool::open(&settings, observer.clone())?;
    // Debian's path, unless a scenario sets another one.
    let program = settings.sync_server_path().unwrap_or("/usr/lib/cyrus/bin/sync_server".as_ref());
    let program = program.to_owned();
    let host = Host::new(spool, program, settings.file().map(Into::into));
    let table = table(host);
    // SAFETY: the table is complete, and its functions follow the rules of the header.
    unsafe { cyrsync::capi::client_with_host(&table, settings, cancel, observer) }
}
