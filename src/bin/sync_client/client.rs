//! Where the master's data comes from: the spool.

use std::sync::Arc;

use cyrsync::engine::{Cancel, Client};
use cyrsync::events::Observer;
use cyrsync::settings::Settings;

/// A client of this program.
pub fn new(
    settings: Settings,
    cancel: Cancel,
    observer: Arc<dyn Observer>,
) -> cyrsync::Result<Client> {
    Client::new(settings, cancel, observer)
}
