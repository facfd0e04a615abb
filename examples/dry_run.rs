//! Prints what a full run would do to bring the replica up to date, and why. Changes nothing.
//!
//!     cargo run --example dry_run -- /etc/imapd.conf

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use cyrsync::{Cancel, Client, Config, Overrides, PlannedStep, Report, Result, Settings, Silent};

/// Plans a run over the whole server and passes each step to `each`. The report lists the failures.
pub fn plan(imapd_conf: &Path, each: &mut dyn FnMut(&PlannedStep)) -> Result<Report> {
    let config = Config::load(imapd_conf)?;
    let settings = Settings::resolve(&config, None, &Overrides::default())?;
    let mut client = Client::new(settings, Cancel::default(), Arc::new(Silent))?;
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
