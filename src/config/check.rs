//! Checks the values of options.

use super::bandwidth::Bandwidth;
use super::expand::is_below;
use super::fingerprint::Fingerprint;
use super::opt::{self, DurationOpt, Spec, Type};
use super::server::{Target, service_port};
use super::value;
use crate::error::Error;

pub(super) fn spec(name: &str) -> Option<&'static Spec> {
    opt::ALL.iter().copied().find(|spec| spec.name == name)
}

/// Returns the option of a key of the form `<channel>_sync_...`.
pub(super) fn channel_spec(key: &str) -> Option<&'static Spec> {
    opt::ALL.iter().copied().find(|spec| {
        spec.name.starts_with("sync_")
            && key.strip_suffix(spec.name).is_some_and(|head| head.len() > 1 && head.ends_with('_'))
    })
}

pub(super) fn fold_on_off(text: &str) -> &str {
    match text {
        "1" | "yes" | "t" | "true" => "on",
        "0" | "no" | "f" | "false" => "off",
        other => other,
    }
}

/// Parses a channel's switch. Cyrus reads it with `atoi`, so any number except 0 means on.
pub(super) fn channel_switch(text: &str) -> Option<bool> {
    value::int(text).map(|n| n != 0).or_else(|| value::switch(text))
}

pub(super) fn parse_seconds(option: DurationOpt, text: &str) -> Option<i32> {
    let Type::Duration(unit) = option.spec().kind else { return None };
    value::duration(text, unit)
}

/// Checks the value of an option of the table, also if the key has a channel before the name. The
/// error consists of the problem, and a hint that describes valid values. Values of other settings
/// are not checked.
pub(super) fn check(key: &str, text: &str) -> Result<(), (String, String)> {
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
        // The value will be expanded to the path of a UNIX socket.
        Type::Server if is_below(text) => return Ok(()),
        Type::Server => {
            return Target::parse(text).map(drop).map_err(|error| reported(key, &error));
        }
        Type::Port => return service_port(text).map(drop).map_err(|error| reported(key, &error)),
        Type::Fingerprints => {
            return Fingerprint::parse_all(text).map(drop).map_err(|error| reported(key, &error));
        }
        Type::Bandwidth => {
            return Bandwidth::parse(text).map(drop).map_err(|error| reported(key, &error));
        }
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
        Type::AutoOr(first, last) => (
            text == "auto"
                || value::int(text).is_some_and(|number| (first..=last).contains(&number)),
            "auto or a number in the allowed range",
            format!("write auto, or a whole number from {first} to {last}"),
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
            "a list of known words",
            format!("use only these words, separated by blanks: {}", words.join(" ")),
        ),
    };
    if valid { Ok(()) } else { Err((format!("{key}: {text:?} is not {what}"), hint)) }
}

/// Returns the problem and the hint of an error of the value's own parser.
fn reported(key: &str, error: &Error) -> (String, String) {
    (format!("{key}: {}: {}", error.subject(), error.detail()), error.hint().to_owned())
}
