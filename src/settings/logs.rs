//! Settings of the sync logs that Cyrus's programs write.

use super::resolver::Resolver;
use crate::config::{Config, opt};
use crate::error::{Error, Kind, Result};

/// The sync logs that Cyrus's programs write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// Whether Cyrus's programs write sync logs.
    pub sync_log: bool,
    /// The channels that have a sync log. `None` stands for the log without a channel
    /// (`sync_log_init` in `imap/sync_log.c`).
    pub sync_log_channels: Vec<Option<String>>,
    /// The channel for changes that a process of Cyrus replicates before it answers its client
    /// (`sync_checkpoint` in `imap/sync_support.c`).
    pub sync_rightnow_channel: Option<String>,
}

impl Logs {
    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Logs {
        let sync_log = resolver.switch(opt::SYNC_LOG);
        let channels = resolver.string(opt::SYNC_LOG_CHANNELS);
        let names = channels.as_deref().unwrap_or("\"\"").split_whitespace();
        let names = names.map(|name| (name != "\"\"").then(|| name.to_owned()));
        let sync_log_channels = names.collect();
        let sync_rightnow_channel = resolver.string(opt::SYNC_RIGHTNOW_CHANNEL);
        Logs { sync_log, sync_log_channels, sync_rightnow_channel }
    }

    /// Fails if a channel is unknown, because Cyrus's programs do not log to it.
    pub(super) fn check_known(&self, channel: &str, config: &Config) -> Result<()> {
        let known = || self.sync_log_channels.iter().chain([&self.sync_rightnow_channel]).flatten();
        if channel.is_empty()
            || known().any(|name| name == channel)
            || config.has_options_of(channel)
        {
            return Ok(());
        }
        let listed: Vec<&str> = known().map(String::as_str).collect();
        let listed = if listed.is_empty() { "none".to_owned() } else { listed.join(", ") };
        let detail = format!(
            "{channel} is not in sync_log_channels, and no option {channel}_sync_... is set; known \
             channels: {listed}"
        );
        Err(Error::new(Kind::Config, "use", "channel", detail)
            .with_hint("choose one of these, or add the channel to sync_log_channels"))
    }
}
