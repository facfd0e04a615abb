//! Waiting for sockets: poll(2).

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// What a socket is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ready {
    /// Bytes, an end or an error can be read.
    pub read: bool,
    /// Bytes can be written.
    pub write: bool,
}

/// Waits until `socket` is ready for what is wanted or `timeout` has passed; then nothing is
/// ready. An interruption by a signal counts as the latter.
pub fn wait(socket: &impl AsFd, write: bool, timeout: Duration) -> io::Result<Ready> {
    let events = libc::POLLIN | if write { libc::POLLOUT } else { 0 };
    let mut entry = libc::pollfd { fd: socket.as_fd().as_raw_fd(), events, revents: 0 };
    let millis = libc::c_int::try_from(timeout.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: the pointer is to one valid pollfd, as the count says, for the time of the call.
    let found = unsafe { libc::poll(&raw mut entry, 1, millis) };
    if found < 0 {
        let error = io::Error::last_os_error();
        return match error.kind() {
            io::ErrorKind::Interrupted => Ok(Ready::default()),
            _ => Err(error),
        };
    }
    let ended = entry.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0;
    Ok(Ready {
        read: entry.revents & libc::POLLIN != 0 || ended,
        write: entry.revents & libc::POLLOUT != 0,
    })
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
}
