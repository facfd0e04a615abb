//! Checks imapd.conf: whether it can be read, and whether its options are known.

use std::fs::File;

use super::value::{Check, Topic, told};
use crate::config::{Config, Misspelt, Origin, misspelt, unknown_to_cyrus};
use crate::error::{Error, reason};

/// Checks whether all files can be read and all values are valid. `refused` is the error of an
/// invalid value.
pub(super) fn read(config: &Config, refused: Option<&Error>) -> Check {
    let topic = Topic::Configuration;
    if let Some(error) = refused {
        return Check::failed(topic, error);
    }
    let closed = config.files().iter().find_map(|file| Some((file, File::open(file).err()?)));
    if let Some((file, error)) = closed {
        let detail =
            format!("{}: read by root, but by nobody else: {}", file.display(), reason(&error));
        return Check::warn(topic, detail, "make it readable for the cyrus user");
    }
    let files: Vec<String> = config.files().iter().map(|file| file.display().to_string()).collect();
    Check::ok(topic, if files.is_empty() { "from memory".to_owned() } else { files.join(", ") })
}

/// Checks whether option names are spelt correctly and are up to date.
pub(super) fn options(config: &Config) -> Check {
    let topic = Topic::Options;
    let slips = misspelt(config);
    let name = |origin: &Origin| match origin {
        Origin::Line { key, .. } => format!("{origin}: {key}"),
        _ => origin.to_string(),
    };
    let slip = |slip: &Misspelt| match &slip.near {
        Some(near) => format!("{} is no option ({near}?)", name(&slip.origin)),
        None => format!("{} is no option", name(&slip.origin)),
    };
    let odd: Vec<String> = slips.iter().map(slip).chain(config.notes().iter().cloned()).collect();
    if odd.is_empty() {
        return Check::ok(topic, "no name is misspelt or out of date");
    }
    let hint = if slips.is_empty() {
        "bring the lines up to date"
    } else {
        "correct the name: nobody reads such a line"
    };
    Check::warn(topic, odd.join(", "), hint)
}

/// Reports which of the options that this program reads Cyrus's own check will report as unknown.
/// They do no harm.
pub(super) fn conf_lint(config: &Config) -> Check {
    let unknown: Vec<String> = (unknown_to_cyrus(config).into_iter())
        .filter_map(|origin| match origin {
            Origin::Line { line, key, .. } => Some(format!("{key} (line {line})")),
            _ => None,
        })
        .collect();
    let detail = if unknown.is_empty() {
        "it has nothing to report of what is read here".to_owned()
    } else {
        format!("it will report {}, which Cyrus does not know and passes over", unknown.join(", "))
    };
    Check::ok(Topic::ConfLint, detail)
}

/// Returns the reason why nothing else can be checked.
pub(super) fn unreadable(error: &Error) -> String {
    format!("the configuration cannot be used ({})", told(error))
}
