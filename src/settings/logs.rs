//! Which sync logs there are.

use super::resolver::Resolver;
use crate::config::opt;

/// The sync logs that Cyrus's programs write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// Whether they write any.
    pub sync_log: bool,
    /// The channels that have one; `None` is the log without a channel (`sync_log_init` in
    /// `imap/sync_log.c`).
    pub sync_log_channels: Vec<Option<String>>,
}

impl Logs {
    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Logs {
        let sync_log = resolver.switch(opt::SYNC_LOG);
        let channels = resolver.string(opt::SYNC_LOG_CHANNELS);
        let names = channels.as_deref().unwrap_or("\"\"").split_whitespace();
        let names = names.map(|name| (name != "\"\"").then(|| name.to_owned()));
        Logs { sync_log, sync_log_channels: names.collect() }
    }
}
