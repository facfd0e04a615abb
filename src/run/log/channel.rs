//! Takes over a channel's sync log from Cyrus's daemons.
//!
//! Cyrus's daemons append to `log`. We take it over by renaming it to `log-run`, which keeps the
//! entries that are not on the replica yet. So `log-run` and `log` together always hold everything
//! that is still to be done, in a format with which Cyrus's own client can continue.

use std::io;
use std::ops::Range;

use super::disk::{Found, LogDisk, LogFile, at_log};
use crate::error::Result;

/// The result of [`take`].
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nothing was logged.
    Nothing,
    /// The work file is new. The range in it holds the undone entries that were appended before.
    Work(Range<u64>),
    /// The work file belongs to another client.
    Others,
}

/// Where [`keep`] has put the undone entries.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the work file, as usual.
    Work,
    /// In the log, because the work file belongs to another client.
    Log,
}

/// Renames the log to the work file. `undone` holds the entries of the current work file. They are
/// appended to the log first, so that the new work file has all entries.
///
/// Cyrus's own client does not use our lock of the channel. It may work on the channel at the same
/// time, and it removes the work file by name. So a work file that is not ours is not touched.
pub fn take(disk: &mut dyn LogDisk, undone: &[u8]) -> Result<Taken> {
    if !disk.is_logged()? {
        return Ok(Taken::Nothing);
    }
    // The rename is the last step, so that an error leaves the files unchanged.
    if disk.work()? == Found::Others {
        return Ok(Taken::Others);
    }
    let put_back = if undone.is_empty() { 0..0 } else { disk.append(undone)? };
    let found = disk.work()?;
    if found == Found::Others {
        return Ok(Taken::Others);
    }
    match place(disk, LogFile::Log, found) {
        Ok(true) => Ok(Taken::Work(put_back)),
        Ok(false) => Ok(Taken::Others),
        // Another client has taken over the log first.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Taken::Nothing),
        Err(error) => Err(at_log("take over sync log", disk.path(LogFile::Log), error)),
    }
}

/// Replaces the contents of the work file by the undone entries, or removes the file if there are
/// none. If the work file belongs to another client, the undone entries are appended to the log.
pub fn keep(disk: &mut dyn LogDisk, undone: &[u8]) -> Result<Kept> {
    let found = disk.work()?;
    if undone.is_empty() {
        if found == Found::Ours {
            let removed = disk.remove(LogFile::Work);
            removed.map_err(|error| at_log("remove", disk.path(LogFile::Work), error))?;
        }
        disk.disown_work();
        return Ok(Kept::Work);
    }
    if found == Found::Others {
        return put_back(disk, undone);
    }
    disk.write_spare(undone)?;
    let found = disk.work()?;
    if found == Found::Others {
        return put_back(disk, undone);
    }
    let placed = place(disk, LogFile::Spare, found);
    if !placed.map_err(|error| at_log("replace", disk.path(LogFile::Work), error))? {
        return put_back(disk, undone);
    }
    disk.sync_names()?;
    Ok(Kept::Work)
}

/// Writes the work file again, if it is not ours any more. Cyrus's own client removes it by name
/// when it has finished an earlier work file.
pub fn restore(disk: &mut dyn LogDisk, undone: &[u8]) -> Result<Kept> {
    if disk.work()? == Found::Ours {
        return Ok(Kept::Work);
    }
    keep(disk, undone)
}

fn put_back(disk: &mut dyn LogDisk, undone: &[u8]) -> Result<Kept> {
    disk.append(undone)?;
    Ok(Kept::Log)
}

/// Renames `file` to the work file, unless another client has one now. Returns whether it was
/// renamed.
fn place(disk: &mut dyn LogDisk, file: LogFile, found: Found) -> io::Result<bool> {
    if found == Found::Ours {
        disk.rename_to_work(file)?;
        return Ok(true);
    }
    match disk.link_to_work(file) {
        Ok(()) => disk.remove(file)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        // The file system has no hard links. Then another client could create a work file between
        // the check and the rename.
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
    fn what_is_appended_is_taken_over_once() {
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
    fn what_was_taken_over_is_read_whatever_another_client_does_to_its_name() {
        for replaces in [false, true] {
            let (_dir, mut disk) = channel();
            disk.append(b"USER fred\n").unwrap();
            assert_eq!(take(&mut disk, b"").unwrap(), Taken::Work(0..0));
            // Another client finishes an earlier work file and removes ours, or replaces it by a
            // new log.
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
    fn what_is_not_done_is_never_gone_from_both_files() {
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
        let told = |error: Error| assert!(error.to_string().contains("is a directory"), "{error}");
        told(take(&mut disk, b"").unwrap_err());
        fs::remove_dir(disk.path(LogFile::Log)).unwrap();
        disk.append(b"USER fred\n").unwrap();
        fs::create_dir(disk.path(LogFile::Work)).unwrap();
        for _ in 0..3 {
            told(take(&mut disk, b"USER anna\n").unwrap_err());
        }
        told(disk.open_work().err().unwrap());
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
        assert!(error.to_string().contains("no regular file"), "{error}");
        fs::remove_file(disk.path(LogFile::Log)).unwrap();
        make_fifo(disk.path(LogFile::Log));
        let error = disk.is_logged().unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
    }

    #[test]
    fn the_work_file_of_another_client_is_left_alone() {
        let (_dir, mut disk) = channel();
        disk.append(b"USER fred\n").unwrap();
        take(&mut disk, b"").unwrap();
        // Cyrus's client finished and removed our work file, and took over a new log.
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
        // A work file of somebody else becomes ours once we have read it.
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
