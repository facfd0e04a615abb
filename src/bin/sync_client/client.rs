//! Where the master's data comes from: the spool.

use std::sync::Arc;

use cyrsync::config::Config;
use cyrsync::engine::{Client, Options};
use cyrsync::events::Observer;

/// A client of this program.
pub fn new(
    config: Config,
    options: Options,
    observer: Arc<dyn Observer>,
) -> cyrsync::Result<Client> {
    Client::new(config, options, observer)
}
