//! Where the master's data comes from: a host.

use std::sync::Arc;

use cyrsync::config::Config;
use cyrsync::engine::{Client, Options};
use cyrsync::events::Observer;
use cyrsync::internals;
use cyrsync::store::Wait;
use cyrsync::store::spool::Spool;

use crate::host::{Host, table};

/// A client of this program.
pub fn new(
    config: Config,
    options: Options,
    observer: Arc<dyn Observer>,
) -> cyrsync::Result<Client> {
    let patience = options.lock_patience.map_or(Wait::Block, Wait::For);
    let spool = Spool::open(&config, observer.clone())?
        .for_channel(options.channel.as_deref())
        .with_patience(patience);
    let program = internals::find(&config);
    let host = Host::new(spool, program, config.path().map(Into::into));
    let table = table(host);
    // SAFETY: the table is complete, and its functions do as the header asks.
    unsafe { cyrsync::capi::client_with_host(&table, config, options, observer) }
}
