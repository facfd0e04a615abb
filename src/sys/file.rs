//! Opens files of the spool, which may be damaged or of an unexpected type. Opening a FIFO does not
//! wait for its writer, opening a directory fails, and a dangling symbolic link is an error other
//! than "not found".

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Number of names to try when a temporary file is created.
const NAMES: usize = 8;

/// Bytes to read first. Most files are not longer.
const SMALL: usize = 4096;

/// Opens a regular file for reading. Also returns its length in bytes.
///
/// # Errors
/// `NotFound` only if nothing has this name; another error if it is not a regular file.
pub fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    open_with(OpenOptions::new().read(true), path)
}

/// Reads a regular file, but not more than `limit` bytes. Reading a small file takes three system
/// calls.
///
/// # Errors
/// Like [`open_regular`].
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_unchecked(OpenOptions::new().read(true), path)?;
    let mut data = vec![0; SMALL];
    let len = file.read_at(&mut data, 0);
    if let Ok(len @ 1..SMALL) = len
        && len as u64 <= limit
    {
        data.truncate(len);
        return Ok(data);
    }
    regular_len(&file)?;
    data.clear();
    file.take(limit).read_to_end(&mut data)?;
    Ok(data)
}

/// Like [`open_regular`], but with these options, for example to open a file for writing.
///
/// # Errors
/// Like [`open_regular`].
pub fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<(File, u64)> {
    let file = open_unchecked(options, path)?;
    let len = regular_len(&file)?;
    Ok((file, len))
}

/// Opens a file of any type, without waiting. Call [`regular_len`] to check that it is a regular
/// file.
///
/// # Errors
/// `NotFound` only if nothing has this name.
pub fn open_unchecked(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // Without O_NONBLOCK, opening a FIFO waits for its writer. For regular files the flag has no
    // effect.
    let opened = options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    opened.map_err(|error| absent(path).unwrap_or(error))
}

/// Creates a file without a name in `dir`. Only this process can read and write it. The file
/// disappears when it is closed or the process ends.
///
/// # Errors
/// If the file cannot be created.
pub fn temporary(dir: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    match options.clone().custom_flags(libc::O_TMPFILE).open(dir) {
        Ok(file) => return Ok(file),
        // These errors mean that the file system does not support O_TMPFILE.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR)) => {}
        Err(error) => return Err(error),
    }
    named_temporary(&mut options, dir)
}

/// Creates a file with a name, and removes the name at once.
fn named_temporary(options: &mut OpenOptions, dir: &Path) -> io::Result<File> {
    for _ in 0..NAMES {
        let number = getrandom::u64().map_err(|_| io::Error::other("no random numbers"))?;
        let path = dir.join(format!("cyrsync-{number:016x}"));
        match options.create_new(true).open(&path) {
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Returns the length of an open file in bytes.
///
/// # Errors
/// Fails if `file` is not a regular file.
pub fn regular_len(file: &File) -> io::Result<u64> {
    regular(file).map(|metadata| metadata.len())
}

/// Returns the metadata of an open file.
///
/// # Errors
/// Fails if `file` is not a regular file.
pub fn regular(file: &File) -> io::Result<Metadata> {
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok(metadata)
    } else if metadata.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

/// Returns an error to use instead of `NotFound` if `path` is a dangling symbolic link. Otherwise
/// returns `None`.
pub fn absent(path: &Path) -> Option<io::Error> {
    let link = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let nowhere = link && !path.exists();
    nowhere.then(|| io::Error::other("it is a symbolic link whose target does not exist"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_temporary_file_has_no_name() {
        use std::io::{Seek, Write};
        let dir = tempfile::tempdir().unwrap();
        let named = |dir: &Path| named_temporary(OpenOptions::new().read(true).write(true), dir);
        for make in [temporary as fn(&Path) -> io::Result<File>, named] {
            let mut file = make(dir.path()).unwrap();
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
            file.write_all(b"some text").unwrap();
            file.rewind().unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, "some text");
            let missing = make(&dir.path().join("missing")).unwrap_err();
            assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        }
    }

    #[test]
    fn small_and_large_files_are_read_up_to_a_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for size in [0, 1, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL] {
            let content: Vec<u8> = (0..size).map(|n| n as u8).collect();
            std::fs::write(&path, &content).unwrap();
            for limit in [0, 1, size, size + 1] {
                let expected = &content[..limit.min(size)];
                assert_eq!(read_regular(&path, limit as u64).unwrap(), expected);
            }
        }
        let kind = |path: &Path| read_regular(path, 9).unwrap_err().kind();
        assert_eq!(kind(dir.path()), io::ErrorKind::IsADirectory);
        assert_eq!(kind(Path::new("/dev/null")), io::ErrorKind::Other);
        assert_eq!(kind(Path::new("/dev/zero")), io::ErrorKind::Other);
        assert_eq!(kind(&dir.path().join("none")), io::ErrorKind::NotFound);
        let mkfifo = std::process::Command::new("mkfifo").arg(dir.path().join("fifo")).status();
        assert!(mkfifo.is_ok_and(|status| status.success()));
        assert_eq!(kind(&dir.path().join("fifo")), io::ErrorKind::Other);
    }

    #[test]
    fn only_regular_files_are_opened_and_nothing_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("file"), "12345").unwrap();
        let mkfifo = std::process::Command::new("mkfifo").arg(path("fifo")).status();
        assert!(mkfifo.is_ok_and(|status| status.success()));
        symlink("nowhere", path("dangling")).unwrap();
        symlink("self", path("self")).unwrap();
        symlink("file", path("link")).unwrap();
        symlink("fifo", path("link to fifo")).unwrap();

        let kind = |name: &str| open_regular(&path(name)).unwrap_err().kind();
        assert_eq!(open_regular(&path("file")).unwrap().1, 5);
        assert_eq!(open_regular(&path("link")).unwrap().1, 5);
        assert_eq!(kind("fifo"), io::ErrorKind::Other);
        assert_eq!(kind("link to fifo"), io::ErrorKind::Other);
        assert_eq!(kind("dangling"), io::ErrorKind::Other);
        assert_ne!(kind("self"), io::ErrorKind::NotFound);
        assert_eq!(kind("."), io::ErrorKind::IsADirectory);
        assert_eq!(kind("missing"), io::ErrorKind::NotFound);
        assert_eq!(kind("missing/file"), io::ErrorKind::NotFound);
    }
}
