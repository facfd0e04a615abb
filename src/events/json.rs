//! Renders events as JSON for programs.

use serde::Serialize;

use super::event::Event;
use super::words::{To, line};
use crate::types::Level;

/// An event together with the severity of its log line.
#[derive(Serialize)]
struct Object<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
    #[serde(flatten)]
    event: &'e Event,
}

/// Returns an event as a JSON object, without a line end. `event` has the name of the event's
/// family (the variant of [`Event`]), and `what` or `command` the name of the event in the family.
/// `level` exists only if the event has a log line.
///
/// A name or path is a string if it is UTF-8. Otherwise it is an object: `text` has the name with
/// replacement characters, and `base64` all bytes.
pub fn json(event: &Event) -> String {
    let level = line(event).and_then(|line| match line.to {
        To::Log(level) => Some(level),
        To::Verbose | To::Terminal | To::Answer => None,
    });
    // This cannot fail. Serialization fails only for maps whose keys are not strings, and events
    // have no such maps.
    serde_json::to_string(&Object { level, event }).unwrap_or_default()
}
