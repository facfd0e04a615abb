//! Reads each option once. Records its value and origin.

use std::path::PathBuf;
use std::time::Duration;

use super::effective::EffectiveOption;
use crate::config::opt::{
    AutoOpt, ChoiceOpt, DurationOpt, IntOpt, SetOpt, Spec, StringOpt, SwitchOpt, Type,
};
use crate::config::{Config, Origin};
use crate::error::{Error, Kind};

/// Reads the options for one channel, or the general values.
pub(super) struct Resolver<'c> {
    config: &'c Config,
    channel: Option<&'c str>,
    options: Vec<EffectiveOption>,
}

impl<'c> Resolver<'c> {
    /// Makes a reader of the options of `config` for a channel.
    pub fn new(config: &'c Config, channel: Option<&'c str>) -> Resolver<'c> {
        Resolver { config, channel, options: Vec::new() }
    }

    /// Returns the channel.
    pub fn channel(&self) -> Option<&'c str> {
        self.channel
    }

    /// Returns the origin of an option's value.
    pub fn origin(&self, spec: &'static Spec) -> Origin {
        self.config.origin(spec, self.channel)
    }

    /// Reads a text.
    pub fn string(&mut self, option: StringOpt) -> Option<String> {
        self.note(option.spec());
        self.config.string(option, self.channel).map(str::to_owned)
    }

    /// Reads a text that has a default. Without one, an option that is not set is read as an empty
    /// text.
    pub fn text(&mut self, option: StringOpt) -> String {
        self.string(option).unwrap_or_default()
    }

    /// Reads the path of a file or directory.
    pub fn path(&mut self, option: StringOpt) -> Option<PathBuf> {
        self.string(option).map(PathBuf::from)
    }

    /// Reads a switch.
    pub fn switch(&mut self, option: SwitchOpt) -> bool {
        let on = self.config.switch(option, self.channel);
        self.note_as(option.spec(), Some(yes_or_no(on)));
        on
    }

    /// Reads a number.
    pub fn int(&mut self, option: IntOpt) -> i32 {
        self.note(option.spec());
        self.config.int(option, self.channel)
    }

    /// Reads a number. Returns `None` for `auto`.
    pub fn auto(&mut self, option: AutoOpt) -> Option<i32> {
        self.note(option.spec());
        self.config.auto(option, self.channel)
    }

    /// Reads a duration. A negative duration becomes zero.
    pub fn duration(&mut self, option: DurationOpt) -> Duration {
        self.note(option.spec());
        self.config.duration(option, self.channel)
    }

    /// Reads an option that must be one of some words, and returns the value that `words` has for
    /// the word. Returns `other` for other words.
    pub fn choice<T: Copy>(&mut self, option: ChoiceOpt, words: &[(&str, T)], other: T) -> T {
        let chosen = self.config.choice(option, self.channel);
        self.note_as(option.spec(), Some(chosen.to_owned()));
        words.iter().find(|(word, _)| *word == chosen).map_or(other, |(_, value)| *value)
    }

    /// Reads the words of a set.
    pub fn set(&mut self, option: SetOpt) -> Vec<&'static str> {
        self.note(option.spec());
        let Type::AnyOf(words) = option.spec().kind else { return Vec::new() };
        words.iter().copied().filter(|word| self.config.contains(option, word)).collect()
    }

    /// Reads a setting whose name contains the name of a host or partition. If it is set, it is
    /// recorded.
    pub fn other(&mut self, key: &str) -> Option<String> {
        let value = self.config.other(key)?.to_owned();
        let origin = self.config.origin_of_other(key);
        self.options.push(EffectiveOption::new(key, Some(value.clone()), origin));
        Some(value)
    }

    /// Returns the names of all settings outside the table that begin with `prefix`, sorted. The
    /// returned names are without the prefix.
    pub fn others(&self, prefix: &str) -> Vec<String> {
        let mut ends: Vec<_> = self.config.others(prefix).map(str::to_owned).collect();
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    /// Replaces the recorded value of the last option by the caller's value.
    pub fn overridden(&mut self, value: String) {
        if let Some(last) = self.options.last_mut() {
            last.value = Some(value);
            last.origin = Origin::Override;
        }
    }

    /// Records a value that only a caller can set, under the name `flag`. `None` is not recorded.
    pub fn asked(&mut self, flag: &str, value: Option<String>) {
        if value.is_some() {
            self.options.push(EffectiveOption::new(flag, value, Origin::Override));
        }
    }

    /// Records a flag that only a caller can set, if it is on. Returns `on`.
    pub fn asked_for(&mut self, flag: &str, on: bool) -> bool {
        self.asked(flag, on.then(|| yes_or_no(true)));
        on
    }

    /// Makes the error for a value that cannot be used. It names the origin of the value.
    pub fn refuse(&self, spec: &'static Spec, what: impl std::fmt::Display) -> Error {
        match self.origin(spec) {
            place @ Origin::Line { .. } => {
                let detail = format!("{}: {what}", spec.name);
                Error::new(Kind::Config, "read configuration", place.to_string(), detail)
            }
            _ => Error::new(Kind::Config, "use", spec.name, what.to_string()),
        }
    }

    /// Returns all recorded settings, in the order in which they were read.
    pub fn finish(self) -> Vec<EffectiveOption> {
        self.options
    }

    fn note(&mut self, spec: &'static Spec) {
        let value = self.config.text(spec, self.channel).map(str::to_owned);
        self.note_as(spec, value);
    }

    fn note_as(&mut self, spec: &'static Spec, value: Option<String>) {
        let origin = self.origin(spec);
        self.options.push(EffectiveOption::new(spec.name, value, origin));
    }
}

/// Returns a switch as imapd.conf has it.
pub(super) fn yes_or_no(on: bool) -> String {
    if on { "yes".to_owned() } else { "no".to_owned() }
}
