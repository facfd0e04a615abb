//! Rates a status for a monitoring system. The levels are those of plugins for Nagios and similar
//! systems.

use std::fmt;

use serde::Serialize;

use super::value::{Contact, Status};

/// If a running client has not written a status for this many seconds, it counts as stuck. A
/// working client writes one at least every five seconds.
const SILENT: u64 = 30;

/// The severity. Its number is the exit status of a monitoring plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(u8)]
pub enum Health {
    /// No problem.
    Ok = 0,
    /// An administrator should look at it during the day.
    Warning = 1,
    /// An administrator should look at it immediately.
    Critical = 2,
    /// The state cannot be determined.
    Unknown = 3,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Health::Ok => "OK",
            Health::Warning => "WARNING",
            Health::Critical => "CRITICAL",
            Health::Unknown => "UNKNOWN",
        })
    }
}

/// The lag in seconds from which each level applies. `None` if the lag does not matter for the
/// level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Limits {
    /// The lag for a warning.
    pub warn_lag: Option<u64>,
    /// The lag for a critical state.
    pub crit_lag: Option<u64>,
}

/// The severity of a status, and the reasons for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The severity.
    pub level: Health,
    /// The reasons, worst first. Empty if there is no problem.
    pub reasons: Vec<String>,
}

impl Diagnosis {
    /// Rates a status. `now` is the current time in seconds since 1970.
    pub fn of(status: &Status, limits: &Limits, now: u64) -> Diagnosis {
        let mut found = Vec::new();
        found.extend(of_process(status, now));
        found.extend(of_contact(status, now));
        found.extend(of_lag(status, limits, now));
        found.extend(of_deferred(status));
        found.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        Diagnosis {
            level: found.first().map_or(Health::Ok, |(level, _)| *level),
            reasons: found.into_iter().map(|(_, reason)| reason).collect(),
        }
    }
}

fn of_process(status: &Status, now: u64) -> Option<(Health, String)> {
    let waits = status.backlog.entries > 0;
    match status.pid {
        Some(pid) if now.saturating_sub(status.written) >= SILENT => {
            let silent = now.saturating_sub(status.written);
            let reason = format!("process {pid} has not written its status for {silent} s");
            Some((Health::Critical, reason))
        }
        Some(_) => None,
        None if status.started.is_some() && !status.ended => {
            Some((Health::Critical, "the rolling client ended unexpectedly".into()))
        }
        None if waits => Some((
            Health::Critical,
            "no rolling client runs, and changes wait to be replicated".to_owned(),
        )),
        None => Some((Health::Warning, "no rolling client runs; no changes wait".to_owned())),
    }
}

fn of_contact(status: &Status, now: u64) -> Option<(Health, String)> {
    let Contact::Unreachable { since, attempts, reason, .. } = &status.contact else { return None };
    let time = now.saturating_sub(*since);
    let reason = format!("unreachable for {time} s, {attempts} attempts: {reason}");
    Some((Health::Critical, reason))
}

fn of_lag(status: &Status, limits: &Limits, now: u64) -> Option<(Health, String)> {
    let lag = status.lag(now);
    let over = |limit: Option<u64>| limit.filter(|limit| lag >= *limit);
    let level_and_limit = over(limits.crit_lag)
        .map(|limit| (Health::Critical, limit))
        .or_else(|| over(limits.warn_lag).map(|limit| (Health::Warning, limit)));
    level_and_limit.map(|(level, limit)| (level, format!("lag of {lag} s, limit {limit} s")))
}

fn of_deferred(status: &Status) -> Option<(Health, String)> {
    let failed = status.deferred.iter().find(|deferred| !deferred.is_locked)?;
    let count = status.deferred_count.saturating_sub(status.locked_count);
    let (items, why) = (failed.items.join(", "), &failed.reason);
    let reason =
        format!("{count} tasks failed and wait for another try, one of them {items}: {why}");
    Some((Health::Warning, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Deferred;
    use crate::types::Backlog;

    const NOW: u64 = 1_000;

    fn rolling() -> Status {
        Status {
            pid: Some(7),
            started: Some(10),
            written: NOW - 3,
            contact: Contact::Connected { since: 11 },
            ..Status::unknown("mx2", None)
        }
    }

    fn verdict(status: &Status) -> (Health, Vec<String>) {
        let limits = Limits { warn_lag: Some(60), crit_lag: Some(600) };
        let Diagnosis { level, reasons } = Diagnosis::of(status, &limits, NOW);
        (level, reasons)
    }

    fn level(status: Status) -> Health {
        verdict(&status).0
    }

    #[test]
    fn a_client_that_rolls_and_keeps_up_is_ok() {
        assert_eq!(verdict(&rolling()), (Health::Ok, Vec::new()));
        let busy = Status { oldest: Some(NOW - 59), ..rolling() };
        assert_eq!(level(busy), Health::Ok);
    }

    #[test]
    fn lag_counts_from_its_limits_on() {
        for (lag, expected) in
            [(60, Health::Warning), (599, Health::Warning), (600, Health::Critical)]
        {
            assert_eq!(level(Status { oldest: Some(NOW - lag), ..rolling() }), expected, "{lag}");
        }
        let late = Status { oldest: Some(0), ..rolling() };
        assert_eq!(Diagnosis::of(&late, &Limits::default(), NOW).level, Health::Ok, "no limit");
    }

    #[test]
    fn a_replica_that_cannot_be_reached_is_critical() {
        let reason = "connect to mx2: refused".to_owned();
        let contact = Contact::Unreachable { since: 400, attempts: 5, next: None, reason };
        let (level, reasons) = verdict(&Status { contact, ..rolling() });
        assert_eq!(level, Health::Critical);
        assert_eq!(reasons, ["unreachable for 600 s, 5 attempts: connect to mx2: refused"]);
    }

    #[test]
    fn a_failed_task_is_a_warning_and_a_locked_one_is_none() {
        let deferred = |is_locked| Deferred {
            items: vec!["USER fred".to_owned()],
            tries: 3,
            next: NOW + 5,
            reason: "why".to_owned(),
            is_locked,
        };
        let with = |deferred| Status { deferred: vec![deferred], deferred_count: 1, ..rolling() };
        assert_eq!(level(with(deferred(true))), Health::Ok);
        let (level, reasons) = verdict(&with(deferred(false)));
        assert_eq!(level, Health::Warning);
        assert_eq!(
            reasons,
            ["1 tasks failed and wait for another try, one of them USER fred: why"]
        );
    }

    #[test]
    fn a_client_that_is_gone_or_says_nothing_is_found_out() {
        let gone = Status { pid: None, ..rolling() };
        assert_eq!(level(gone.clone()), Health::Critical);
        let ended = Status { ended: true, ..gone };
        assert_eq!(level(ended.clone()), Health::Warning);
        let backlog = Backlog { entries: 3, users: 1 };
        assert_eq!(level(Status { backlog, ..ended }), Health::Critical);
        assert_eq!(level(Status { written: NOW - 30, ..rolling() }), Health::Critical);
        assert_eq!(level(Status::unknown("mx2", None)), Health::Warning, "none ever rolled");
    }

    #[test]
    fn the_worst_reason_comes_first() {
        let reason = "refused".to_owned();
        let contact = Contact::Unreachable { since: NOW, attempts: 1, next: None, reason };
        let (_, reasons) = verdict(&Status { contact, oldest: Some(NOW - 60), ..rolling() });
        assert_eq!(
            reasons,
            ["unreachable for 0 s, 1 attempts: refused", "lag of 60 s, limit 60 s"]
        );
    }
}
