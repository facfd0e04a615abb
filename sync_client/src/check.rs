//! `--check-config`: whether the configuration will do.

use std::sync::Arc;

use cyrsync::check::{Grade, Request, Topic, check as look};

use crate::exit::{Exit, Fatal};
use crate::flags::Low;
use crate::overrides::{overrides, text};
use crate::start;
use crate::terminal::print;

/// Prints a line for each check.
pub fn check(low: &Low) -> Result<Exit, Fatal> {
    let overrides = overrides(low)?;
    let config = start::read(low);
    if let Ok(config) = &config {
        // If root cannot become the cyrus user, that is printed here, and one of the checks fails.
        let _ = start::become_what_it_says(config, low);
    }
    let channel = text(low.channel.as_ref());
    let mut request = Request::new(config.as_ref(), channel.as_deref(), &overrides);
    request.observer = Arc::new(start::console(low));
    let mut unreadable = false;
    let summary = look(&request, &mut |check| {
        unreadable |= check.topic == Topic::Configuration && check.verdict == Grade::Fail;
        // Each as soon as it is known.
        if low.json {
            // Fails only if a map has keys that are no strings, which none has.
            print(&serde_json::to_string(check).unwrap_or_default());
        } else {
            print(&check.to_string());
        }
    });
    Ok(match summary.failed {
        _ if unreadable => Exit::Config,
        0 => Exit::Ok,
        _ => Exit::Failed,
    })
}
