//! Writes to stdout and stderr. A reader that went away stops none of the work.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;

/// A bar on the terminal, which what is written must not run into.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// From now on what is written goes above this bar.
pub fn keep_off(bar: &ProgressBar) {
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
}

/// Writes where a bar may be.
fn above_the_bar(write: impl FnOnce()) {
    match &*BAR.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Writes to stderr what somebody should see, if there is anybody.
pub fn complain(line: impl AsRef<[u8]>) {
    let mut line = line.as_ref().to_vec();
    if !line.ends_with(b"\n") {
        line.push(b'\n');
    }
    above_the_bar(|| drop(io::stderr().lock().write_all(&line)));
}

/// Writes a line to stdout.
pub fn print(line: &str) {
    // One write a line, so that a reader sees it now. One that closed the pipe has read enough.
    above_the_bar(|| {
        let mut out = io::stdout().lock();
        let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
    });
}
