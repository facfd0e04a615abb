//! The name of a replica and its channel, for log lines about a connection.

use std::fmt;

use serde::Serialize;

/// A replica as it is named in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ReplicaName {
    /// The name of the server.
    pub server: String,
    /// The replication channel. `None` for a replica without a channel.
    pub channel: Option<String>,
}

impl From<&str> for ReplicaName {
    fn from(server: &str) -> Self {
        ReplicaName { server: server.to_owned(), channel: None }
    }
}

/// Formats the name as in Cyrus's log lines.
impl fmt::Display for ReplicaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server=<{}>", self.server)?;
        self.channel.as_ref().map_or(Ok(()), |channel| write!(f, " channel=<{channel}>"))
    }
}
