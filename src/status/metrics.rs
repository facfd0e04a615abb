//! Writes a status in the text format of Prometheus, for the textfile collector of its node
//! exporter.

use std::path::Path;

use prometheus::core::Collector;
use prometheus::{Gauge, IntCounter, Opts, Registry, TextEncoder};

use super::file::replace;
use super::value::{Contact, Status};
use crate::error::{Error, Kind, Result};

/// The mode of the metrics file. All users may read it, because the node exporter does not run as
/// the cyrus user. The file contains nothing confidential.
const MODE: u32 = 0o644;

/// The type and value of a metric.
enum Value {
    /// A value that rises and falls.
    Gauge(f64),
    /// A value that never falls during the life of the process.
    Counter(u64),
}

/// Returns the metrics of a status: name, description and value. `now` is in seconds since 1970.
fn metrics(status: &Status, now: u64) -> Vec<(&'static str, &'static str, Value)> {
    let gauge = |number: u64| Value::Gauge(number as f64);
    let is_connected = matches!(status.contact, Contact::Connected { .. });
    let (unreachable, attempts) = match &status.contact {
        Contact::Unreachable { since, attempts, .. } => {
            (now.saturating_sub(*since), u64::from(*attempts))
        }
        _ => (0, 0),
    };
    let totals = &status.totals;
    vec![
        ("up", "Whether a client runs rolling replication.", gauge(status.pid.is_some().into())),
        (
            "connected",
            "Whether the rolling client has a connection to the replica.",
            gauge(is_connected.into()),
        ),
        (
            "unreachable_seconds",
            "Time for which the replica has been unreachable.",
            gauge(unreachable),
        ),
        (
            "connect_attempts",
            "Failed attempts to connect since the replica became unreachable.",
            gauge(attempts),
        ),
        (
            "lag_seconds",
            "Age of the oldest change that is not replicated yet.",
            gauge(status.lag(now)),
        ),
        ("backlog_entries", "Log entries to be replicated.", gauge(status.backlog.entries)),
        (
            "backlog_users",
            "Users that have log entries to be replicated.",
            gauge(status.backlog.users),
        ),
        (
            "deferred_tasks",
            "Tasks that failed or were locked and wait for another try.",
            gauge(status.deferred_count),
        ),
        (
            "locked_tasks",
            "Tasks that wait because they were locked, which is normal.",
            gauge(status.locked_count),
        ),
        (
            "last_success_timestamp_seconds",
            "When a task last succeeded, or there was nothing to do.",
            gauge(status.last_success.unwrap_or(0)),
        ),
        ("written_timestamp_seconds", "When these metrics were written.", gauge(status.written)),
        ("users_total", "Users that were compared as a whole.", Value::Counter(totals.users)),
        (
            "mailbox_updates_total",
            "Updates of mailboxes that were sent.",
            Value::Counter(totals.mailboxes),
        ),
        ("messages_total", "Messages that were sent.", Value::Counter(totals.messages)),
        (
            "message_bytes_total",
            "Bytes of the messages that were sent.",
            Value::Counter(totals.bytes),
        ),
        ("repairs_total", "Repairs on either side.", Value::Counter(totals.repairs)),
        (
            "reconnects_total",
            "Connections that were lost during a task.",
            Value::Counter(totals.reconnects),
        ),
    ]
}

/// Returns the metrics of a status as text.
///
/// # Errors
/// [`Kind::Internal`] if a name or value is not valid for a metric. This would be a bug.
pub fn render(status: &Status, now: u64) -> Result<String> {
    encode(status, now)
        .map_err(|error| Error::new(Kind::Internal, "write", "metrics", error.to_string()))
}

fn encode(status: &Status, now: u64) -> prometheus::Result<String> {
    let registry = Registry::new();
    let add = |collector: Box<dyn Collector>| registry.register(collector);
    let opts = |name: &str, help: &str| {
        Opts::new(name, help)
            .namespace("cyrsync")
            .const_label("channel", status.channel.as_deref().unwrap_or_default())
            .const_label("server", &status.server)
    };
    for (name, help, value) in metrics(status, now) {
        match value {
            Value::Gauge(number) => {
                let gauge = Gauge::with_opts(opts(name, help))?;
                gauge.set(number);
                add(Box::new(gauge))?;
            }
            Value::Counter(number) => {
                let counter = IntCounter::with_opts(opts(name, help))?;
                counter.inc_by(number);
                add(Box::new(counter))?;
            }
        }
    }
    for (kind, number) in &status.failures_by_kind {
        let opts = opts(
            "failures_total",
            "Tries of tasks that failed and attempts to connect, by kind of error.",
        );
        let counter = IntCounter::with_opts(opts.const_label("kind", kind))?;
        counter.inc_by(*number);
        add(Box::new(counter))?;
    }
    TextEncoder::new().encode_to_string(&registry.gather())
}

/// Replaces a file with the metrics of a status.
///
/// # Errors
/// [`Kind::Io`]. The old file then stays in place.
pub fn write(path: &Path, status: &Status, now: u64) -> Result<()> {
    let text = render(status, now)?;
    replace(path, text.as_bytes(), MODE).map_err(|error| {
        Error::io("write metrics file", path, error).or_hint(
            "sync_metrics_file must lie where the cyrus user can write; replication goes on",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Backlog;

    #[test]
    fn every_metric_is_there_with_its_labels() {
        let mut status = Status {
            pid: Some(7),
            oldest: Some(900),
            backlog: Backlog { entries: 12, users: 3 },
            ..Status::unknown("mx2", Some("far"))
        };
        status.totals.messages = 5;
        status.failures_by_kind = [("corrupt".to_owned(), 2), ("locked".to_owned(), 1)].into();
        let text = render(&status, 1_000).unwrap();
        let has = |line: &str| assert!(text.lines().any(|found| found == line), "{line}: {text}");
        has("# TYPE cyrsync_lag_seconds gauge");
        has("cyrsync_lag_seconds{channel=\"far\",server=\"mx2\"} 100");
        has("cyrsync_up{channel=\"far\",server=\"mx2\"} 1");
        has("cyrsync_backlog_entries{channel=\"far\",server=\"mx2\"} 12");
        has("# TYPE cyrsync_messages_total counter");
        has("cyrsync_messages_total{channel=\"far\",server=\"mx2\"} 5");
        has("cyrsync_failures_total{channel=\"far\",kind=\"corrupt\",server=\"mx2\"} 2");
        let count = metrics(&status, 1_000).len();
        let types = text.lines().filter(|line| line.starts_with("# TYPE ")).count();
        assert_eq!(types, count + 1);
    }
}
