//! Renders events as JSON for programs.

use serde::Serialize;

use super::event::Event;
use super::words::{To, words};
use crate::types::Level;

/// An event with the severity of its log line.
#[derive(Serialize)]
struct Object<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
    #[serde(flatten)]
    event: &'e Event,
}

/// Returns an event as a JSON object without a line end. `event` names its family, and `what` or
/// `command` the event within the family. `level` is present if the event has a log line.
///
/// Names and paths that are not UTF-8 are objects: `text` holds the readable part, `base64` all
/// bytes. All other names and paths are strings.
pub fn json(event: &Event) -> String {
    let level = words(event).and_then(|line| match line.to {
        To::Log(level) => Some(level),
        To::Verbose | To::Terminal | To::Answer => None,
    });
    // Serialization fails only for maps with keys that are not strings, and no event has such a
    // map.
    serde_json::to_string(&Object { level, event }).unwrap_or_default()
}
