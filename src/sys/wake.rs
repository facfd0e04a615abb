//! Wakes threads that wait, from other threads and from signal handlers: an eventfd for each that
//! waits, so that nobody has to look now and then whether it was asked for.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use super::poll;

/// Threads that can wait at once; more of them have to look now and then.
const SLOTS: usize = 8;
const NONE: i32 = -1;

/// Shared by those who wake and those who wait.
#[derive(Debug, Default)]
pub struct Wake {
    slots: [Slot; SLOTS],
}

/// A descriptor is made when the first thread waits and closed with all others, when nobody can
/// wake any more: until then its number stands for nothing else.
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
    /// Wakes all that listen. May be called from a signal handler, and leaves errno alone.
    pub fn wake(&self) {
        for slot in &self.slots {
            let fd = slot.fd.load(Ordering::SeqCst);
            if fd != NONE {
                write_one(fd);
            }
        }
    }

    /// Listens from now on. What the caller waits for must be looked at after this and after each
    /// wait, and be set before [`Wake::wake`]; it may be woken for what it has looked at already.
    /// `None` if too many do, or the system gives no descriptor.
    pub fn listen(&self) -> Option<Listener<'_>> {
        let free = |slot: &&Slot| !slot.taken.swap(true, Ordering::SeqCst);
        let slot = self.slots.iter().find(free)?;
        let listener = Listener(slot);
        if slot.fd.load(Ordering::SeqCst) == NONE {
            // SAFETY: no pointers are passed.
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
                // SAFETY: it is ours, and nobody is left who knows it.
                unsafe { libc::close(fd) };
            }
        }
    }
}

/// Somebody who listens.
pub struct Listener<'w>(&'w Slot);

impl Listener<'_> {
    /// Waits until it is woken, `other` can be read, or the time is over. Says whether `other` can.
    pub fn wait(&self, other: Option<BorrowedFd<'_>>, time: Duration) -> io::Result<bool> {
        // SAFETY: the descriptor is open as long as the slot is there.
        let own = unsafe { BorrowedFd::borrow_raw(self.0.fd.load(Ordering::SeqCst)) };
        let (woken, other) = poll::readable(own, other, time)?;
        if woken {
            self.calm();
        }
        Ok(other)
    }

    /// Forgets that it was woken.
    fn calm(&self) {
        let mut count = [0u8; 8];
        // SAFETY: an eventfd gives 8 bytes, for which there is room; it does not block.
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
    // SAFETY: errno is this thread's own, and 8 bytes are there to be written; that does not block,
    // and if it fails the counter is full, which wakes as well.
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
    fn more_than_can_listen_are_told_so() {
        let wake = Wake::default();
        let all: Vec<_> = (0..SLOTS).map(|_| wake.listen().unwrap()).collect();
        assert!(wake.listen().is_none());
        drop(all);
        assert!(wake.listen().is_some());
    }
}
