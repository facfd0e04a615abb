//! Which replica, over which channel: what every line about a connection names.

use std::fmt;

use serde::Serialize;

/// A replica as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ReplicaName {
    /// The server's name as configured.
    pub server: String,
    /// The channel, if it has one.
    pub channel: Option<String>,
}

impl From<&str> for ReplicaName {
    fn from(server: &str) -> Self {
        ReplicaName { server: server.to_owned(), channel: None }
    }
}

/// In the form that Cyrus's log lines have.
impl fmt::Display for ReplicaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server=<{}>", self.server)?;
        self.channel.as_ref().map_or(Ok(()), |channel| write!(f, " channel=<{channel}>"))
    }
}
