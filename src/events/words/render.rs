//! Finds the words of an event.

use super::line::{Line, To};
use super::{connection, repair, run, step, store, sync, verify};
use crate::events::event::Event;

/// The line that stands for an event; `None` if Cyrus says nothing of it.
pub fn words(event: &Event) -> Option<Line> {
    Some(match event {
        Event::Step(step) => Line::verbose(step::text(step)),
        // Its step follows; how it ended is for the caller.
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
