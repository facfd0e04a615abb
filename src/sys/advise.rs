//! Gives the kernel hints about files, and counts disk reads.
#![allow(unsafe_code, reason = "system calls that the standard library does not wrap")]

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;

/// Asks the kernel to start reading a file, without waiting for it.
pub fn will_need(file: &File) {
    // SAFETY: the descriptor is open as long as `file` is borrowed. Only a hint: it may fail.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_WILLNEED) };
}

/// Returns how often the calling thread has read from a disk so far; 0 if that is unknown.
pub fn disk_reads() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: `usage` has room for what is written if the call succeeds, and is read only then.
    let usage = unsafe {
        match libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) {
            0 => usage.assume_init(),
            _ => return 0,
        }
    };
    u64::try_from(usage.ru_inblock).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_changes_nothing_and_reads_are_counted_upwards() {
        let file = tempfile::tempfile().unwrap();
        let before = disk_reads();
        will_need(&file);
        will_need(&File::open("/dev/null").unwrap());
        assert!(disk_reads() >= before);
    }
}
