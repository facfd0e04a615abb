//! Reads each option once, and notes what it found and where.

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

    /// The channel.
    pub fn channel(&self) -> Option<&'c str> {
        self.channel
    }

    /// Where the value of an option comes from.
    pub fn origin(&self, spec: &'static Spec) -> Origin {
        self.config.origin(spec, self.channel)
    }

    /// A text.
    pub fn string(&mut self, option: StringOpt) -> Option<String> {
        self.note(option.spec());
        self.config.string(option, self.channel).map(str::to_owned)
    }

    /// A text that has a default.
    pub fn text(&mut self, option: StringOpt) -> String {
        self.string(option).unwrap_or_default()
    }

    /// A file or directory.
    pub fn path(&mut self, option: StringOpt) -> Option<PathBuf> {
        self.string(option).map(PathBuf::from)
    }

    /// A switch.
    pub fn switch(&mut self, option: SwitchOpt) -> bool {
        let on = self.config.switch(option, self.channel);
        self.note_as(option.spec(), Some(yes_or_no(on)));
        on
    }

    /// A number.
    pub fn int(&mut self, option: IntOpt) -> i32 {
        self.note(option.spec());
        self.config.int(option, self.channel)
    }

    /// A number; `None` for `auto`.
    pub fn auto(&mut self, option: AutoOpt) -> Option<i32> {
        self.note(option.spec());
        self.config.auto(option, self.channel)
    }

    /// A duration; a negative one counts as zero.
    pub fn duration(&mut self, option: DurationOpt) -> Duration {
        self.note(option.spec());
        self.config.duration(option, self.channel)
    }

    /// One of these words; by the table of options it is one of them.
    pub fn choice<T: Copy>(&mut self, option: ChoiceOpt, words: &[(&str, T)], other: T) -> T {
        let chosen = self.config.choice(option, self.channel);
        self.note_as(option.spec(), Some(chosen.to_owned()));
        words.iter().find(|(word, _)| *word == chosen).map_or(other, |(_, value)| *value)
    }

    /// The words of a set that are there.
    pub fn set(&mut self, option: SetOpt) -> Vec<&'static str> {
        self.note(option.spec());
        let Type::AnyOf(words) = option.spec().kind else { return Vec::new() };
        words.iter().copied().filter(|word| self.config.contains(option, word)).collect()
    }

    /// A setting whose name is made from a host's or a partition's. It is shown if it is there.
    pub fn other(&mut self, key: &str) -> Option<String> {
        let value = self.config.other(key)?.to_owned();
        let origin = self.config.origin_of_other(key);
        self.shown.push(Shown::new(key, Some(value.clone()), origin));
        Some(value)
    }

    /// The ends of the names of all such settings that begin with `prefix`, sorted.
    pub fn others(&self, prefix: &str) -> Vec<String> {
        let mut ends: Vec<_> = self.config.others(prefix).map(str::to_owned).collect();
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    /// Puts what the caller asked for in the place of what was read last.
    pub fn overridden(&mut self, value: String) {
        if let Some(last) = self.shown.last_mut() {
            last.value = Some(value);
            last.origin = Origin::Override;
        }
    }

    /// Notes what only a caller can ask for. It is shown if it is not the default.
    pub fn asked(&mut self, flag: &str, value: Option<String>) {
        if value.is_some() {
            self.shown.push(Shown::new(flag, value, Origin::Override));
        }
    }

    /// The same of a flag without an argument.
    pub fn asked_for(&mut self, flag: &str, on: bool) -> bool {
        self.asked(flag, on.then(|| yes_or_no(true)));
        on
    }

    /// The error of a value that cannot be used, with the place that it comes from.
    pub fn refuse(&self, spec: &'static Spec, what: impl std::fmt::Display) -> Error {
        match self.origin(spec) {
            place @ Origin::Line { .. } => {
                let detail = format!("{}: {what}", spec.name);
                Error::new(Kind::Config, "read configuration", place.to_string(), detail)
            }
            _ => Error::new(Kind::Config, "use", spec.name, what.to_string()),
        }
    }

    /// All that was read, in the order in which it was.
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

/// As in imapd.conf.
pub(super) fn yes_or_no(on: bool) -> String {
    if on { "yes".to_owned() } else { "no".to_owned() }
}
