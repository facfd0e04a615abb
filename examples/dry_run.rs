//! Prints the steps that a full run would execute to update the replica, each with its reason.
//! Changes nothing.
//!
//!     cargo run --example dry_run -- /etc/imapd.conf

use std::path::Path;
use std::process::ExitCode;

use cyrsync::{Client, Config, Overrides, PlannedStep, Report, Result, Settings};

/// Plans a run over the whole server and passes each step to `each`. The report lists the failures.
///
/// # Errors
/// If the configuration cannot be used; the errors of `Planner::all`.
pub fn plan(imapd_conf: &Path, each: &mut dyn FnMut(&PlannedStep)) -> Result<Report> {
    let config = Config::load(imapd_conf)?;
    let settings = Settings::resolve(&config, None, &Overrides::default())?;
    let mut client = Client::builder(settings).build()?;
    let report = client.planner().all(b"", each, &mut |_, _| {});
    client.disconnect();
    report
}

fn main() -> ExitCode {
    let Some(imapd_conf) = std::env::args_os().nth(1) else {
        eprintln!("Usage: dry_run imapd.conf");
        return ExitCode::from(64);
    };
    let mut bytes = 0;
    let planned = plan(imapd_conf.as_ref(), &mut |step| {
        bytes += step.bytes;
        println!("{} {} ({})", step.command, step.subject, step.why());
    });
    match planned {
        Ok(report) => {
            println!("{bytes} bytes of messages at most");
            report.failures().for_each(|failure| eprintln!("{failure}"));
            if report.totals.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
