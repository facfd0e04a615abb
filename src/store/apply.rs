//! Writes to the master's spool: the master's own replication server does them, so that
//! conversations, quotas, search and DAV indexes stay right without a line of ours.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::observe::Observer;
use crate::replica::{Replica, Session};

/// Where Cyrus's daemons may be, as packagers and Cyrus itself put them.
const DIRECTORIES: &[&str] = &[
    "/usr/lib/cyrus/bin",
    "/usr/libexec/cyrus-imapd",
    "/usr/lib/cyrus-imapd",
    "/usr/lib/cyrus-imapd/bin",
    "/usr/local/libexec/cyrus-imapd",
    "/usr/local/libexec",
    "/usr/cyrus/libexec",
    "/usr/cyrus/bin",
];
const PROGRAM: &str = "sync_server";
/// How long it may take to end once it is asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// A `sync_server` on the master's own spool, at the other end of a socket pair.
pub struct OwnServer {
    session: Option<Session>,
    child: Child,
}

/// The `sync_server` of the Cyrus that is installed, or the one that is configured.
///
/// # Errors
/// [`Kind::Config`] if there is none.
pub fn find(configured: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = configured {
        return Ok(path.to_owned());
    }
    let places = DIRECTORIES.iter().map(|directory| Path::new(directory).join(PROGRAM));
    places.into_iter().find(|path| path.exists()).ok_or_else(|| {
        let detail = "it is in none of the usual places";
        Error::new(Kind::Config, "find", PROGRAM, detail)
            .hint("set sync_server_path in imapd.conf: a repair writes through it")
    })
}

impl OwnServer {
    /// Starts it on the configuration at `imapd_conf`.
    ///
    /// # Errors
    /// If it cannot be started, or does not greet.
    pub fn start(
        program: &Path,
        imapd_conf: &Path,
        timeout: Duration,
        observer: Arc<dyn Observer>,
        cancel: Arc<AtomicBool>,
    ) -> Result<OwnServer> {
        let io = |error| Error::io("start", program, error);
        let (ours, theirs) = UnixStream::pair().map_err(io)?;
        let theirs = OwnedFd::from(theirs);
        // As master does for a service, with a socket for standard input and output.
        let mut command = Command::new(program);
        command
            .arg("-C")
            .arg(imapd_conf)
            .arg("-X")
            .env("CYRUS_SERVICE", "sync_repair")
            .env("CYRUS_ID", "0")
            .stdin(Stdio::from(theirs.try_clone().map_err(io)?))
            .stdout(Stdio::from(theirs))
            .stderr(Stdio::null());
        let child = command.spawn().map_err(io)?;
        drop(command);
        let mut server = OwnServer { session: None, child };
        server.session = Some(Session::local(ours, timeout, observer, cancel)?);
        Ok(server)
    }

    /// The session with it.
    pub fn session(&mut self) -> Option<&mut dyn Replica> {
        self.session.as_mut().map(|session| session as &mut dyn Replica)
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            session.close();
        }
        // It ends with its input. One that does not is of no use to anybody.
        let end = Instant::now() + PATIENCE;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() >= end {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
