//! Moves the program to the background, or ends the process immediately.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// The process in which `detach` returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The original process, which should end now.
    Caller,
    /// The new process, in its own session, without terminal and input.
    Daemon,
}

/// Continues in the background as a new process. stdout and stderr stay open.
///
/// # Errors
/// Fails if there is already another thread, because the new process would not have it. Fails if a
/// system call fails.
pub fn detach() -> io::Result<Side> {
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count).unwrap_or(1);
    if threads > 1 {
        return Err(io::Error::other("the process already has threads"));
    }
    // SAFETY: this is the only thread, so the child is a complete copy of this process.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        _ => return Ok(Side::Caller),
    }
    // SAFETY: setsid() has no arguments. It cannot fail in a child that was just forked.
    unsafe { libc::setsid() };
    if let Ok(null) = File::open("/dev/null") {
        // SAFETY: both descriptors are open, and nothing in this process reads standard input.
        unsafe { libc::dup2(null.as_raw_fd(), libc::STDIN_FILENO) };
    }
    Ok(Side::Daemon)
}

/// Ends the process without the cleanup of libraries. The cleanup could free data that a thread
/// inside a library still uses.
pub fn leave(code: u8) -> ! {
    // SAFETY: the only argument is a number. No more code of this process runs.
    unsafe { libc::_exit(code.into()) }
}
