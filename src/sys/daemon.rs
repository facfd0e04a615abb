//! Going into the background, and leaving at once. For programs alone.

#![allow(unsafe_code, reason = "fork, setsid and _exit have no safe counterpart")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Which of the two processes this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that was called: it should end now.
    Caller,
    /// The one that goes on, in a session of its own, without terminal and input.
    Daemon,
}

/// Goes on in the background as a new process, with stdout and stderr as they are.
///
/// # Errors
/// If there already is another thread, which would not be in the new process; those of the system.
pub fn detach() -> io::Result<Side> {
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count).unwrap_or(1);
    if threads > 1 {
        return Err(io::Error::other("there are threads already"));
    }
    // SAFETY: this is the only thread, so the child has all that this process has.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        _ => return Ok(Side::Caller),
    }
    // SAFETY: takes nothing. It cannot fail in a child that was just forked.
    unsafe { libc::setsid() };
    if let Ok(null) = File::open("/dev/null") {
        // SAFETY: both are descriptors of this process; nobody reads standard input here.
        unsafe { libc::dup2(null.as_raw_fd(), libc::STDIN_FILENO) };
    }
    Ok(Side::Daemon)
}

/// Whether libraries may clean up at the end of the process: not while a login that was given up is
/// still within one of them.
pub fn may_clean_up() -> bool {
    #[cfg(feature = "libsasl2")]
    return !super::sasl2::is_busy();
    #[cfg(not(feature = "libsasl2"))]
    true
}

/// Ends the process without having libraries clean up: a thread that is within one of them
/// would find what it works with gone.
pub fn leave(code: u8) -> ! {
    // SAFETY: takes a number, and runs no code of this process any more.
    unsafe { libc::_exit(code.into()) }
}
