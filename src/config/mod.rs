//! imapd.conf as Cyrus 3.8.1 reads it (`config_read` in `lib/libconfig.c`, and what
//! `cyrus_init` in `imap/global.c` adds).
//!
//! ```
//! use cyrsync::config::{Config, opt};
//!
//! let text = b"configdirectory: /conf\nsync_host: a\nbackup_sync_host: b\n";
//! let config = Config::from_text(text, "imapd.conf")?;
//! assert_eq!(config.channel_string(None, opt::SYNC_HOST), Some("a"));
//! assert_eq!(config.channel_string(Some("backup"), opt::SYNC_HOST), Some("b"));
//! # Ok::<(), cyrsync::Error>(())
//! ```

mod lines;
pub mod opt;
mod read;
pub mod value;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use opt::{ChoiceOpt, DurationOpt, IntOpt, SetOpt, Spec, StringOpt, SwitchOpt, Type};

/// Where Cyrus looks for its configuration.
pub const DEFAULT_PATH: &str = "/etc/imapd.conf";

/// The service name of Cyrus's replication client: `sync_client_<option>` overrides `<option>`.
pub const SERVICE: &str = "sync_client";

const CONFIGDIRECTORY: &str = "{configdirectory}";

/// A configuration. Its values were checked when it was read, so that looking one up cannot fail.
#[derive(Clone)]
pub struct Config {
    service: String,
    /// Options of the table, by name.
    known: HashMap<&'static str, Known>,
    /// Everything else: partitions, channels, SASL, options of other programs.
    overflow: HashMap<String, String>,
    notes: Vec<String>,
    path: Option<PathBuf>,
}

#[derive(Clone)]
struct Known {
    text: String,
    /// Given as `<service>_<option>`, which wins over the plain one.
    for_service: bool,
}

impl Config {
    /// Reads `path` as [`SERVICE`] does. If `CYRUS_PREFIX` is in the environment, the file under
    /// that prefix is tried first, as Cyrus does, for includes too.
    ///
    /// [`Kind::Config`] or [`Kind::Io`], naming file, line and option.
    pub fn load(path: impl AsRef<Path>) -> Result<Config> {
        Config::load_for(path, SERVICE)
    }

    /// As [`Config::load`], with `<service>_<option>` overriding `<option>`.
    pub fn load_for(path: impl AsRef<Path>, service: &str) -> Result<Config> {
        let prefix = std::env::var_os("CYRUS_PREFIX").filter(|p| !p.is_empty());
        let config = read::file(path.as_ref(), service, prefix.as_deref())?;
        Ok(Config { path: Some(path.as_ref().to_owned()), ..config })
    }

    /// Reads a configuration that is in memory; `name` stands for its path in errors.
    /// Files it includes are read from disk.
    pub fn from_text(text: &[u8], name: impl AsRef<Path>) -> Result<Config> {
        read::text(text, name.as_ref(), SERVICE)
    }

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
                let text = self.expand(spec, value);
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

    /// Root directory of a partition: `partition-<name>`.
    pub fn partition(&self, name: &str) -> Option<&Path> {
        self.overflow(&format!("partition-{name}")).map(Path::new)
    }

    /// Root directory of a partition's metadata: `metapartition-<name>`. Which files lie there is
    /// for [`opt::METAPARTITION_FILES`] to say.
    pub fn metapartition(&self, name: &str) -> Option<&Path> {
        self.overflow(&format!("metapartition-{name}")).map(Path::new)
    }

    /// Root directory of a partition's archived messages: `archivepartition-<name>`, if archiving
    /// is on.
    pub fn archivepartition(&self, name: &str) -> Option<&Path> {
        if !self.switch(opt::ARCHIVE_ENABLED) {
            return None;
        }
        self.overflow(&format!("archivepartition-{name}")).map(Path::new)
    }

    fn for_channel(&self, channel: Option<&str>, name: &str) -> Option<&str> {
        self.overflow(&format!("{}_{name}", channel?))
    }

    fn text(&self, spec: &'static Spec) -> Option<&str> {
        self.known.get(spec.name).map(|known| known.text.as_str()).or(spec.default)
    }

    /// Puts the directory where a text begins with `{configdirectory}`: only in options of the
    /// table, as Cyrus does it, not in partitions.
    fn expand(&self, spec: &Spec, text: &str) -> String {
        let head = text.get(..CONFIGDIRECTORY.len());
        if spec.kind == Type::String
            && spec.name != opt::CONFIGDIRECTORY.name()
            && head.is_some_and(|head| head.eq_ignore_ascii_case(CONFIGDIRECTORY))
        {
            let rest = text.get(CONFIGDIRECTORY.len()..).unwrap_or_default();
            return format!("{}{rest}", self.string(opt::CONFIGDIRECTORY).unwrap_or_default());
        }
        text.to_owned()
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

fn spec(name: &str) -> Option<&'static Spec> {
    opt::ALL.iter().copied().find(|spec| spec.name == name)
}

/// A key of an option for one channel: `<channel>_sync_...`.
fn channel_spec(key: &str) -> Option<&'static Spec> {
    opt::ALL.iter().copied().find(|spec| {
        spec.name.starts_with("sync_")
            && key.strip_suffix(spec.name).is_some_and(|head| head.len() > 1 && head.ends_with('_'))
    })
}

fn fold_on_off(text: &str) -> &str {
    match text {
        "1" | "yes" | "t" | "true" => "on",
        "0" | "no" | "f" | "false" => "off",
        other => other,
    }
}

/// Cyrus reads a channel's switch with `atoi`: any number but 0 is on.
fn channel_switch(text: &str) -> Option<bool> {
    value::int(text).map(|n| n != 0).or_else(|| value::switch(text))
}

fn parse_seconds(option: DurationOpt, text: &str) -> Option<i32> {
    let Type::Duration(unit) = option.0.kind else { return None };
    value::duration(text, unit)
}

/// Checks the value of an option of the table, also under its name for a channel. The error says
/// what is wrong and how to write it right. Other settings may hold anything.
fn check(key: &str, text: &str) -> Result<(), (String, String)> {
    let (spec, for_channel) = match (spec(key), opt::DEPRECATED.iter().find(|d| d.name == key)) {
        (Some(spec), _) => (spec, false),
        (None, Some(former)) => (former.preferred, false),
        (None, None) => match channel_spec(key) {
            Some(spec) => (spec, true),
            None => return Ok(()),
        },
    };
    let (valid, what, hint) = match spec.kind {
        Type::String => return Ok(()),
        Type::Switch if for_channel => {
            (channel_switch(text).is_some(), "a switch", "write yes or no, in lower case".into())
        }
        Type::Switch => {
            (value::switch(text).is_some(), "a switch", "write yes or no, in lower case".into())
        }
        Type::Int => (
            value::int(text).is_some(),
            "a number",
            "write a whole number of 32 bits, without a unit".into(),
        ),
        Type::Duration(unit) => (
            value::duration(text, unit).is_some(),
            "a duration",
            "write numbers with d, h, m or s and no blanks, such as 30m or 1d12h".into(),
        ),
        Type::OneOf(words) => {
            (words.contains(&text), "a choice", format!("write one of: {}", words.join(", ")))
        }
        Type::OnOffOr(words) => (
            words.contains(&fold_on_off(text)),
            "a choice",
            format!("write one of: {}", words.join(", ")),
        ),
        Type::AnyOf(words) => (
            text.split_ascii_whitespace().all(|word| words.contains(&word)),
            "a set of words",
            format!("write any of these, separated by blanks: {}", words.join(" ")),
        ),
    };
    if valid { Ok(()) } else { Err((format!("{key}: {text:?} is not {what}"), hint)) }
}

#[cfg(test)]
mod tests;
