//! Waits with poll(2) until sockets can be read or written.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

/// The operations that are possible on a socket without waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ready {
    /// There are bytes to read, or the end of the stream or an error.
    pub read: bool,
    /// Bytes can be written.
    pub write: bool,
}

/// Waits until `socket` can be read (or written, if `write` is set), but at most for `timeout`.
/// After a timeout or a signal, neither is possible.
pub fn wait(socket: &impl AsFd, write: bool, timeout: Duration) -> io::Result<Ready> {
    let events = libc::POLLIN | if write { libc::POLLOUT } else { 0 };
    let mut entries = [entry(socket.as_fd(), events)];
    poll(&mut entries, timeout)?;
    let [entry] = entries;
    let ended = entry.revents & ENDED != 0;
    Ok(Ready {
        read: entry.revents & libc::POLLIN != 0 || ended,
        write: entry.revents & libc::POLLOUT != 0,
    })
}

/// Waits until one of two descriptors can be read, but at most for `timeout`. Returns for each
/// whether it can be read. After a timeout or a signal, both are false.
pub fn readable(
    one: BorrowedFd<'_>,
    other: Option<BorrowedFd<'_>>,
    timeout: Duration,
) -> io::Result<(bool, bool)> {
    let mut entries = [entry(one, libc::POLLIN), entry(other.unwrap_or(one), libc::POLLIN)];
    poll(&mut entries, timeout)?;
    let [first, second] = entries.map(|entry| entry.revents & (libc::POLLIN | ENDED) != 0);
    Ok((first, second && other.is_some()))
}

const ENDED: libc::c_short = libc::POLLHUP | libc::POLLERR | libc::POLLNVAL;

fn entry(fd: BorrowedFd<'_>, events: libc::c_short) -> libc::pollfd {
    libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 }
}

/// Calls ppoll(2), which has the precision of nanoseconds. poll(2) takes whole milliseconds: with
/// less than one millisecond left it would return at once, and the caller would loop until the time
/// is over.
fn poll<const N: usize>(entries: &mut [libc::pollfd; N], timeout: Duration) -> io::Result<()> {
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    let count = libc::nfds_t::try_from(N).map_err(io::Error::other)?;
    // SAFETY: the pointers are valid during the call, and `count` is the number of entries. A null
    // signal mask leaves the set of blocked signals unchanged.
    let found =
        unsafe { libc::ppoll(entries.as_mut_ptr(), count, &raw const time, std::ptr::null()) };
    if found < 0 {
        let error = io::Error::last_os_error();
        entries.iter_mut().for_each(|entry| entry.revents = 0);
        return match error.kind() {
            io::ErrorKind::Interrupted => Ok(()),
            _ => Err(error),
        };
    }
    Ok(())
}
#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn readiness_follows_the_other_end() {
        let (a, mut b) = UnixStream::pair().unwrap();
        let soon = Duration::from_secs(5);
        assert_eq!(wait(&a, true, soon).unwrap(), Ready { read: false, write: true });
        assert_eq!(wait(&a, false, Duration::ZERO).unwrap(), Ready::default());
        b.write_all(b"x").unwrap();
        assert!(wait(&a, false, soon).unwrap().read);
        drop(b);
        assert!(wait(&a, false, soon).unwrap().read, "an end is something to read");
    }

    #[test]
    fn a_part_of_a_millisecond_is_waited_for() {
        let (a, _b) = UnixStream::pair().unwrap();
        let time = Duration::from_micros(900);
        let begun = std::time::Instant::now();
        assert_eq!(wait(&a, false, time).unwrap(), Ready::default());
        assert!(begun.elapsed() >= time, "{:?}", begun.elapsed());
    }
}
