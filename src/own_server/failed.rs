//! Errors of the master's own `sync_server`.

use std::path::Path;

use crate::error::{Error, Kind, Peer};

/// The operation in all errors of the master's own `sync_server`. Its path follows.
pub(super) const WRITE: &str = "write to this server through";

/// Makes the error for a failure of the `sync_server` at `path`.
pub(super) fn failed(path: &Path, detail: impl Into<String>) -> Error {
    Error::new(Kind::OwnServer, WRITE, path.display().to_string(), detail)
        .with_peer(Peer::OwnServer { path: path.to_owned() })
}
