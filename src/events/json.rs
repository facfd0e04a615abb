//! Events as JSON, for programs.

use serde::Serialize;

use super::event::Event;
use super::words::{To, words};
use crate::types::Level;

/// An event with the severity of the line that stands for it.
#[derive(Serialize)]
struct Object<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
    #[serde(flatten)]
    event: &'e Event,
}

/// An event as one JSON object without a line's end. `event` says what it is, and within a family
/// `what` or `command`; `level` is there where the event has a line in the log.
///
/// Names and paths may hold bytes that are not UTF-8. Such a one is an object: `text` is what can
/// be read of it, `base64` all of it. Any other is a string.
pub fn json(event: &Event) -> String {
    let level = words(event).and_then(|line| match line.to {
        To::Log(level) => Some(level),
        To::Verbose | To::Terminal | To::Answer => None,
    });
    // Fails only if a map has keys that are no strings, which none has.
    serde_json::to_string(&Object { level, event }).unwrap_or_default()
}
