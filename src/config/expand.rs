//! Paths below `configdirectory`.

use super::opt::{self, Spec, Type};

const CONFIGDIRECTORY: &str = "{configdirectory}";

/// Puts the directory where a text begins with `{configdirectory}`: only in options of the
/// table, as Cyrus does it, not in partitions.
pub(super) fn expand(spec: &Spec, text: &str, directory: &str) -> String {
    let head = text.get(..CONFIGDIRECTORY.len());
    if spec.kind == Type::String
        && spec.name != opt::CONFIGDIRECTORY.name()
        && head.is_some_and(|head| head.eq_ignore_ascii_case(CONFIGDIRECTORY))
    {
        let rest = text.get(CONFIGDIRECTORY.len()..).unwrap_or_default();
        return format!("{}{rest}", directory);
    }
    text.to_owned()
}
