//! Remembers on disk which servers used TLS with a verified certificate, so that no later process
//! connects to them in clear text (like HSTS on the web).
//!
//! Each server has a file in `<configdirectory>/sync/tls-verified`. Only the existence of the file
//! matters, so a damaged file still counts. Its three lines are for people: the format and its
//! version, the server, the certificate. The name of the file is the server: the host in lower case
//! without a final dot, a colon, the port. An IPv6 address is in its shortest form and in brackets.
//! All characters except letters, digits, `.`, `-`, `_`, `:`, `[` and `]` are written as `%` and
//! two hexadecimal digits.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Kind, Result};
use crate::settings::Fingerprint;

const FIRST_LINE: &str = "cyrsync tls-verified 1";

/// The servers that used TLS with a verified certificate.
#[derive(Debug, Clone)]
pub struct VerifiedServers {
    dir: PathBuf,
    /// The start of the command that makes this program forget a server. The server's name follows
    /// it.
    forget_command: String,
    /// Whether a write error was already reported. Clones share this.
    warned: Arc<AtomicBool>,
    /// Whether no files are written.
    read_only: bool,
}

impl VerifiedServers {
    /// Uses the files in `dir`. Errors name `forget_command` as the command that forgets a server.
    pub fn new(dir: PathBuf, forget_command: impl Into<String>) -> VerifiedServers {
        let forget_command = forget_command.into();
        VerifiedServers { dir, forget_command, warned: Arc::default(), read_only: false }
    }

    /// Returns the same servers for reading only. [`VerifiedServers::remember`] then does nothing.
    #[must_use]
    pub fn read_only(self) -> VerifiedServers {
        VerifiedServers { read_only: true, ..self }
    }

    /// Returns whether TLS with a verified certificate was used with this server.
    ///
    /// # Errors
    /// [`Kind::Tls`] if the directory, or one above it, exists but cannot be searched. The caller
    /// must then not use clear text.
    pub fn contains(&self, host: &str, port: u16) -> Result<bool> {
        let path = self.file(host, port);
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => {
                let what = format!("{}: {}", path.display(), reason(&error));
                Err(Error::new(Kind::Tls, "read the TLS history of", server(host, port), what)
                    .with_hint(
                        "make the directory readable for the cyrus user: its files say which \
                         servers must never be used without TLS",
                    ))
            }
        }
    }

    /// Remembers a server, unless it is remembered already.
    ///
    /// # Errors
    /// [`Kind::Io`] if the file cannot be written. Only the first such error is returned; later
    /// calls, also on clones, ignore such errors.
    pub fn remember(&self, host: &str, port: u16, certificate: Option<Fingerprint>) -> Result<()> {
        let path = self.file(host, port);
        if self.read_only || fs::symlink_metadata(&path).is_ok() {
            return Ok(());
        }
        let certificate = certificate.map(|it| it.to_string()).unwrap_or_default();
        let text = format!("{FIRST_LINE}\n{}\n{certificate}\n", server(host, port));
        match self.write(&path, &text) {
            Err(error) if !self.warned.swap(true, Ordering::Relaxed) => {
                Err(failed("write", &path, error))
            }
            _ => Ok(()),
        }
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        // Create only these two directories, not a missing configdirectory.
        if let Some(parent) = self.dir.parent() {
            make_dir(parent, 0o755)?;
        }
        make_dir(&self.dir, 0o700)?;
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        match opened {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            }
            // Another process has created the file already.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Forgets a server. If `port` is `None`, forgets the host on all ports. Returns the forgotten
    /// servers.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub fn forget(&self, host: &str, port: Option<u16>) -> Result<Vec<String>> {
        let mut forgotten = self.list()?;
        let wanted = port.map(|port| file_name(&server(host, port)));
        let any = file_name(&format!("{}:", host_name(host)));
        forgotten.retain(|name| match &wanted {
            Some(wanted) => name == wanted,
            None => name.strip_prefix(&any).is_some_and(|port| port.parse::<u16>().is_ok()),
        });
        for name in &forgotten {
            let path = self.dir.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("remove", &path, error));
                }
                _ => {}
            }
        }
        Ok(forgotten)
    }

    /// Lists all remembered servers, sorted, in the form of the file names.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub fn list(&self) -> Result<Vec<String>> {
        let broken = |error| failed("read directory", &self.dir, error);
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(broken(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(broken)?.file_name().to_string_lossy().into_owned();
            // The directory may also contain the sync log of a channel named `tls-verified`.
            if name.contains(':') {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Returns the command that forgets a server, for the hint of an error.
    pub fn how_to_forget(&self, host: &str, port: u16) -> String {
        format!("{} {}", self.forget_command, server(host, port))
    }

    fn file(&self, host: &str, port: u16) -> PathBuf {
        self.dir.join(file_name(&server(host, port)))
    }
}

/// Creates a directory, unless it exists.
fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn is_absent(error: &io::Error) -> bool {
    // A name that is too long cannot exist.
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename)
}

fn failed(op: &'static str, path: &Path, error: io::Error) -> Error {
    Error::new(Kind::Io, op, path, reason(&error))
        .with_hint(
            "give the directory sync below configdirectory, and all files in it, to the cyrus user",
        )
        .with_source(error)
}

/// Returns the system's error text, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Returns the server as `replica.example.com:2005` or `[::1]:2005`. Different spellings of a host
/// give the same text.
pub(in crate::replica) fn server(host: &str, port: u16) -> String {
    format!("{}:{port}", host_name(host))
}

fn host_name(host: &str) -> String {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        // An IPv6 address with a zone, such as `fe80::1%eth0`. It cannot be parsed as an address.
        Err(_) if host.contains(':') => format!("[{host}]"),
        Err(_) => host,
    }
}

fn file_name(server: &str) -> String {
    let mut name = String::new();
    for byte in server.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b':' | b'[' | b']' => {
                name.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(name, "%{byte:02x}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// Uses a configdirectory that does not contain the directory `sync` yet.
    fn servers(dir: &tempfile::TempDir) -> VerifiedServers {
        VerifiedServers::new(dir.path().join("sync/tls-verified"), "sync_client --forget-tls")
    }

    #[test]
    fn a_server_is_the_same_however_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let known = servers(&dir);
        assert!(!known.contains("replica.example.com", 2005).unwrap());
        let certificate = Fingerprint::of(b"it");
        known.remember("Replica.Example.com.", 2005, Some(certificate)).unwrap();
        known.remember("replica.example.com", 2005, None).unwrap();
        known.remember("0:0:0:0:0:0:0:1", 143, None).unwrap();
        known.remember("FE80::1%eth0", 143, None).unwrap();
        assert_eq!(
            known.list().unwrap(),
            ["[::1]:143", "[fe80::1%25eth0]:143", "replica.example.com:2005"]
        );
        for (host, port) in
            [("REPLICA.example.com", 2005), ("replica.example.com.", 2005), ("::1", 143)]
        {
            assert!(known.contains(host, port).unwrap(), "{host}");
        }
        for (host, port) in [("replica.example.com", 143), ("example.com", 2005), ("::2", 143)] {
            assert!(!known.contains(host, port).unwrap(), "{host}");
        }
        assert!(!known.contains(&"x".repeat(300), 1).unwrap());

        let path = dir.path().join("sync/tls-verified/replica.example.com:2005");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{FIRST_LINE}\nreplica.example.com:2005\n{certificate}\n"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }

    #[test]
    fn a_server_is_remembered_until_it_is_forgotten_whatever_its_file_holds() {
        let dir = tempfile::tempdir().unwrap();
        let known = servers(&dir);
        for port in [143, 2005] {
            known.remember("replica", port, None).unwrap();
            known.remember("replica2", port, None).unwrap();
        }
        let path = |name: &str| dir.path().join("sync/tls-verified").join(name);
        fs::write(path("replica:143"), b"\0damaged").unwrap();
        fs::write(path("replica:2005"), b"").unwrap();
        // The sync log of a channel named `tls-verified`.
        fs::write(path("log"), b"").unwrap();
        assert!(
            known.contains("replica", 143).unwrap() && known.contains("replica", 2005).unwrap()
        );
        assert_eq!(known.forget("replica", Some(2006)).unwrap(), [""; 0]);
        assert_eq!(known.forget("REPLICA.", Some(2005)).unwrap(), ["replica:2005"]);
        assert!(known.contains("replica", 143).unwrap());
        known.remember("replica", 2005, None).unwrap();
        assert_eq!(known.forget("replica", None).unwrap(), ["replica:143", "replica:2005"]);
        assert!(!known.contains("replica", 143).unwrap());
        assert_eq!(known.list().unwrap(), ["replica2:143", "replica2:2005"]);
    }

    #[test]
    fn a_failed_write_is_reported_once_and_configdirectory_is_not_created() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing");
        let known = VerifiedServers::new(missing.join("sync/tls-verified"), "");
        let error = known.remember("replica", 1, None).unwrap_err();
        assert_eq!((error.kind(), error.io_kind()), (Kind::Io, Some(io::ErrorKind::NotFound)));
        known.clone().remember("replica", 1, None).unwrap();
        assert!(!missing.exists() && !known.contains("replica", 1).unwrap());
        assert_eq!(known.list().unwrap(), [""; 0]);
        assert_eq!(known.forget("replica", None).unwrap(), [""; 0]);
    }

    #[test]
    fn a_server_whose_record_cannot_be_read_counts_as_verified() {
        let dir = tempfile::tempdir().unwrap();
        let known = servers(&dir);
        fs::create_dir(dir.path().join("sync")).unwrap();
        // Root can search any directory. To get an error for root too, put a file in its place.
        fs::write(dir.path().join("sync/tls-verified"), "").unwrap();
        let error = known.contains("replica", 1).unwrap_err();
        assert_eq!(error.kind(), Kind::Tls);
        assert!(!error.to_string().contains("os error"), "{error}");
        // The same with the directory above. A link to itself cannot be followed by root either.
        fs::remove_dir_all(dir.path().join("sync")).unwrap();
        symlink("sync", dir.path().join("sync")).unwrap();
        assert_eq!(known.contains("replica", 1).unwrap_err().kind(), Kind::Tls);
    }

    #[test]
    fn a_read_only_handle_records_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let known = servers(&dir);
        let looking = known.clone().read_only();
        looking.remember("replica", 1, None).unwrap();
        assert!(!known.contains("replica", 1).unwrap() && !dir.path().join("sync").exists());
        known.remember("replica", 1, None).unwrap();
        assert!(looking.contains("replica", 1).unwrap());
    }

    #[test]
    fn many_at_once_remember_and_forget() {
        let dir = tempfile::tempdir().unwrap();
        let known = servers(&dir);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let known = &known;
                scope.spawn(move || {
                    known.remember("replica", 2005, None).unwrap();
                    known.remember("replica", number, None).unwrap();
                    assert!(known.contains("replica", 2005).unwrap());
                });
            }
        });
        assert_eq!(known.list().unwrap().len(), 9);
    }
}
