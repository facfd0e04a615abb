//! Takes over a channel's sync log from Cyrus's daemons.
//!
//! Cyrus's daemons append to `log`. The client takes the log over by renaming it to `log-run`, the
//! work file. The work file holds the entries that are not on the replica yet. So `log-run` and
//! `log` together always hold all pending entries, and Cyrus's own client can read both.

use std::io;
use std::ops::Range;

use super::disk::{Found, LogDisk, LogFile, at_log};
use crate::error::Result;

/// The result of [`take`].
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nothing was logged.
    Nothing,
    /// The log is the new work file. The range, in bytes, holds the pending entries that were
    /// appended to it before the rename.
    Work(Range<u64>),
    /// The work file belongs to another client.
    Others,
}

/// The file to which [`keep`] has written the pending entries.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the work file, as usual.
    Work,
    /// In the log, because the work file belongs to another client.
    Log,
}

/// Renames the log to the work file. `pending` holds the unfinished entries of the current work
/// file. They are appended to the log first, because the rename replaces the current work file.
///
/// Cyrus's own client ignores our lock of the channel. It may work on the same channel, and it
/// removes the work file by name. So a work file of another client is not touched.
pub fn take(disk: &mut dyn LogDisk, pending: &[u8]) -> Result<Taken> {
    if !disk.is_logged()? {
        return Ok(Taken::Nothing);
    }
    // The rename is the last step, so that an error leaves the files unchanged.
    if disk.work()? == Found::Others {
        return Ok(Taken::Others);
    }
    let put_back = if pending.is_empty() { 0..0 } else { disk.append(pending)? };
    let found = disk.work()?;
    if found == Found::Others {
        return Ok(Taken::Others);
    }
    match place(disk, LogFile::Log, found) {
        Ok(true) => Ok(Taken::Work(put_back)),
        Ok(false) => Ok(Taken::Others),
        // Another client has taken over the log before us.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Taken::Nothing),
        Err(error) => Err(at_log("take over sync log", disk.path(LogFile::Log), error)),
    }
}

/// Replaces the contents of the work file by the pending entries, or removes the file if there are
/// no pending entries. If the work file belongs to another client, the pending entries are appended
/// to the log.
pub fn keep(disk: &mut dyn LogDisk, pending: &[u8]) -> Result<Kept> {
    let found = disk.work()?;
    if pending.is_empty() {
        if found == Found::Ours {
            let removed = disk.remove(LogFile::Work);
            removed.map_err(|error| at_log("remove", disk.path(LogFile::Work), error))?;
        }
        disk.disown_work();
        return Ok(Kept::Work);
    }
    if found == Found::Others {
        return put_back(disk, pending);
    }
    disk.write_spare(pending)?;
    let found = disk.work()?;
    if found == Found::Others {
        return put_back(disk, pending);
    }
    let placed = place(disk, LogFile::Spare, found);
    if !placed.map_err(|error| at_log("replace", disk.path(LogFile::Work), error))? {
        return put_back(disk, pending);
    }
    disk.sync_names()?;
    Ok(Kept::Work)
}

/// Writes the work file again if it was removed or replaced. Cyrus's own client removes the work
/// file by name when it has processed an earlier one.
pub fn restore(disk: &mut dyn LogDisk, pending: &[u8]) -> Result<Kept> {
    if disk.work()? == Found::Ours {
        return Ok(Kept::Work);
    }
    keep(disk, pending)
}

fn put_back(disk: &mut dyn LogDisk, pending: &[u8]) -> Result<Kept> {
    disk.append(pending)?;
    Ok(Kept::Log)
}

/// Renames `file` to the work file, unless another client has created a work file meanwhile.
/// Returns whether `file` was renamed.
fn place(disk: &mut dyn LogDisk, file: LogFile, found: Found) -> io::Result<bool> {
    if found == Found::Ours {
        disk.rename_to_work(file)?;
        return Ok(true);
    }
    match disk.link_to_work(file) {
        Ok(()) => disk.remove(file)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        // The file system has no hard links, so only a rename is possible. It would overwrite a
        // work file that another client creates at this moment.
        Err(_) => disk.rename_to_work(file)?,
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use super::super::files::LogFiles;
    use super::*;
    use crate::error::Error;

    fn channel() -> (tempfile::TempDir, LogFiles) {
        let dir = tempfile::tempdir().unwrap();
        let disk = LogFiles::new(dir.path().join("sync/second/log"));
        (dir, disk)
    }

    /// Returns the contents of the work file.
    fn work(disk: &mut LogFiles) -> Option<String> {
        let mut text = String::new();
        disk.open_work().unwrap()?.read_to_string(&mut text).unwrap();
        Some(text)
    }

    #[test]
    fn an_appended_entry_is_taken_over_once() {
        let (_dir, mut disk) = channel();
        assert_eq!(take(&mut disk, b"").unwrap(), Taken::Nothing);
        disk.append(b"USER fred\n").unwrap();
        disk.append(b"USER anna\n").unwrap();
        assert_eq!(take(&mut disk, b"").unwrap(), Taken::Work(0..0));
        assert_eq!(work(&mut disk).unwrap(), "USER fred\nUSER anna\n");
        assert_eq!(take(&mut disk, b"").unwrap(), Taken::Nothing);
        assert_eq!(work(&mut disk).unwrap(), "USER fred\nUSER anna\n");
        keep(&mut disk, b"").unwrap();
        assert_eq!(work(&mut disk), None);
        keep(&mut disk, b"").unwrap();
    }

    #[test]
    fn a_taken_over_log_is_read_even_if_its_name_is_removed_or_replaced() {
        for replaces in [false, true] {
            let (_dir, mut disk) = channel();
            disk.append(b"USER fred\n").unwrap();
            assert_eq!(take(&mut disk, b"").unwrap(), Taken::Work(0..0));
            // Another client removes our work file by name, or replaces it by a new log.
            fs::remove_file(disk.path(LogFile::Work)).unwrap();
            if replaces {
                fs::write(disk.path(LogFile::Work), "USER anna\n").unwrap();
            }
            assert_eq!(work(&mut disk).unwrap(), "USER fred\n");
        }
    }

    #[test]
    fn a_work_file_that_another_client_removed_is_restored() {
        let (_dir, mut disk) = channel();
        disk.append(b"USER fred\n").unwrap();
        take(&mut disk, b"").unwrap();
        assert_eq!(restore(&mut disk, b"not looked at").unwrap(), Kept::Work);
        assert_eq!(work(&mut disk).unwrap(), "USER fred\n");
        fs::remove_file(disk.path(LogFile::Work)).unwrap();
        assert_eq!(restore(&mut disk, b"USER fred\n").unwrap(), Kept::Work);
        assert_eq!(work(&mut disk).unwrap(), "USER fred\n");
    }

    #[test]
    fn an_unfinished_entry_is_always_in_one_of_the_files() {
        let (_dir, mut disk) = channel();
        disk.append(b"USER fred\nUSER anna\n").unwrap();
        assert_eq!(take(&mut disk, b"").unwrap(), Taken::Work(0..0));
        keep(&mut disk, b"USER anna\n").unwrap();
        assert_eq!(work(&mut disk).unwrap(), "USER anna\n");
        disk.append(b"USER zoe\n").unwrap();
        assert_eq!(take(&mut disk, b"USER anna\n").unwrap(), Taken::Work(9..19));
        assert_eq!(work(&mut disk).unwrap(), "USER zoe\nUSER anna\n");
    }

    #[test]
    fn a_client_that_was_killed_between_link_and_unlink_leaves_a_work_file_that_stays() {
        for leftover in [LogFile::Spare, LogFile::Log] {
            let (_dir, mut disk) = channel();
            disk.append(b"USER fred\nUSER anna\n").unwrap();
            take(&mut disk, b"").unwrap();
            // The other name of the work file, which the killed client did not remove.
            fs::hard_link(disk.path(LogFile::Work), disk.path(leftover)).unwrap();
            let mut next = LogFiles::new(disk.path(LogFile::Log));
            assert_eq!(work(&mut next).unwrap(), "USER fred\nUSER anna\n");
            // A reader that still has the work file open must not see it change.
            let mut before = fs::File::open(next.path(LogFile::Work)).unwrap();
            match leftover {
                LogFile::Log => {
                    assert_eq!(take(&mut next, b"").unwrap(), Taken::Work(0..0));
                    assert!(!next.is_logged().unwrap(), "the log has no name any more");
                    assert_eq!(work(&mut next).unwrap(), "USER fred\nUSER anna\n");
                }
                _ => assert_eq!(keep(&mut next, b"USER anna\n").unwrap(), Kept::Work),
            }
            let mut left = String::new();
            before.read_to_string(&mut left).unwrap();
            assert_eq!(left, "USER fred\nUSER anna\n");
            keep(&mut next, b"USER anna\n").unwrap();
            assert_eq!(work(&mut next).unwrap(), "USER anna\n");
            assert!(!next.path(LogFile::Spare).exists());
        }
    }

    #[test]
    fn a_full_disk_leaves_both_files_as_they_were() {
        let (_dir, mut disk) = channel();
        disk.append(b"USER fred\nUSER anna\n").unwrap();
        assert_eq!(take(&mut disk, b"").unwrap(), Taken::Work(0..0));
        std::os::unix::fs::symlink("/dev/full", disk.path(LogFile::Spare)).unwrap();
        assert_eq!(keep(&mut disk, b"USER anna\n").unwrap_err().io_kind(), Some(FULL));
        assert_eq!(work(&mut disk).unwrap(), "USER fred\nUSER anna\n");
        std::os::unix::fs::symlink("/dev/full", disk.path(LogFile::Log)).unwrap();
        assert_eq!(take(&mut disk, b"USER anna\n").unwrap_err().io_kind(), Some(FULL));
        assert_eq!(work(&mut disk).unwrap(), "USER fred\nUSER anna\n");
    }

    const FULL: io::ErrorKind = io::ErrorKind::StorageFull;

    #[test]
    fn a_directory_in_the_place_of_a_log_is_left_alone() {
        let (_dir, mut disk) = channel();
        fs::create_dir_all(disk.path(LogFile::Log)).unwrap();
        let reported =
            |error: Error| assert!(error.to_string().contains("is a directory"), "{error}");
        reported(take(&mut disk, b"").unwrap_err());
        fs::remove_dir(disk.path(LogFile::Log)).unwrap();
        disk.append(b"USER fred\n").unwrap();
        fs::create_dir(disk.path(LogFile::Work)).unwrap();
        for _ in 0..3 {
            reported(take(&mut disk, b"USER anna\n").unwrap_err());
        }
        reported(disk.open_work().err().unwrap());
        assert_eq!(fs::read_to_string(disk.path(LogFile::Log)).unwrap(), "USER fred\n");
    }

    #[test]
    fn a_fifo_in_the_place_of_a_log_is_not_waited_for() {
        let (_dir, mut disk) = channel();
        disk.append(b"USER fred\n").unwrap();
        let make_fifo = |path: &std::path::Path| {
            let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
            assert!(made.success());
        };
        make_fifo(disk.path(LogFile::Work));
        let error = disk.open_work().err().unwrap();
        assert!(error.to_string().contains("not a regular file"), "{error}");
        fs::remove_file(disk.path(LogFile::Log)).unwrap();
        make_fifo(disk.path(LogFile::Log));
        let error = disk.is_logged().unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }

    #[test]
    fn the_work_file_of_another_client_is_left_alone() {
        let (_dir, mut disk) = channel();
        disk.append(b"USER fred\n").unwrap();
        take(&mut disk, b"").unwrap();
        // Simulate Cyrus's client: it removed our work file and took over a new log.
        fs::remove_file(disk.path(LogFile::Work)).unwrap();
        fs::write(disk.path(LogFile::Work), "USER zoe\n").unwrap();
        assert_eq!(keep(&mut disk, b"USER fred\n").unwrap(), Kept::Log);
        let work_file = disk.path(LogFile::Work).to_owned();
        let left = || fs::read_to_string(&work_file).unwrap();
        assert_eq!(left(), "USER zoe\n");
        assert_eq!(fs::read_to_string(disk.path(LogFile::Log)).unwrap(), "USER fred\n");
        assert_eq!(take(&mut disk, b"USER fred\n").unwrap(), Taken::Others);
        assert_eq!(keep(&mut disk, b"").unwrap(), Kept::Work);
        assert_eq!(left(), "USER zoe\n", "nothing of ours is in it");
        fs::remove_file(disk.path(LogFile::Work)).unwrap();
        assert_eq!(take(&mut disk, b"").unwrap(), Taken::Work(0..0));
        assert_eq!(left(), "USER fred\n");
        assert_eq!(keep(&mut disk, b"USER fred\n").unwrap(), Kept::Work);
        assert_eq!(keep(&mut disk, b"").unwrap(), Kept::Work);
        assert!(!disk.path(LogFile::Work).exists());
        // A work file of another client becomes ours once it was read.
        fs::write(disk.path(LogFile::Work), "USER anna\n").unwrap();
        assert_eq!(work(&mut disk).unwrap(), "USER anna\n");
        keep(&mut disk, b"").unwrap();
        assert!(!disk.path(LogFile::Work).exists());
    }

    #[test]
    fn writers_and_a_reader_lose_nothing() {
        const WRITERS: u32 = 4;
        const EACH: u32 = 100;
        let (_dir, disk) = channel();
        let mut found = String::new();
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let mut log = LogFiles::new(disk.path(LogFile::Log));
                    scope.spawn(move || {
                        for number in 0..EACH {
                            let line = format!("USER {writer}-{number}\n");
                            log.append(line.as_bytes()).unwrap();
                        }
                    })
                })
                .collect();
            let mut log = LogFiles::new(disk.path(LogFile::Log));
            loop {
                let ended = writers.iter().all(|writer| writer.is_finished());
                match take(&mut log, b"").unwrap() {
                    Taken::Work(_) => found += &work(&mut log).unwrap(),
                    _ if ended => break,
                    _ => std::thread::yield_now(),
                }
            }
        });
        let mut lines: Vec<_> = found.lines().collect();
        assert_eq!(lines.len() as u32, WRITERS * EACH);
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len() as u32, WRITERS * EACH);
    }
}
