//! Replicates the entries of the sync log until standard input ends. Prints how many changes the
//! replica lacks.
//!
//!     cargo run --example rolling -- /etc/imapd.conf

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::{io, thread};

use cyrsync::monitor::Status;
use cyrsync::{Cancel, Client, Config, Ended, Observer, Overrides, Result, Settings};

/// An observer that prints the status. The client passes the status to it at least every five
/// seconds.
struct Show;

impl Observer for Show {
    fn status(&self, status: &Status, _is_alive: bool) {
        println!("{} are not on {} yet", status.backlog, status.server);
    }
}

/// Replicates logged changes until `cancel` ends it. Retries if the replica cannot be reached.
/// Entries that fail stay in the log.
///
/// # Errors
/// If the configuration cannot be used; the errors of `Client::roll`.
pub fn roll(imapd_conf: &Path, cancel: Cancel, observer: Arc<dyn Observer>) -> Result<Ended> {
    let config = Config::load(imapd_conf)?;
    let settings = Settings::resolve(&config, None, &Overrides::default())?;
    Client::builder(settings).cancel(cancel).observer(observer).build()?.roll()
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
        // The client finishes the current task, then ends.
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
