//! Implements `--status`: prints the status of rolling replication in the format of a plugin for a
//! monitoring system.

use std::time::SystemTime;

use cyrsync::Settings;
use cyrsync::monitor::{self, Diagnosis, Health, Limits, Status};
use serde::Serialize;
use serde_json::json;

use crate::exit::{Exit, Fatal};
use crate::flags::Low;
use crate::overrides::text;
use crate::start;
use crate::terminal::print;

/// The channel whose log Cyrus's search indexer reads. No replication client uses it.
const INDEXER: &str = "squatter";

/// A status as JSON, with its diagnosis.
#[derive(Serialize)]
struct Object<'s> {
    #[serde(flatten)]
    status: &'s Status,
    lag: u64,
    #[serde(flatten)]
    verdict: &'s Diagnosis,
}

/// Prints the status of the given channel, or of all channels. Returns the exit code of the channel
/// with the worst status.
pub fn status(low: &Low) -> Exit {
    let mut limits = Limits::default();
    (limits.warn_lag, limits.crit_lag) = (low.warn_lag, low.crit_lag);
    let mut worst = Health::Ok;
    let channels = match channels(low) {
        Ok(channels) => channels,
        Err(fatal) => return unknown(low, text(low.channel.as_ref()), &fatal.message),
    };
    if channels.is_empty() {
        return unknown(low, None, "sync_log_channels contains no channel for replication");
    }
    for (channel, settings) in channels {
        let level = match settings.and_then(|settings| Ok(monitor::status(&settings)?)) {
            Ok(status) => show(low, &status, &limits),
            Err(fatal) => {
                unknown(low, channel, &fatal.message);
                Health::Unknown
            }
        };
        // A critical status counts as worse than an unknown one.
        let rank = |level| if level == Health::Critical { 4 } else { level as u8 };
        if rank(level) > rank(worst) {
            worst = level;
        }
    }
    match worst {
        Health::Ok => Exit::Ok,
        Health::Warning => Exit::Failed,
        Health::Critical => Exit::Critical,
        Health::Unknown => Exit::Unknown,
    }
}

/// A channel and its settings. `None` is the default channel, which has no name.
type Channel = (Option<String>, Result<Settings, Fatal>);

/// Returns the channels that the command line selects.
fn channels(low: &Low) -> Result<Vec<Channel>, Fatal> {
    let config = start::config(low)?;
    if !low.all_channels {
        return Ok(vec![(text(low.channel.as_ref()), start::resolve(&config, low))]);
    }
    let settings = start::resolve(&config, &Low { channel: None, ..low.clone() })?;
    let channels = settings.sync_log_channels().iter().cloned();
    let replicated = channels.filter(|name| name.as_deref() != Some(INDEXER));
    let of = |channel: Option<String>| {
        let one = Low { channel: channel.clone().map(Into::into), ..low.clone() };
        (channel, start::resolve(&config, &one))
    };
    Ok(replicated.map(of).collect())
}

fn show(low: &Low, status: &Status, limits: &Limits) -> Health {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_secs());
    let verdict = Diagnosis::of(status, limits, now);
    if low.json {
        let object = Object { status, lag: status.lag(now), verdict: &verdict };
        // Serialization fails only for maps whose keys are not strings. There is no such map.
        print(&serde_json::to_string(&object).unwrap_or_default());
    } else {
        print(verdict.lines(status, limits, now).trim_end());
    }
    verdict.level
}

fn unknown(low: &Low, channel: Option<String>, why: &str) -> Exit {
    if low.json {
        let object = json!({ "channel": channel, "level": Health::Unknown, "reasons": [why] });
        print(&object.to_string());
    } else {
        let of = channel.map(|channel| format!("channel {channel}: ")).unwrap_or_default();
        print(&format!("CYRSYNC {} - {of}{}", Health::Unknown, why.replace(['|', '\n'], "/")));
    }
    Exit::Unknown
}
