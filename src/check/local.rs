//! Runs checks of this machine that may never end: a lock may not be released, or a file system may
//! not respond.

use std::time::Duration;

use crate::replica::{Left, aside};
use crate::sync::Cancel;

/// The time limit for a check of this machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs `work` in a thread of its own. If it takes too long, returns without waiting for it.
///
/// # Errors
/// A text that says why there is no result.
pub(super) fn within<T: Send + 'static>(
    cancel: &Cancel,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    aside("cyrsync-check", LIMIT, cancel.flag(), work).map_err(|left| match left {
        Left::Ended(()) => "the check was asked to stop".to_owned(),
        Left::Late => format!(
            "no answer for {} seconds: another process may hold a lock, or a file system may not \
             respond",
            LIMIT.as_secs()
        ),
        Left::Failed(error) => format!("the check could not be run: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_blocked_check_is_abandoned_after_a_stop() {
        let cancel = Cancel::default();
        assert_eq!(within(&cancel, || 7), Ok(7));
        let (release, held) = mpsc::channel::<()>();
        let stop = cancel.clone();
        let hangs = move || {
            stop.cancel();
            let _ = held.recv();
        };
        assert_eq!(within(&cancel, hangs), Err("the check was asked to stop".to_owned()));
        drop(release);
    }
}
