//! What a failure of the master's own server is called.

use std::path::Path;

use crate::error::{Error, Kind};

/// An error of the program at `path`.
pub(super) fn failed(path: &Path, detail: impl Into<String>) -> Error {
    let name = path.display();
    Error::new(Kind::OwnServer, "write through", format!("this server's own {name}"), detail)
}
