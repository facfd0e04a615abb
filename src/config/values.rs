//! What a configuration holds.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check::{channel_switch, check, fold_on_off, parse_seconds, spec};
use super::expand::expand;
use super::opt::{self, ChoiceOpt, DurationOpt, IntOpt, SetOpt, Spec, StringOpt, SwitchOpt, Type};
use super::value;
use crate::error::{Error, Kind, Result};

/// A configuration. Its values were checked when it was read, so that looking one up cannot fail.
#[derive(Clone)]
pub struct Config {
    pub(super) service: String,
    /// Options of the table, by name.
    pub(super) known: HashMap<&'static str, Known>,
    /// Everything else: partitions, channels, SASL, options of other programs.
    pub(super) overflow: HashMap<String, String>,
    pub(super) notes: Vec<String>,
    pub(super) path: Option<PathBuf>,
}

#[derive(Clone)]
pub(super) struct Known {
    pub(super) text: String,
    /// Given as `<service>_<option>`, which wins over the plain one.
    pub(super) for_service: bool,
}

impl Config {
    /// Sets an option over what the file says: `sync_host`, `backup_sync_host`,
    /// `partition-default`. The value is checked.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let bad = |what: String| Error::new(Kind::Config, "set option", key, what);
        let key = key.to_ascii_lowercase();
        let value = value.trim();
        if value.is_empty() {
            return Err(bad("the value is empty".into()));
        }
        check(&key, value).map_err(|(what, hint)| bad(what).hint(hint))?;
        let former = opt::DEPRECATED.iter().find(|former| former.name == key);
        match spec(&key).or(former.map(|former| former.preferred)) {
            Some(spec) => {
                let directory = self.string(opt::CONFIGDIRECTORY).unwrap_or_default();
                let text = expand(spec, value, directory);
                self.known.insert(spec.name, Known { text, for_service: true });
            }
            None => {
                self.overflow.insert(key, value.to_owned());
            }
        }
        Ok(())
    }

    /// The file it was read from, as it was named; `None` if it was in memory.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What is odd about the file but no error: former names of options, lines that have no
    /// effect. For the log.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// `configdirectory`: databases, user files and locks are below it.
    pub fn directory(&self) -> &Path {
        // Always there: reading fails without.
        Path::new(self.string(opt::CONFIGDIRECTORY).unwrap_or_default())
    }

    /// A text, or its default.
    pub fn string(&self, option: StringOpt) -> Option<&str> {
        self.text(option.0)
    }

    /// A switch.
    pub fn switch(&self, option: SwitchOpt) -> bool {
        self.text(option.0).and_then(value::switch).unwrap_or_default()
    }

    /// A number.
    pub fn int(&self, option: IntOpt) -> i32 {
        self.text(option.0).and_then(value::int).unwrap_or_default()
    }

    /// A duration in seconds, which may be negative.
    pub fn seconds(&self, option: DurationOpt) -> i32 {
        self.text(option.0).and_then(|text| parse_seconds(option, text)).unwrap_or_default()
    }

    /// A duration; a negative one counts as zero.
    pub fn duration(&self, option: DurationOpt) -> Duration {
        Duration::from_secs(u64::try_from(self.seconds(option)).unwrap_or(0))
    }

    /// The chosen word: one of those in the table.
    pub fn choice(&self, option: ChoiceOpt) -> &str {
        let text = self.text(option.0).unwrap_or_default();
        match option.0.kind {
            Type::OnOffOr(_) => fold_on_off(text),
            _ => text,
        }
    }

    /// Whether `word` is among the words of a set.
    pub fn contains(&self, option: SetOpt, word: &str) -> bool {
        self.text(option.0).is_some_and(|text| text.split_ascii_whitespace().any(|w| w == word))
    }

    /// A text for a channel: `<channel>_<option>`, else `<option>`
    /// (`sync_get_config` in `imap/sync_support.c`).
    pub fn channel_string(&self, channel: Option<&str>, option: StringOpt) -> Option<&str> {
        self.for_channel(channel, option.name()).or_else(|| self.string(option))
    }

    /// A switch for a channel. Unlike `sync_get_switchconfig`, which takes `yes` for off here,
    /// all spellings of a switch are understood.
    pub fn channel_switch(&self, channel: Option<&str>, option: SwitchOpt) -> bool {
        let own = self.for_channel(channel, option.name()).and_then(channel_switch);
        own.unwrap_or_else(|| self.switch(option))
    }

    /// A duration for a channel in seconds (`sync_get_durationconfig`).
    pub fn channel_seconds(&self, channel: Option<&str>, option: DurationOpt) -> i32 {
        let own = self.for_channel(channel, option.name());
        own.and_then(|text| parse_seconds(option, text)).unwrap_or_else(|| self.seconds(option))
    }

    /// A duration for a channel; a negative one counts as zero.
    pub fn channel_duration(&self, channel: Option<&str>, option: DurationOpt) -> Duration {
        Duration::from_secs(u64::try_from(self.channel_seconds(channel, option)).unwrap_or(0))
    }

    /// The word chosen for a channel.
    pub fn channel_choice(&self, channel: Option<&str>, option: ChoiceOpt) -> &str {
        match (self.for_channel(channel, option.name()), option.0.kind) {
            (Some(own), Type::OnOffOr(_)) => fold_on_off(own),
            (Some(own), _) => own,
            (None, _) => self.choice(option),
        }
    }

    /// A number for a channel. Cyrus knows none; kept for symmetry with the others.
    pub fn channel_int(&self, channel: Option<&str>, option: IntOpt) -> i32 {
        let own = self.for_channel(channel, option.name()).and_then(value::int);
        own.unwrap_or_else(|| self.int(option))
    }

    /// A setting that is not in the table, such as `<host>_password`; `<service>_<key>` wins
    /// (`config_getoverflowstring`).
    pub fn overflow(&self, key: &str) -> Option<&str> {
        let key = key.to_ascii_lowercase();
        let own = self.overflow.get(&format!("{}_{key}", self.service));
        own.or_else(|| self.overflow.get(&key)).map(String::as_str)
    }

    /// All settings that are not in the table, in no order: for SASL's `sasl_*` among others.
    pub fn overflow_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.overflow.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    fn for_channel(&self, channel: Option<&str>, name: &str) -> Option<&str> {
        self.overflow(&format!("{}_{name}", channel?))
    }

    pub(super) fn text(&self, spec: &'static Spec) -> Option<&str> {
        self.known.get(spec.name).map(|known| known.text.as_str()).or(spec.default)
    }
}

/// Passwords do not show.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.iter().map(|(key, known)| (*key, known.text.as_str()));
        let mut all: Vec<_> = known.chain(self.overflow_settings()).collect();
        all.sort_unstable();
        let secret = |key: &str| key.contains("pass") || key.contains("secret");
        f.debug_map()
            .entries(all.into_iter().map(|(k, v)| (k, if secret(k) { "(not shown)" } else { v })))
            .finish()
    }
}
