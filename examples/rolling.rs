//! Follows the sync log until standard input ends. Shows how far the replica is behind.
//!
//!     cargo run --example rolling -- /etc/imapd.conf

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::{io, thread};

use cyrsync::monitor::Status;
use cyrsync::{Cancel, Client, Config, Ended, Observer, Overrides, Result, Settings};

/// An observer that prints the status. The client reports it at least every five seconds.
struct Show;

impl Observer for Show {
    fn status(&self, status: &Status, _is_alive: bool) {
        println!("{} are not on {} yet", status.backlog, status.server);
    }
}

/// Replicates logged changes until `cancel` requests the end. Retries if the replica cannot be
/// reached. Entries that fail stay in the log.
pub fn roll(imapd_conf: &Path, cancel: Cancel, observer: Arc<dyn Observer>) -> Result<Ended> {
    let config = Config::load(imapd_conf)?;
    let settings = Settings::resolve(&config, None, &Overrides::default())?;
    let rolling = settings.rolling().clone();
    Client::new(settings, cancel, observer)?.roll(&rolling)
}

fn main() -> ExitCode {
    let Some(imapd_conf) = std::env::args_os().nth(1) else {
        eprintln!("Usage: rolling imapd.conf");
        return ExitCode::from(64);
    };
    let cancel = Cancel::default();
    let other = cancel.clone();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        // The client finishes the current task, then stops.
        other.finish();
    });
    match roll(imapd_conf.as_ref(), cancel, Arc::new(Show)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
