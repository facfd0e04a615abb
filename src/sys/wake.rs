//! Wakes waiting threads from other threads or from a signal handler. Each waiting thread has an
//! eventfd, so it need not poll.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use super::poll;

/// Number of threads that can wait at the same time. Any further thread must poll.
const SLOTS: usize = 8;
const NONE: i32 = -1;

/// An object to which threads listen, and by which other threads wake them.
#[derive(Debug, Default)]
pub struct Wake {
    slots: [Slot; SLOTS],
}

/// A slot for one waiting thread. Its eventfd is created when a thread first waits, and stays open
/// until the `Wake` is dropped. So a wake-up cannot write to another file that has the same
/// descriptor number.
#[derive(Debug)]
struct Slot {
    fd: AtomicI32,
    taken: AtomicBool,
}

impl Default for Slot {
    fn default() -> Slot {
        Slot { fd: AtomicI32::new(NONE), taken: AtomicBool::new(false) }
    }
}

impl Wake {
    /// Wakes all listening threads. May be called from a signal handler: preserves errno.
    pub fn wake(&self) {
        for slot in &self.slots {
            let fd = slot.fd.load(Ordering::SeqCst);
            if fd != NONE {
                write_one(fd);
            }
        }
    }

    /// Starts to listen. Returns `None` if all slots are in use, or if the system has no free
    /// descriptor.
    ///
    /// To lose no wake-up, use a flag: the other thread sets the flag and then calls
    /// [`Wake::wake`]. The caller checks the flag after this call and after each wait. A wait may
    /// also end without a reason.
    pub fn listen(&self) -> Option<Listener<'_>> {
        let free = |slot: &&Slot| !slot.taken.swap(true, Ordering::SeqCst);
        let slot = self.slots.iter().find(free)?;
        let listener = Listener(slot);
        if slot.fd.load(Ordering::SeqCst) == NONE {
            // SAFETY: the call has no pointers.
            let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
            if fd < 0 {
                return None;
            }
            slot.fd.store(fd, Ordering::SeqCst);
        }
        Some(listener)
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        for slot in &self.slots {
            let fd = slot.fd.load(Ordering::SeqCst);
            if fd != NONE {
                // SAFETY: the descriptor belongs to this slot, and nothing else uses it.
                unsafe { libc::close(fd) };
            }
        }
    }
}

/// A listening thread.
pub struct Listener<'w>(&'w Slot);

impl Listener<'_> {
    /// Waits until the thread is woken, `other` can be read, or the time is over. Returns whether
    /// `other` can be read.
    pub fn wait(&self, other: Option<BorrowedFd<'_>>, time: Duration) -> io::Result<bool> {
        // SAFETY: the descriptor stays open as long as the slot exists.
        let own = unsafe { BorrowedFd::borrow_raw(self.0.fd.load(Ordering::SeqCst)) };
        let (woken, other) = poll::readable(own, other, time)?;
        if woken {
            self.calm();
        }
        Ok(other)
    }

    /// Resets the eventfd, so that the next wait does not end at once.
    fn calm(&self) {
        let mut count = [0u8; 8];
        // SAFETY: the read returns at most 8 bytes, and the buffer has 8 bytes. The read does not
        // block.
        unsafe { libc::read(self.0.fd.load(Ordering::SeqCst), count.as_mut_ptr().cast(), 8) };
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::SeqCst);
    }
}

fn write_one(fd: i32) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: errno belongs to this thread, and `one` has 8 bytes. The write does not block. It
    // fails only if the counter is at its maximum, and then the listener is woken too.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        libc::write(fd, one.as_ptr().cast(), one.len());
        *errno = before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn all_that_listen_are_woken_and_only_once() {
        let wake = Arc::new(Wake::default());
        wake.wake();
        let (one, two) = (wake.listen().unwrap(), wake.listen().unwrap());
        wake.wake();
        assert!(!one.wait(None, LONG).unwrap() && !two.wait(None, LONG).unwrap());
        let begun = std::time::Instant::now();
        let moment = Duration::from_millis(20);
        assert!(!one.wait(None, moment).unwrap());
        assert!(begun.elapsed() >= moment, "what woke it once is over");
    }

    #[test]
    fn more_listeners_than_slots_are_refused() {
        let wake = Wake::default();
        let all: Vec<_> = (0..SLOTS).map(|_| wake.listen().unwrap()).collect();
        assert!(wake.listen().is_none());
        drop(all);
        assert!(wake.listen().is_some());
    }
}
