//! Compares all data of master and replica, including message files. Changes nothing on either
//! side.
//!
//!     cargo run --example verify -- /etc/imapd.conf

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use cyrsync::event::{Verdict, VerifyEvent, VerifyTotals};
use cyrsync::{Client, Config, Event, Observer, Overrides, Result, Settings, Verify, event};

/// An observer that prints each difference as a JSON object.
struct Differences;

impl Observer for Differences {
    fn event(&self, event: &Event) {
        if let Event::Verify(VerifyEvent::Difference(_) | VerifyEvent::Unknown { .. }) = event {
            println!("{}", event::json(event));
        }
    }
}

/// Compares the whole server with the replica that imapd.conf names.
///
/// # Errors
/// If the configuration cannot be used; the errors of `Verifier::all`.
pub fn verify(imapd_conf: &Path) -> Result<VerifyTotals> {
    let config = Config::load(imapd_conf)?;
    let settings = Settings::resolve(&config, None, &Overrides::default())?;
    let mut client = Client::builder(settings).observer(Arc::new(Differences)).build()?;
    let totals = client.verifier(Verify::MESSAGES).all(b"");
    client.disconnect();
    totals
}

fn main() -> ExitCode {
    let Some(imapd_conf) = std::env::args_os().nth(1) else {
        eprintln!("Usage: verify imapd.conf");
        return ExitCode::from(64);
    };
    match verify(imapd_conf.as_ref()).map(|totals| totals.verdict()) {
        Ok(Verdict::Equal) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
