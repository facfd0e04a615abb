//! Replicates one user, and prints what is done in the words of Cyrus's own client.
//!
//!     cargo run --example one_user -- /etc/imapd.conf fred

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use cyrsync::{
    Cancel, Client, Config, Event, Observer, Overrides, Result, Settings, UserId, event,
};

/// Prints what goes to the terminal with `sync_client -v`, and failures.
struct Print;

impl Observer for Print {
    fn event(&self, event: &Event) {
        if let Some(line) = event::words(event) {
            println!("{}", line.text);
        }
    }
}

/// Brings the replica that imapd.conf names up to date with a user.
pub fn replicate(imapd_conf: &Path, user: &UserId) -> Result<()> {
    let config = Config::load(imapd_conf)?;
    let settings = Settings::resolve(&config, None, &Overrides::default())?;
    let mut client = Client::new(settings, Cancel::default(), Arc::new(Print))?;
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
            // Each mailbox that failed, with its reason and what to do about it.
            error.failures().iter().for_each(|failure| eprintln!("{failure}"));
            ExitCode::FAILURE
        }
    }
}
