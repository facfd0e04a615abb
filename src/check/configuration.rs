//! Checks imapd.conf: whether it can be read, and whether its options exist.

use std::fs::File;

use super::value::{Check, Topic, reported};
use crate::config::{Config, Misspelt, Origin, misspelt, unknown_to_cyrus};
use crate::error::{Error, reason};

/// Checks whether all files of the configuration can be read and all values are valid. `refused` is
/// the error of an invalid value, if there is one.
pub(super) fn read(config: &Config, refused: Option<&Error>) -> Check {
    let topic = Topic::Configuration;
    if let Some(error) = refused {
        return Check::failed(topic, error);
    }
    let closed = config.files().iter().find_map(|file| Some((file, File::open(file).err()?)));
    if let Some((file, error)) = closed {
        let detail = format!(
            "{}: root read this file, but this user cannot read it: {}",
            file.display(),
            reason(&error)
        );
        return Check::warn(topic, detail, "make the file readable for the cyrus user");
    }
    let files: Vec<String> = config.files().iter().map(|file| file.display().to_string()).collect();
    if files.is_empty() {
        return Check::ok(topic, "set by the program, not in a file");
    }
    Check::ok(topic, files.join(", "))
}

/// Checks the names of the options: whether they are spelt correctly, and not replaced by newer
/// names.
pub(super) fn options(config: &Config) -> Check {
    let topic = Topic::Options;
    let slips = misspelt(config);
    let name = |origin: &Origin| match origin {
        Origin::Line { key, .. } => format!("{origin}: {key}"),
        _ => origin.to_string(),
    };
    let slip = |slip: &Misspelt| match &slip.near {
        Some(near) => format!("{} is not an option (did you mean {near}?)", name(&slip.origin)),
        None => format!("{} is not an option", name(&slip.origin)),
    };
    let odd: Vec<String> = slips.iter().map(slip).chain(config.notes().iter().cloned()).collect();
    if odd.is_empty() {
        return Check::ok(topic, "all names are correct and up to date");
    }
    let hint = if slips.is_empty() {
        "replace the old names by the new ones"
    } else {
        "correct the name: no program reads such a line"
    };
    Check::warn(topic, odd.join(", "), hint)
}

/// Lists the options of this program that `cyr_info conf-lint` will report as unknown. These
/// reports can be ignored.
pub(super) fn conf_lint(config: &Config) -> Check {
    let unknown: Vec<String> = (unknown_to_cyrus(config).into_iter())
        .filter_map(|origin| match origin {
            Origin::Line { line, key, .. } => Some(format!("{key} (line {line})")),
            _ => None,
        })
        .collect();
    let detail = if unknown.is_empty() {
        "it will report no option that this program reads".to_owned()
    } else {
        format!("it will report {}, which Cyrus does not know and ignores", unknown.join(", "))
    };
    Check::ok(Topic::ConfLint, detail)
}

/// Returns the text for checks that are skipped because the configuration cannot be used.
pub(super) fn unreadable(error: &Error) -> String {
    format!("the configuration cannot be used ({})", reported(error))
}
