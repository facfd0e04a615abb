//! Starts and stops a server's daemons, and runs its tools.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Cyrus, PROGRAM_DIRS};
use crate::guard;

/// Maximum time for the start of a server.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Maximum time for a service to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// File name of the preloaded syslog shim in the lab's directory.
pub(crate) const SHIM_NAME: &str = "syslog_shim.so";

impl Cyrus {
    /// Starts the daemons and waits for their greetings.
    ///
    /// # Panics
    /// If a greeting does not come. The message contains the log.
    pub fn start_server(&mut self) {
        self.launch();
        if let Err(why) = self.await_greetings() {
            panic!("{} did not start: {why}\n{}", self.name, self.log());
        }
    }

    pub(crate) fn launch(&mut self) {
        assert!(self.master.is_none(), "{} runs already", self.name);
        let mut command = self.program("master");
        command.arg("-M").arg(self.dir.join("cyrus.conf")).arg("-p").arg(self.dir.join("pid"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.master = Some(command.spawn().expect("cannot start Cyrus's master"));
    }

    /// Waits until imapd and, if it is a service, sync_server greet with this server's own name.
    /// Another name shows that another program has taken the port.
    pub(crate) fn await_greetings(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START_LIMIT;
        let csync = self.has_service("csync").then(|| self.csync_port());
        for port in std::iter::once(self.imap_port()).chain(csync) {
            let text = self.greeting(port, "* OK", deadline)?;
            if !text.contains(&self.name) {
                return Err(format!("port {port} is somebody else's: {text}"));
            }
        }
        self.greeting(self.sieve_port(), "OK", deadline).map(drop)
    }

    /// Connects and reads lines up to one that begins with `last`.
    fn greeting(&mut self, port: u16, last: &str, deadline: Instant) -> Result<String, String> {
        loop {
            if let Some(Ok(Some(status))) = self.master.as_mut().map(Child::try_wait) {
                self.master = None;
                return Err(format!("master ended with {status}"));
            }
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Ok(stream) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let _ = stream.set_read_timeout(Some(left.max(Duration::from_millis(1))));
                    let mut text = String::new();
                    for line in BufReader::new(stream).lines() {
                        let line = line.map_err(|e| format!("port {port}: {e}"))?;
                        text.push_str(&line);
                        if line.starts_with(last) {
                            return Ok(text);
                        }
                    }
                    return Err(format!("port {port} closed without a greeting: {text:?}"));
                }
                // master does not report when it listens, so try again.
                Err(_) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(3));
                }
                Err(e) => return Err(format!("port {port}: {e}")),
            }
        }
    }

    /// Stops the daemons and keeps the spool. [`Cyrus::start_server`] can start them again.
    pub fn stop_server(&mut self) {
        let Some(mut master) = self.master.take() else { return };
        // On SIGTERM, master signals its whole process group, which is the lab's. Therefore stop
        // master with SIGSTOP, end its services one by one, and then kill it.
        let pid = i32::try_from(master.id()).expect("process ids fit");
        guard::signal(pid, libc::SIGSTOP);
        // A master that still runs could start another service, which would keep the ports open.
        let deadline = Instant::now() + STOP_LIMIT;
        while !guard::has_halted(pid) && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let services = guard::children(master.id());
        for service in &services {
            guard::signal(*service, libc::SIGTERM);
        }
        guard::signal(pid, libc::SIGKILL);
        let _ = master.wait();
        for service in services {
            if !guard::wait_gone(service, STOP_LIMIT) {
                guard::signal(service, libc::SIGKILL);
                guard::wait_gone(service, STOP_LIMIT);
            }
        }
    }

    /// Returns whether the daemons were started and not stopped.
    pub fn is_running(&self) -> bool {
        self.master.is_some()
    }

    /// Returns the processor time of all services since the daemons were started, with a precision
    /// of a hundredth of a second.
    pub fn services_cpu(&self) -> Duration {
        let pid = self.master.as_ref().and_then(|master| i32::try_from(master.id()).ok());
        pid.map(guard::cpu_of_children).unwrap_or_default()
    }

    /// Returns a command for a Cyrus program with `-C imapd.conf`. It runs as the cyrus user in the
    /// lab's group, and its syslog goes to [`Cyrus::log_path`].
    pub fn program(&self, name: &str) -> Command {
        let places = PROGRAM_DIRS.iter().map(|d| Path::new(d).join(name));
        let there = |place: &PathBuf| match &self.tree {
            Some(tree) => tree.root().join(place.strip_prefix("/").unwrap_or(place)).exists(),
            None => place.exists(),
        };
        let path = places.into_iter().find(there);
        let path = path.unwrap_or_else(|| panic!("Cyrus's {name} is not installed"));
        let mut command = match &self.tree {
            Some(tree) => self.guard.command_in(tree.root(), &path),
            None => self.guard.command(path),
        };
        self.send_log(&mut command);
        command.arg("-C").arg(self.imapd_conf());
        command
    }

    /// Returns a command for any program. It runs as the cyrus user in the lab's group, and its
    /// syslog goes to [`Cyrus::log_path`].
    pub fn command(&self, path: impl AsRef<Path>) -> Command {
        let mut command = self.guard.command(path);
        self.send_log(&mut command);
        command
    }

    /// Returns a command for a program that is linked with this server's Cyrus, with `-C
    /// imapd.conf`. `path` is the program's path inside the server's directory tree if it has one
    /// ([`Tree`](crate::trees::Tree)).
    pub fn linked_program(&self, path: &Path) -> Command {
        let mut command = match &self.tree {
            Some(tree) => self.guard.command_in(tree.root(), path),
            None => self.guard.command(path),
        };
        self.send_log(&mut command);
        command.arg("-C").arg(self.imapd_conf());
        command
    }

    fn send_log(&self, command: &mut Command) {
        let lab = self.dir.parent().unwrap_or(&self.dir);
        command.env("LD_PRELOAD", lab.join(SHIM_NAME));
        command.env("CYRSYNC_LAB_SYSLOG", self.log_path());
        for (name, value) in &self.environment {
            command.env(name, value.replace("{lab}", &lab.display().to_string()));
        }
        if let Some(debug) = std::env::var_os("CYRSYNC_LAB_DEBUG") {
            command.env("CYRSYNC_LAB_DEBUG", debug);
        }
    }
}

impl Drop for Cyrus {
    fn drop(&mut self) {
        // The guard kills the group. This only prevents a zombie.
        if let Some(mut master) = self.master.take() {
            let _ = master.kill();
            let _ = master.wait();
        }
    }
}
