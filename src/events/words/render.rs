//! Formats an event as a line of output.

use super::output::{Line, To};
use super::{connection, repair, run, step, store, sync, verify};
use crate::events::event::Event;
use crate::events::run::RunEvent;
use crate::events::sync::SyncEvent;
use crate::types::{Level, ReplicaName};

/// Returns the line of an event. Returns `None` for events that have no line.
pub fn line(event: &Event) -> Option<Line> {
    Some(match event {
        Event::Step(step) => Line::verbose(step::text(step)),
        // The step that follows `Differs` has a line. The caller of the library reports the result
        // of an item.
        Event::Differs { .. } | Event::Ended(_) => return None,
        Event::Unreachable { server, pause, .. } => {
            let seconds = pause.as_secs();
            let text =
                format!("Can not connect to server '{server}', retrying in {seconds} seconds");
            Line { to: To::Terminal, text }
        }
        Event::Connection(event) => connection::line(event),
        Event::Store(event) => store::line(event),
        Event::Sync(event) => sync::line(event),
        Event::Repair(event) => repair::line(event),
        Event::Run(event) => run::line(event),
        Event::Verify(event) => verify::line(event),
    })
}

/// Returns the line of an event that a client of `replica` reports. Errors and warnings get the
/// name of the replica appended, because one log may contain the lines of many clients.
pub fn line_for(event: &Event, replica: &ReplicaName) -> Option<Line> {
    let mut line = line(event)?;
    if matches!(line.to, To::Log(Level::Error | Level::Warning)) && !names_replica(event) {
        line.text.push_str(&format!(" {replica}"));
    }
    Some(line)
}

fn names_replica(event: &Event) -> bool {
    matches!(
        event,
        Event::Run(
            RunEvent::ConnectFailed { .. }
                | RunEvent::StillUnreachable { .. }
                | RunEvent::ReachableAgain { .. }
        ) | Event::Sync(SyncEvent::UserFailed { .. })
    )
}
