//! Runs a function of a library that may block forever and cannot be cancelled. It runs on a thread
//! of its own, which the caller can abandon.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::patience::TICK;

/// The reason why there is no result.
#[derive(Debug)]
pub enum Left<E = ()> {
    /// The caller has ended the wait: `cancel` was set, or `ended` returned this reason.
    Ended(E),
    /// The time limit was reached.
    Late,
    /// The thread could not be started, or ended without a result.
    Failed(io::Error),
}

/// Runs `work` on a thread of its own. Waits for its result until `limit` is over or `cancel` is
/// set. If the caller stops waiting, the thread continues until `work` ends, and drops the result.
pub fn aside<T: Send + 'static>(
    name: &str,
    limit: Duration,
    cancel: &AtomicBool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Left> {
    aside_until(name, limit, || cancel.load(Ordering::Relaxed).then_some(()), work)
}

/// Like [`aside`], but waits until `ended`, which is called often, returns a reason to stop.
pub fn aside_until<T: Send + 'static, E>(
    name: &str,
    limit: Duration,
    mut ended: impl FnMut() -> Option<E>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Left<E>> {
    let (done, result) = mpsc::sync_channel(1);
    let work = move || {
        // This fails if the caller has stopped waiting.
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
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(reason) = ended() {
            return Err(Left::Ended(reason));
        }
        if left.is_zero() {
            return Err(Left::Late);
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
    fn a_waiting_caller_can_leave_and_the_thread_ends_by_itself() {
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
                Some(Left::Ended(())) => assert!(cancelled),
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
