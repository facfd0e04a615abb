//! Runs work that may block forever inside a library that offers no way to cancel it. The work runs
//! on a thread that the caller can abandon.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::patience::TICK;

/// Why there is no result.
#[derive(Debug)]
pub enum Left {
    /// The caller was asked to stop.
    Cancelled,
    /// The time limit was reached.
    Late,
    /// The thread could not be started, or ended without a result.
    Failed(io::Error),
}

/// Runs `work` on its own thread, and waits for its result until `limit` is reached or `cancel` is
/// set. After that the thread continues until the work ends, and drops the result.
pub fn aside<T: Send + 'static>(
    name: &str,
    limit: Duration,
    cancel: &AtomicBool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Left> {
    let (done, result) = mpsc::sync_channel(1);
    let work = move || {
        // The caller may not be waiting any more.
        let _ = done.send(work());
    };
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(Left::Failed)?;
    let begun = Instant::now();
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        match result.recv_timeout(left.min(TICK)) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Left::Failed(io::Error::other("no answer")));
            }
            Err(RecvTimeoutError::Timeout) if cancel.load(Ordering::Relaxed) => {
                return Err(Left::Cancelled);
            }
            Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(Left::Late),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Sends a message when it is dropped.
    struct Goes(mpsc::Sender<()>);

    impl Drop for Goes {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    #[test]
    fn who_waits_may_leave_and_what_is_left_behind_ends_by_itself() {
        let long = Duration::from_secs(60);
        let never = AtomicBool::new(false);
        assert!(matches!(aside("a", long, &never, || 7), Ok(7)));
        for (limit, cancelled) in [(Duration::ZERO, false), (long, true)] {
            let cancel = Arc::new(AtomicBool::new(false));
            let (release, held) = mpsc::channel::<()>();
            let (gone, went) = mpsc::channel();
            let stop = cancel.clone();
            let work = move || {
                stop.store(cancelled, Ordering::Relaxed);
                let _ = held.recv();
                Goes(gone)
            };
            match aside("a", limit, &cancel, work).err() {
                Some(Left::Cancelled) => assert!(cancelled),
                Some(Left::Late) => assert!(!cancelled),
                other => panic!("{other:?}"),
            }
            drop(release);
            went.recv_timeout(long).expect("its result is dropped");
        }
        let panics = || -> u8 { panic!("on purpose") };
        assert!(matches!(aside("a", long, &never, panics), Err(Left::Failed(_))));
    }
}
