//! The type [`Config`], and the functions that read its values.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check::{channel_switch, check, fold_on_off, parse_seconds, spec};
use super::expand::expand;
use super::opt::{
    self, AutoOpt, ChoiceOpt, DurationOpt, IntOpt, SetOpt, Spec, StringOpt, SwitchOpt, Type,
};
use super::origin::Origin;
use super::value;
use crate::error::{Error, Kind, Result};

/// A configuration that was read from imapd.conf. Its values were checked when it was read, so
/// reading a value later cannot fail. [`Settings`](crate::settings::Settings) are made from it.
///
/// ```
/// use cyrsync::Config;
///
/// let bad = b"configdirectory: /conf\nsync_port: 70000\n";
/// let error = Config::from_text(bad, "imapd.conf").unwrap_err();
/// assert!(error.to_string().contains("imapd.conf line 2: sync_port: 70000"));
/// ```
#[derive(Clone)]
pub struct Config {
    pub(super) service: String,
    /// Values of the options in the table [`opt`], by name.
    pub(super) known: HashMap<&'static str, Known>,
    /// Values of all other names: partitions, channels, SASL, options of other programs.
    pub(super) overflow: HashMap<String, Given>,
    pub(super) notes: Vec<String>,
    /// The files that were read, in order.
    pub(super) files: Vec<PathBuf>,
    /// Origin of every setting in the files, in order, also of those without an effect.
    pub(super) lines: Vec<Origin>,
    pub(super) path: Option<PathBuf>,
}

/// A value and its origin.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) origin: Origin,
}

#[derive(Clone)]
pub(super) struct Known {
    pub(super) given: Given,
    /// Whether the name was `<service>_<option>`, which overrides `<option>`.
    pub(super) for_service: bool,
}

impl Config {
    /// Sets an option and overrides the file. Examples of names: `sync_host`, `backup_sync_host`
    /// for the channel `backup`, `partition-default`. The value is checked.
    ///
    /// # Errors
    /// [`Kind::Config`] if the option is unknown, or the value is not one that it can have.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let bad = |what: String| Error::new(Kind::Config, "set option", key, what);
        let key = key.to_ascii_lowercase();
        let value = value.trim();
        if value.is_empty() {
            return Err(bad("the value is empty".into()));
        }
        check(&key, value).map_err(|(what, hint)| bad(what).with_hint(hint))?;
        let former = opt::DEPRECATED.iter().find(|former| former.name == key);
        let given = |text| Given { text, origin: Origin::Program };
        match spec(&key).or(former.map(|former| former.preferred)) {
            Some(spec) => {
                let directory = self.string(opt::CONFIGDIRECTORY, None).unwrap_or_default();
                let given = given(expand(spec, value, directory));
                self.known.insert(spec.name, Known { given, for_service: true });
            }
            None => {
                self.overflow.insert(key, given(value.to_owned()));
            }
        }
        Ok(())
    }

    /// Returns whether the file sets any option for this channel only, such as `second_sync_host`
    /// for the channel `second`.
    pub fn has_options_of(&self, channel: &str) -> bool {
        let prefix = format!("{}_sync_", channel.to_ascii_lowercase());
        self.overflow.keys().any(|key| key.starts_with(&prefix))
    }

    /// Returns the path of the file, as the caller gave it. Returns `None` if the configuration was
    /// in memory.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the files that were read. An included file comes after the file that includes it.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Returns notes for the log about problems that are not errors: former names of options, and
    /// lines without an effect.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns `configdirectory`, the directory of databases, user files and locks.
    pub fn directory(&self) -> &Path {
        // It is always set: reading a file without it fails.
        Path::new(self.string(opt::CONFIGDIRECTORY, None).unwrap_or_default())
    }

    /// Returns a text: the channel's value if it has one, otherwise the general value, otherwise
    /// the default.
    pub(crate) fn string(&self, option: StringOpt, channel: Option<&str>) -> Option<&str> {
        self.text(option.spec(), channel)
    }

    /// Returns a switch. All spellings of a switch are accepted for a channel too; Cyrus's
    /// `sync_get_switchconfig` reads `yes` as off there.
    pub(crate) fn switch(&self, option: SwitchOpt, channel: Option<&str>) -> bool {
        let own = self.of_channel(option.spec(), channel);
        let own = own.and_then(|given| channel_switch(&given.text));
        let general = || self.text(option.spec(), None).and_then(value::switch);
        own.or_else(general).unwrap_or_default()
    }

    /// Returns a number.
    pub(crate) fn int(&self, option: IntOpt, channel: Option<&str>) -> i32 {
        self.text(option.spec(), channel).and_then(value::int).unwrap_or_default()
    }

    /// Returns a number, or `None` for `auto`.
    pub(crate) fn auto(&self, option: AutoOpt, channel: Option<&str>) -> Option<i32> {
        self.text(option.spec(), channel).and_then(value::int)
    }

    /// Returns a duration in seconds, which may be negative.
    pub(crate) fn seconds(&self, option: DurationOpt, channel: Option<&str>) -> i32 {
        let text = self.text(option.spec(), channel);
        text.and_then(|text| parse_seconds(option, text)).unwrap_or_default()
    }

    /// Returns a duration. A negative duration becomes zero.
    pub(crate) fn duration(&self, option: DurationOpt, channel: Option<&str>) -> Duration {
        Duration::from_secs(u64::try_from(self.seconds(option, channel)).unwrap_or(0))
    }

    /// Returns the value of an option that must be one of some words.
    pub(crate) fn choice(&self, option: ChoiceOpt, channel: Option<&str>) -> &str {
        let text = self.text(option.spec(), channel).unwrap_or_default();
        match option.spec().kind {
            Type::OnOffOr(_) => fold_on_off(text),
            _ => text,
        }
    }

    /// Returns whether the value of a set contains `word`.
    pub(crate) fn contains(&self, option: SetOpt, word: &str) -> bool {
        let text = self.text(option.spec(), None).unwrap_or_default();
        text.split_ascii_whitespace().any(|w| w == word)
    }

    /// Returns a setting that is not in the table, such as `<host>_mechs`. `<service>_<key>`
    /// overrides `<key>` (`config_getoverflowstring`).
    pub(crate) fn other(&self, key: &str) -> Option<&str> {
        self.other_given(key).map(|given| given.text.as_str())
    }

    /// Returns the names of settings that are not in the table and begin with `prefix`, such as
    /// `partition-`. The returned names are without the prefix.
    pub(crate) fn others(&self, prefix: &str) -> impl Iterator<Item = &str> {
        self.overflow.keys().filter_map(move |key| {
            let own = key.strip_prefix(&*self.service).and_then(|rest| rest.strip_prefix('_'));
            own.unwrap_or(key).strip_prefix(prefix)
        })
    }

    /// Returns the origin of an option's value.
    pub(crate) fn origin(&self, spec: &'static Spec, channel: Option<&str>) -> Origin {
        self.given(spec, channel).map_or(Origin::Default, |given| given.origin.clone())
    }

    /// Returns the origin of a setting that is not in the table.
    pub(crate) fn origin_of_other(&self, key: &str) -> Origin {
        self.other_given(key).map_or(Origin::Default, |given| given.origin.clone())
    }

    /// Returns the value of an option as text.
    pub(crate) fn text(&self, spec: &'static Spec, channel: Option<&str>) -> Option<&str> {
        self.given(spec, channel).map(|given| given.text.as_str()).or(spec.default)
    }

    fn given(&self, spec: &'static Spec, channel: Option<&str>) -> Option<&Given> {
        let general = || self.known.get(spec.name).map(|known| &known.given);
        self.of_channel(spec, channel).or_else(general)
    }

    fn of_channel(&self, spec: &'static Spec, channel: Option<&str>) -> Option<&Given> {
        let channel = channel.filter(|_| spec.has_channels())?;
        self.other_given(&format!("{channel}_{}", spec.name))
    }

    fn other_given(&self, key: &str) -> Option<&Given> {
        let key = key.to_ascii_lowercase();
        let own = self.overflow.get(&format!("{}_{key}", self.service));
        own.or_else(|| self.overflow.get(&key))
    }
}

/// Returns whether the value of this name must not be shown, because it is a password.
pub(crate) fn is_secret(key: &str) -> bool {
    key.contains("pass") || key.contains("secret")
}

/// Writes the values sorted by name, without passwords.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.iter().map(|(key, known)| (*key, &known.given.text));
        let others = self.overflow.iter().map(|(key, given)| (key.as_str(), &given.text));
        let mut all: Vec<(&str, &str)> =
            known.chain(others).map(|(key, text)| (key, text.as_str())).collect();
        all.sort_unstable();
        let shown = all.into_iter().map(|(key, text)| {
            let text = if is_secret(key) { "(not shown)" } else { text };
            (key, text)
        });
        f.debug_map().entries(shown).finish()
    }
}
