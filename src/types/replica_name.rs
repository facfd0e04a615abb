//! The name of a replica and its channel, which log lines about a connection contain.

use std::fmt;

use serde::Serialize;

/// A configured replica.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ReplicaName {
    /// The name of the server in the configuration.
    pub server: String,
    /// The channel, if it has one.
    pub channel: Option<String>,
}

impl From<&str> for ReplicaName {
    fn from(server: &str) -> Self {
        ReplicaName { server: server.to_owned(), channel: None }
    }
}

/// Writes the name in the form of Cyrus's log lines.
impl fmt::Display for ReplicaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server=<{}>", self.server)?;
        self.channel.as_ref().map_or(Ok(()), |channel| write!(f, " channel=<{channel}>"))
    }
}
