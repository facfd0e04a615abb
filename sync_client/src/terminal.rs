//! Writes to stdout and stderr. Ignores errors of writing, so a closed pipe does not stop a run.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;

/// The progress bar, if one is shown. Other output must not overwrite it.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Writes all later output above this bar.
pub fn keep_off(bar: &ProgressBar) {
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
}

/// Calls `write`. If there is a bar, hides it during the call.
fn above_the_bar(write: impl FnOnce()) {
    match &*BAR.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Writes a line to stderr. Adds the newline if it is missing.
pub fn complain(line: impl AsRef<[u8]>) {
    let mut line = line.as_ref().to_vec();
    if !line.ends_with(b"\n") {
        line.push(b'\n');
    }
    above_the_bar(|| drop(io::stderr().lock().write_all(&line)));
}

/// Writes a line to stdout.
pub fn print(line: &str) {
    // Writes and flushes the line as a whole, so that a reader sees it immediately.
    above_the_bar(|| {
        let mut out = io::stdout().lock();
        let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
    });
}
