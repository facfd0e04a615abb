//! Reads each option once, and records its value and origin.

use std::path::PathBuf;
use std::time::Duration;

use super::shown::Shown;
use crate::config::opt::{
    AutoOpt, ChoiceOpt, DurationOpt, IntOpt, SetOpt, Spec, StringOpt, SwitchOpt, Type,
};
use crate::config::{Config, Origin};
use crate::error::{Error, Kind};

/// Reads options for one channel.
pub(super) struct Resolver<'c> {
    config: &'c Config,
    channel: Option<&'c str>,
    shown: Vec<Shown>,
}

impl<'c> Resolver<'c> {
    /// Reads `config` for a channel.
    pub fn new(config: &'c Config, channel: Option<&'c str>) -> Resolver<'c> {
        Resolver { config, channel, shown: Vec::new() }
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

    /// Reads a text that has a default.
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

    /// Reads a number; `None` for `auto`.
    pub fn auto(&mut self, option: AutoOpt) -> Option<i32> {
        self.note(option.spec());
        self.config.auto(option, self.channel)
    }

    /// Reads a duration; a negative one counts as zero.
    pub fn duration(&mut self, option: DurationOpt) -> Duration {
        self.note(option.spec());
        self.config.duration(option, self.channel)
    }

    /// Reads one of these words; the table of options has checked that it is one of them.
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

    /// Reads a setting whose name is made from the name of a host or partition. It is shown if it
    /// is set.
    pub fn other(&mut self, key: &str) -> Option<String> {
        let value = self.config.other(key)?.to_owned();
        let origin = self.config.origin_of_other(key);
        self.shown.push(Shown::new(key, Some(value.clone()), origin));
        Some(value)
    }

    /// Returns the names of all such settings that begin with `prefix`, sorted, without that
    /// prefix.
    pub fn others(&self, prefix: &str) -> Vec<String> {
        let mut ends: Vec<_> = self.config.others(prefix).map(str::to_owned).collect();
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    /// Replaces the value of the option that was read last by the caller's.
    pub fn overridden(&mut self, value: String) {
        if let Some(last) = self.shown.last_mut() {
            last.value = Some(value);
            last.origin = Origin::Override;
        }
    }

    /// Records a request that only a caller can make. It is shown if it is not the default.
    pub fn asked(&mut self, flag: &str, value: Option<String>) {
        if value.is_some() {
            self.shown.push(Shown::new(flag, value, Origin::Override));
        }
    }

    /// Records a flag without an argument in the same way.
    pub fn asked_for(&mut self, flag: &str, on: bool) -> bool {
        self.asked(flag, on.then(|| yes_or_no(true)));
        on
    }

    /// Returns the error of a value that cannot be used, with the value's origin.
    pub fn refuse(&self, spec: &'static Spec, what: impl std::fmt::Display) -> Error {
        match self.origin(spec) {
            place @ Origin::Line { .. } => {
                let detail = format!("{}: {what}", spec.name);
                Error::new(Kind::Config, "read configuration", place.to_string(), detail)
            }
            _ => Error::new(Kind::Config, "use", spec.name, what.to_string()),
        }
    }

    /// Returns everything that was read, in that order.
    pub fn finish(self) -> Vec<Shown> {
        self.shown
    }

    fn note(&mut self, spec: &'static Spec) {
        let value = self.config.text(spec, self.channel).map(str::to_owned);
        self.note_as(spec, value);
    }

    fn note_as(&mut self, spec: &'static Spec, value: Option<String>) {
        let origin = self.origin(spec);
        self.shown.push(Shown::new(spec.name, value, origin));
    }
}

/// Writes a switch in the grammar of imapd.conf.
pub(super) fn yes_or_no(on: bool) -> String {
    if on { "yes".to_owned() } else { "no".to_owned() }
}
