//! Implements `--check-config`: checks the configuration and prints the results.

use std::sync::Arc;

use cyrsync::check::{Grade, Request, Topic, check as look};

use crate::exit::{Exit, Fatal};
use crate::flags::Low;
use crate::overrides::{overrides, text};
use crate::start;
use crate::terminal::print;

/// Runs the checks and prints one line for each.
pub fn check(low: &Low) -> Result<Exit, Fatal> {
    let overrides = overrides(low)?;
    let config = start::read(low);
    if let Ok(config) = &config {
        // If root cannot become the cyrus user, this call prints the reason, and a later check
        // fails.
        let _ = start::become_what_it_says(config, low);
    }
    let channel = text(low.channel.as_ref());
    let mut request = Request::new(config.as_ref(), channel.as_deref(), &overrides);
    request.observer = Arc::new(start::console(low));
    let mut unreadable = false;
    let summary = look(&request, &mut |check| {
        unreadable |= check.topic == Topic::Configuration && check.verdict == Grade::Fail;
        // Prints each result at once, because a later check may take long.
        if low.json {
            // Serialization fails only for maps whose keys are not strings. There is no such map.
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
