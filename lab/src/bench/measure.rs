//! Measures one run of a client.

use std::ffi::OsString;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use super::contender::{Client, Contender};
use super::result::{Measure, Sample};
use super::settings::Settings;
use crate::cyrus::Cyrus;
use crate::link::{Line, Link};
use crate::run::{self, Run, reachable};

/// Maximum time for the replica's servers to finish after a client has ended.
const SETTLE_LIMIT: Duration = Duration::from_secs(20);
/// Interval between two measurements of the servers' processor time, and the number of equal
/// measurements in a row after which the servers count as idle.
const SETTLE_LOOK: Duration = Duration::from_millis(15);
const SETTLED: usize = 4;

/// The connection between client and replica.
#[derive(Debug, Clone, Copy)]
pub enum Wire {
    /// Through a proxy that has this line's rate and round trip and counts bytes and
    /// [`Measure::Turns`].
    Over(Line),
    /// Directly.
    Direct,
}

/// Runs a client with `args`, such as `-A`, and measures everything except system calls.
pub fn measure(
    settings: &Settings,
    contender: &Contender,
    [master, replica]: [&Cyrus; 2],
    args: &[&str],
    wire: Wire,
) -> Result<Sample, String> {
    master.use_replica(replica);
    let link = match wire {
        Wire::Over(line) => Some(Link::new(replica.csync_port(), line)),
        Wire::Direct => None,
    };
    if let Some(link) = &link {
        master.use_port(link.port());
    }
    let configured = Configured::new(master, contender);
    let before = replica.services_cpu();
    let mut command = command(settings, contender, master, args);
    let (run, cost) = run::start(master, &mut command).wait_measured();
    drop(configured);
    let server = settled_cpu(replica).saturating_sub(before);
    if let Some(fault) = fault(&run) {
        return Err(fault);
    }
    let mut sample = Sample::from([
        (Measure::Wall, cost.wall.as_secs_f64()),
        (Measure::ClientCpu, cost.cpu.as_secs_f64()),
        (Measure::ServerCpu, server.as_secs_f64()),
        (Measure::Peak, cost.peak_kib as f64 / 1024.0),
        (Measure::Read, cost.read as f64 / 1e6),
    ]);
    if let Some(link) = link {
        let carried = link.carried();
        sample.insert(Measure::Sent, carried.sent as f64 / 1e6);
        sample.insert(Measure::Received, carried.received as f64 / 1e6);
        sample.insert(Measure::Connections, carried.connections as f64);
        sample.insert(Measure::Turns, carried.turns as f64);
    }
    Ok(sample)
}

/// Runs a client under strace and counts its system calls. Returns `None` if that is not possible.
pub fn count_calls(
    settings: &Settings,
    contender: &Contender,
    [master, replica]: [&Cyrus; 2],
    args: &[&str],
) -> Option<f64> {
    const STRACE: &str = "/usr/bin/strace";
    if !settings.calls || !fs::exists(STRACE).unwrap_or(false) {
        return None;
    }
    master.use_replica(replica);
    let _configured = Configured::new(master, contender);
    let counts = master.scratch().join("calls");
    let traced = command(settings, contender, master, args);
    let mut command = master.command(STRACE);
    command.arg("-f").arg("-c").arg("-o").arg(&counts).arg(traced.get_program());
    command.args(traced.get_args());
    let run = run::start(master, &mut command).wait();
    let table = fs::read_to_string(&counts).ok().filter(|_| run.status.success())?;
    let _ = fs::remove_file(&counts);
    Some(calls(&table)).filter(|calls| *calls > 0.0)
}

/// Sums up the calls in strace's table: "% time, seconds, usecs/call, calls, errors, name".
fn calls(table: &str) -> f64 {
    let lines = table.lines().filter(|line| !line.ends_with(" total"));
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter_map(|words| words.get(3)?.parse::<f64>().ok()).sum()
}

fn command(settings: &Settings, contender: &Contender, master: &Cyrus, args: &[&str]) -> Command {
    let mut command = match contender.client {
        Client::Cyrus => master.program("sync_client"),
        Client::Ours => {
            let mut command = master.command(reachable(master, &settings.client));
            command.arg("-C").arg(master.imapd_conf());
            command
        }
    };
    let own = contender.args.iter().map(OsString::from);
    command.args(own).args(args);
    command
}

/// Sets options in imapd.conf for the duration of a run.
struct Configured<'a> {
    master: &'a Cyrus,
    contender: &'a Contender,
}

impl<'a> Configured<'a> {
    fn new(master: &'a Cyrus, contender: &'a Contender) -> Configured<'a> {
        for (option, value) in &contender.settings {
            master.set_config(option, Some(value));
        }
        Configured { master, contender }
    }
}

impl Drop for Configured<'_> {
    fn drop(&mut self) {
        for (option, _) in &self.contender.settings {
            self.master.set_config(option, None);
        }
    }
}

/// Waits until the replica's servers are idle. Returns their processor time.
pub fn settled_cpu(replica: &Cyrus) -> Duration {
    let deadline = Instant::now() + SETTLE_LIMIT;
    let mut last = replica.services_cpu();
    let mut equal = 0;
    while equal < SETTLED && Instant::now() < deadline {
        std::thread::sleep(SETTLE_LOOK);
        let now = replica.services_cpu();
        equal = if now == last { equal + 1 } else { 0 };
        last = now;
    }
    last
}

fn fault(run: &Run) -> Option<String> {
    if run.status.success() {
        return None;
    }
    // The log also contains lines that are no errors; stderr contains only errors.
    let is_error = |line: &&str| line.starts_with("ERR") || line.starts_with("WARN");
    let words = run.stderr.lines().chain(run.log.lines().filter(is_error));
    let words: Vec<&str> = words.filter(|line| !line.trim().is_empty()).take(3).collect();
    Some(format!("{}: {}", run.status, words.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_summed_with_and_without_errors() {
        let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 45.16    0.000056          56         1           execve
 12.90    0.000016           2         7         3 openat
------ ----------- ----------- --------- --------- ----------------
100.00    0.000124           3         8         3 total
";
        assert_eq!(calls(table).to_string(), "8");
    }
}
