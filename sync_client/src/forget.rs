//! Implements `--forget-tls`: allows connections without TLS to a server that was reached over TLS
//! before.

use cyrsync::option::{forget_tls, remembered_tls};

use crate::exit::{Exit, Fatal};
use crate::flags::Low;
use crate::start;
use crate::terminal::complain;

/// Forgets that the named server was reached over TLS. Prints each name that was forgotten.
pub fn forget(low: &Low) -> Result<Exit, Fatal> {
    let settings = start::settings(low)?;
    let server = low.server.as_deref().unwrap_or_default().to_string_lossy();
    let failed = |error: cyrsync::Error| Fatal::new(Exit::Failed, error.to_string());
    let forgotten = forget_tls(&settings, &server).map_err(failed)?;
    for name in &forgotten {
        println!("forgotten that {name} has TLS");
    }
    if !forgotten.is_empty() {
        return Ok(Exit::Ok);
    }
    let known = remembered_tls(&settings).map_err(failed)?;
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    complain(format!(
        "nothing is remembered of {server}; servers that are known to have TLS: {known}"
    ));
    Ok(Exit::Failed)
}
