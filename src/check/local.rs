//! Runs local checks that may hang: a lock may never be released, a file system may not respond.

use std::time::Duration;

use crate::replica::{Left, aside};
use crate::sync::Cancel;

/// Time limit of a check on this machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs `work` in its own thread, and abandons the thread if it takes too long.
///
/// # Errors
/// The reason why there is no result.
pub(super) fn within<T: Send + 'static>(
    cancel: &Cancel,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    aside("cyrsync-check", LIMIT, cancel.flag(), work).map_err(|left| match left {
        Left::Cancelled => "asked to stop".to_owned(),
        Left::Late => format!(
            "no answer for {} seconds: does somebody hold a lock, or is a file system gone?",
            LIMIT.as_secs()
        ),
        Left::Failed(error) => format!("it could not be looked at: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_hangs_is_left_behind_when_asked_to_stop() {
        let cancel = Cancel::default();
        assert_eq!(within(&cancel, || 7), Ok(7));
        let (release, held) = mpsc::channel::<()>();
        let stop = cancel.clone();
        let hangs = move || {
            stop.cancel();
            let _ = held.recv();
        };
        assert_eq!(within(&cancel, hangs), Err("asked to stop".to_owned()));
        drop(release);
    }
}
