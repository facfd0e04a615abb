//! Replicates one user. Prints each action in the format of Cyrus's own client.
//!
//!     cargo run --example one_user -- /etc/imapd.conf fred

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use cyrsync::{Client, Config, Event, Observer, Overrides, Result, Settings, UserId, event};

/// An observer that prints actions and failures, like `sync_client -v` does.
struct Print;

impl Observer for Print {
    fn event(&self, event: &Event) {
        if let Some(line) = event::line(event) {
            println!("{}", line.text);
        }
    }
}

/// Replicates a user to the replica that imapd.conf names.
///
/// # Errors
/// If the configuration cannot be used; the errors of `Client::sync_user`.
pub fn replicate(imapd_conf: &Path, user: &UserId) -> Result<()> {
    let config = Config::load(imapd_conf)?;
    let settings = Settings::resolve(&config, None, &Overrides::default())?;
    let mut client = Client::builder(settings).observer(Arc::new(Print)).build()?;
    let replicated = client.sync_user(user);
    client.disconnect();
    replicated
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let [_, imapd_conf, user] = words.as_slice() else {
        eprintln!("Usage: one_user imapd.conf user");
        return ExitCode::from(64);
    };
    match replicate(imapd_conf.as_ref(), &UserId::new(user)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Prints each failed mailbox, with the reason and advice.
            error.failures().iter().for_each(|failure| eprintln!("{failure}"));
            ExitCode::FAILURE
        }
    }
}
