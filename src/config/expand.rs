//! Expands `{configdirectory}` in paths.

use super::opt::{self, Spec, Type};

const CONFIGDIRECTORY: &str = "{configdirectory}";

/// Replaces `{configdirectory}` at the beginning of a value by the directory. Like Cyrus, does this
/// only for options of the table, not for partitions.
pub(super) fn expand(spec: &Spec, text: &str, directory: &str) -> String {
    let is_text =
        matches!(spec.kind, Type::String | Type::Server | Type::Port | Type::Fingerprints);
    if is_text && spec.name != opt::CONFIGDIRECTORY.spec().name && is_below(text) {
        let rest = text.get(CONFIGDIRECTORY.len()..).unwrap_or_default();
        return format!("{}{rest}", directory);
    }
    text.to_owned()
}

/// Returns whether a text begins with `{configdirectory}`.
pub(super) fn is_below(text: &str) -> bool {
    let head = text.get(..CONFIGDIRECTORY.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(CONFIGDIRECTORY))
}
