//! Errors of the master's own `sync_server`.

use std::path::Path;

use crate::error::{Error, Kind, Peer};

/// Makes the error for a failure of the program at `path`.
pub(super) fn failed(path: &Path, detail: impl Into<String>) -> Error {
    let name = path.display();
    Error::new(Kind::OwnServer, "write through", format!("this server's own {name}"), detail)
        .with_peer(Peer::OwnServer { path: path.to_owned() })
}
