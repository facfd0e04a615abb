//! Gives the kernel advice about files, and counts reads from disk.
#![allow(unsafe_code, reason = "system calls that the standard library does not wrap")]

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;

/// Asks the kernel to read a file into memory. Does not wait until it is read.
pub fn will_need(file: &File) {
    // SAFETY: the descriptor is open as long as `file` is borrowed. An error is ignored, because
    // the call is only advice.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_WILLNEED) };
}

/// Returns the number of times that the calling thread has read from a disk; 0 if unknown.
pub fn disk_reads() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: `usage` has room for the result. It is used only if the call succeeds, which fills
    // it.
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
