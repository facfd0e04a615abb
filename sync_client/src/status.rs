//! `--status`: what rolling replication is at, as a plugin of a monitoring system says it.

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

/// Cyrus's own indexer reads the log of this channel; nothing replicates it.
const INDEXER: &str = "squatter";

/// A status as JSON, with what it means.
#[derive(Serialize)]
struct Object<'s> {
    #[serde(flatten)]
    status: &'s Status,
    lag: u64,
    #[serde(flatten)]
    verdict: &'s Diagnosis,
}

/// Prints the status of the channel, or of all.
pub fn status(low: &Low) -> Exit {
    let mut limits = Limits::default();
    (limits.warn_lag, limits.crit_lag) = (low.warn_lag, low.crit_lag);
    let mut worst = Health::Ok;
    let channels = match channels(low) {
        Ok(channels) => channels,
        Err(fatal) => return unknown(low, text(low.channel.as_ref()), &fatal.message),
    };
    if channels.is_empty() {
        return unknown(low, None, "sync_log_channels names no channel that is replicated");
    }
    for (channel, settings) in channels {
        let level = match settings.and_then(|settings| Ok(monitor::status(&settings)?)) {
            Ok(status) => show(low, &status, &limits),
            Err(fatal) => {
                unknown(low, channel, &fatal.message);
                Health::Unknown
            }
        };
        // What is known to be bad is worse than what is not known.
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

/// A channel, or the log without one, and its settings.
type Channel = (Option<String>, Result<Settings, Fatal>);

/// Each channel that is asked for.
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
        // Fails only if a map has keys that are no strings, which none has.
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
