//! Runs the master's own `sync_server` for a repair.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::failed::{WRITE, failed};
use super::program;
use super::release::{self, Traces, Version};
use crate::error::{Error, Kind, Peer, Result, Subject, reason};
use crate::events::Observer;
use crate::protocol::{self, Reply, Ticket};
use crate::replica::{Capabilities, Replica, Session};
use crate::settings::Settings;

/// Time in which the server must exit after its input was closed. After that it is killed.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest time that the server may take to send its greeting. The time is short because the server
/// runs on this machine.
pub const GREETING: Duration = Duration::from_secs(60);
/// Longest wait for the exit status after the connection ended. The status is part of the error
/// message.
const END: Duration = Duration::from_secs(1);
/// Maximum number of bytes of the server's standard error in an error message.
const COMPLAINT_BYTES: usize = 300;
/// Interval at which a wait checks whether the process has ended.
const LOOK: Duration = Duration::from_millis(2);

/// A `sync_server` on the master's own spool, at the other end of a socket pair.
pub struct OwnServer {
    program: PathBuf,
    version: Version,
    session: Option<Session>,
    child: Child,
    /// The other end of the server's standard error.
    complaints: UnixStream,
}

impl OwnServer {
    /// Starts the server on the configuration file `imapd_conf`.
    ///
    /// # Errors
    /// [`Kind::OwnServer`] if the server cannot be started or sends no greeting.
    /// [`Kind::Cancelled`] if a stop was requested.
    pub fn start(
        program: &Path,
        imapd_conf: &Path,
        timeout: Duration,
        observer: Arc<dyn Observer>,
        cancel: Arc<AtomicBool>,
    ) -> Result<OwnServer> {
        let not_started = |error: std::io::Error| {
            let detail = format!("it cannot be started: {}", reason(&error));
            failed(program, detail).with_hint(
                "set sync_server_path in imapd.conf to the sync_server of the Cyrus that serves \
                 this spool; the user that replicates must be able to run it",
            )
            .with_source(error)
        };
        let (ours, theirs) = UnixStream::pair().map_err(not_started)?;
        let (complaints, stderr) = UnixStream::pair().map_err(not_started)?;
        // The server must not block if its standard error is full, because it is only read after a
        // failure.
        stderr.set_nonblocking(true).map_err(not_started)?;
        complaints.set_nonblocking(true).map_err(not_started)?;
        let theirs = OwnedFd::from(theirs);
        // Cyrus's master starts services like this, with a socket as standard input and output.
        let mut command = Command::new(program);
        command
            .arg("-C")
            .arg(imapd_conf)
            .arg("-X")
            .env("CYRUS_SERVICE", "sync_repair")
            .env("CYRUS_ID", "0")
            .stdin(Stdio::from(theirs.try_clone().map_err(not_started)?))
            .stdout(Stdio::from(theirs))
            .stderr(Stdio::from(OwnedFd::from(stderr)));
        let child = command.spawn().map_err(not_started)?;
        drop(command);
        let program = program.to_owned();
        let mut server = OwnServer { program, version: (0, 0), session: None, child, complaints };
        let greeting = timeout.min(GREETING);
        match Session::local(ours, &server.program, greeting, timeout, observer, cancel) {
            Ok((session, greeted)) => {
                server.session = Some(session);
                server.version = release::greeted(&greeted).ok_or_else(|| {
                    failed(&server.program, format!("its greeting has no version: {greeted}"))
                        .with_hint(SET_PATH)
                })?;
                Ok(server)
            }
            Err(error) => Err(server.reported(error)),
        }
    }

    /// Fails if the version of this server must not write to a spool with these traces.
    ///
    /// # Errors
    /// [`Kind::OwnServer`] if the versions are not compatible.
    pub fn check(&self, traces: Traces) -> Result<()> {
        match release::objection(self.version, traces) {
            None => Ok(()),
            Some(why) => Err(failed(&self.program, why).with_hint(SET_PATH)),
        }
    }

    fn running(&mut self) -> Result<&mut Session> {
        let program = &self.program;
        self.session.as_mut().ok_or_else(|| failed(program, "it is not running"))
    }

    /// Converts an error of this session into an error that describes the own server, because it
    /// would otherwise look like an error of the replica.
    fn reported(&mut self, error: Error) -> Error {
        if error.is_connection() {
            let mut detail = error.detail().to_owned();
            let name = Peer::OwnServer { path: self.program.clone() };
            if *error.subject() != Subject::from(&name) {
                detail = format!("{} {}: {detail}", error.op(), error.subject());
            }
            if let Some(end) = self.end(error.kind() != Kind::Timeout) {
                detail = format!("{detail}; {end}");
            }
            return failed(&self.program, detail).with_hint(format!(
                "see the messages of sync_server in this server's log; run \"{} -C imapd.conf -X\" \
                 as the cyrus user to see whether it starts",
                self.program.display()
            ));
        }
        if !error.is_refusal() {
            return error;
        }
        let detail = format!("it refused {}: {}", error.subject(), error.detail());
        Error::new(error.kind(), WRITE, self.program.display().to_string(), detail)
            .with_peer(Peer::OwnServer { path: self.program.clone() })
            .with_hint("see the messages of sync_server in this server's log")
    }

    /// Describes the exit status of the process, if it has ended, and its text on standard error.
    fn end(&mut self, is_ending: bool) -> Option<String> {
        let until = Instant::now() + END;
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break Some(how(status)),
                Ok(None) if is_ending && Instant::now() < until => {
                    std::thread::sleep(LOOK);
                }
                _ => break None,
            }
        };
        let mut complaint = [0; COMPLAINT_BYTES];
        let count = self.complaints.read(&mut complaint).unwrap_or(0);
        let text = String::from_utf8_lossy(complaint.get(..count).unwrap_or_default());
        let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
        match (status, text.is_empty()) {
            (None, true) => None,
            (Some(status), true) => Some(status),
            (None, false) => Some(format!("it says: {text}")),
            (Some(status), false) => Some(format!("{status} and says: {text}")),
        }
    }
}

const SET_PATH: &str = "set sync_server_path in imapd.conf to the sync_server of the Cyrus that \
                        serves this spool";

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with exit code {code}"),
        (None, Some(signal)) => format!("it was ended by signal {signal}"),
        (None, None) => "it ended".to_owned(),
    }
}

/// Fails if `sync_server_path` is set and a Cyrus of another version runs on the same spool.
///
/// # Errors
/// [`Kind::OwnServer`] if the versions differ, or the other server cannot be started.
pub fn check_against_running(
    settings: &Settings,
    server: &OwnServer,
    start: impl FnOnce(&Path) -> Result<OwnServer>,
) -> Result<()> {
    if settings.sync_server_path.is_none() {
        return Ok(());
    }
    let Some(program::Beside::Program(other)) = program::beside_master(settings) else {
        return Ok(());
    };
    if program::same_file(&other, &server.program) {
        return Ok(());
    }
    // The configured path may be a wrapper that starts the same version. So start the `sync_server`
    // of the running daemons to read its version.
    let running = start(&other)?;
    if running.version == server.version {
        return Ok(());
    }
    let ((major, minor), (run_major, run_minor)) = (server.version, running.version);
    let detail = format!(
        "its version is {major}.{minor}, but the Cyrus that runs on this spool has version \
         {run_major}.{run_minor}"
    );
    let other = other.display();
    Err(failed(&server.program, detail).with_hint(format!("set sync_server_path to {other}")))
}

impl Replica for OwnServer {
    fn submit(&mut self, command: protocol::Command<'_>) -> Result<Ticket> {
        let submitted = self.running()?.submit(command);
        submitted.map_err(|error| self.reported(error))
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        let reply = self.running()?.wait(ticket);
        reply.map_err(|error| self.reported(error))
    }

    fn discard(&mut self, ticket: Ticket) {
        if let Some(session) = &mut self.session {
            session.discard(ticket);
        }
    }

    fn expect(&mut self, bytes: u64) {
        if let Some(session) = &mut self.session {
            session.expect(bytes);
        }
    }

    fn capabilities(&self) -> Capabilities {
        self.session.as_ref().map_or_else(Capabilities::default, Session::capabilities)
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            session.close();
        }
        // The server exits when its input is closed. If it does not, kill it.
        let end = Instant::now() + PATIENCE;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() >= end {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(LOOK);
        }
    }
}
