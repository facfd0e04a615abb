//! Reads and writes the status file.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::value::{Status, VERSION};
use crate::error::{Error, Kind, Result};
use crate::sys::file::read_regular;

/// The maximum size of a status file, in bytes. A file with a hundred deferred tasks and long
/// reasons is much smaller.
const MOST_BYTES: u64 = 16 << 20;
/// The mode of the status file, whatever the umask is. Users in the file's group may read it, so that
/// a monitoring system can, although the umask of Cyrus usually hides the log from them.
const MODE: u32 = 0o640;

/// Returns the path of the status file for the channel with this sync log.
pub fn path(log: &Path) -> PathBuf {
    let mut path = log.as_os_str().to_owned();
    path.push("-status");
    path.into()
}

/// Replaces the status file in one step, so that a reader always finds a complete file.
///
/// # Errors
/// [`Kind::Io`]. The old file then stays in place.
pub fn write(path: &Path, status: &Status) -> Result<()> {
    let mut text = serde_json::to_vec(status).map_err(|error| {
        Error::new(Kind::Internal, "write status file", path, error.to_string())
    })?;
    text.push(b'\n');
    replace(path, &text, MODE).map_err(|error| {
        Error::io("write status file", path, error)
            .or_hint("replication goes on without it; --status reads the logs instead")
    })
}

/// Replaces a file in one step. The new file gets exactly this mode, whatever the umask is.
pub(crate) fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut spare = path.as_os_str().to_owned();
    spare.push(".new");
    let spare = PathBuf::from(spare);
    let mut options = OpenOptions::new();
    let written = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&spare)
        .and_then(|mut file| {
            file.set_permissions(Permissions::from_mode(mode))?;
            file.write_all(content)
        })
        .and_then(|()| fs::rename(&spare, path));
    if written.is_err() {
        let _ = fs::remove_file(&spare);
    }
    written
}

/// Reads the status file. Returns `None` if it does not exist.
///
/// # Errors
/// [`Kind::Io`]; [`Kind::Corrupt`] if the file is not a status file; [`Kind::Unsupported`] if a
/// later version of this library wrote it.
pub fn read(path: &Path) -> Result<Option<Status>> {
    let text = match read_regular(path, MOST_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| Error::io("read status file", path, error))?,
    };
    parse(&text).map(Some).map_err(|(kind, detail)| {
        Error::new(kind, "read status file", path, detail)
            .with_hint("rolling replication writes a new one; if it does not run, remove the file")
    })
}

fn parse(text: &[u8]) -> std::result::Result<Status, (Kind, String)> {
    #[derive(serde::Deserialize)]
    struct Version {
        version: u32,
    }
    let corrupt = |error: serde_json::Error| (Kind::Corrupt, error.to_string());
    let Version { version } = serde_json::from_slice(text).map_err(corrupt)?;
    if version > VERSION {
        let detail =
            format!("its format is {version}, but {VERSION} is the last that this program knows");
        return Err((Kind::Unsupported, detail));
    }
    serde_json::from_slice(text).map_err(corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Contact, Deferred};

    fn status() -> Status {
        Status {
            contact: Contact::Unreachable {
                since: 100,
                attempts: 3,
                next: Some(160),
                reason: "connect to mx2:2005: refused".to_owned(),
            },
            deferred: vec![Deferred {
                items: vec!["MAILBOX user.fred".to_owned()],
                tries: 2,
                next: 170,
                reason: "open mailbox user.fred: bad".to_owned(),
                is_locked: false,
            }],
            oldest: Some(90),
            ..Status::unknown("mx2", Some("second"))
        }
    }

    #[test]
    fn a_written_status_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir.path().join("log"));
        assert_eq!(path, dir.path().join("log-status"));
        assert_eq!(read(&path).unwrap(), None);
        let written = status();
        write(&path, &written).unwrap();
        assert_eq!(read(&path).unwrap(), Some(written));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_later_format_and_garbage_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log-status");
        let kind = |text: &str| {
            fs::write(&path, text).unwrap();
            read(&path).unwrap_err().kind()
        };
        assert_eq!(kind("{\"version\":2,\"color\":\"blue\"}"), Kind::Unsupported);
        for garbage in ["", "{", "{\"version\":1}", "[]", "{\"version\":-1}"] {
            assert_eq!(kind(garbage), Kind::Corrupt, "{garbage}");
        }
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log-status");
        write(&path, &status()).unwrap();
        fs::create_dir(dir.path().join("log-status.new")).unwrap();
        assert_eq!(write(&path, &status()).unwrap_err().kind(), Kind::Io);
        assert_eq!(read(&path).unwrap(), Some(status()));
    }
}
