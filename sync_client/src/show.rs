//! Implements `--print-config`: prints the effective settings, and where each comes from.

use std::io::{self, Write};

use crate::exit::{Exit, Fatal};
use crate::flags::Low;
use crate::start;

/// Prints every setting with its origin.
pub fn show(low: &Low) -> Result<Exit, Fatal> {
    let settings = start::settings(low)?;
    let mut stdout = io::stdout().lock();
    for shown in settings.effective_options() {
        // Ignores a write error: a reader that closed the pipe needs no more text.
        let _ = writeln!(stdout, "{shown}");
    }
    Ok(Exit::Ok)
}
