//! Finds the `sync_server` of the Cyrus that serves a spool.
//!
//! A `sync_server` of another version could damage the spool. So only two programs are used: the
//! one in the option `sync_server_path`, or the one in the directory of the Cyrus daemons that run
//! on this configuration. Other installed ones are not used.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::failed::failed;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::settings::Settings;

/// Directories in which packages and Cyrus itself install the daemons. Only used for hints in
/// errors.
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
/// Names of the first process of a running Cyrus.
const MASTERS: [&str; 3] = ["master", "cyrmaster", "cyrus-master"];
/// The configuration file that Cyrus's programs read without `-C`.
const DEFAULT_CONFIG: &str = "/etc/imapd.conf";

/// Returns the path of the `sync_server` through which a repair writes to the configured spool.
///
/// # Errors
/// [`Kind::OwnServer`](crate::Kind::OwnServer) if the right program cannot be determined.
pub fn find(settings: &Settings) -> Result<PathBuf> {
    if let Some(path) = &settings.sync_server_path {
        return Ok(path.clone());
    }
    match beside_master(settings) {
        Some(Beside::Program(path)) => Ok(path),
        Some(Beside::Elsewhere(pid, why)) => Err(unknown(&format!(
            "the Cyrus of this configuration (process {pid}) {why}, so its {PROGRAM} cannot be \
             started from here"
        ))),
        None => Err(unknown(&format!(
            "no running Cyrus uses this configuration, so it is not known which {PROGRAM} to start"
        ))),
    }
}

fn unknown(why: &str) -> Error {
    let places = DIRECTORIES.iter().map(|directory| Path::new(directory).join(PROGRAM));
    let installed: Vec<String> =
        places.filter(|path| path.exists()).map(|path| path.display().to_string()).collect();
    let also = match installed.as_slice() {
        [] => String::new(),
        installed => format!(" (installed here: {})", installed.join(", ")),
    };
    failed(Path::new(PROGRAM), why).with_hint(format!(
        "set sync_server_path in imapd.conf to the {PROGRAM} of the Cyrus that serves this \
         spool{also}, or start that Cyrus"
    ))
}

/// The result of looking for `sync_server` in the directory of the running daemons.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beside {
    Program(PathBuf),
    /// Cyrus runs, but its `sync_server` cannot be started: the pid of a Cyrus process, and the
    /// reason.
    Elsewhere(u32, String),
}

/// Looks for `sync_server` in the directory of the daemons that run on this configuration. Returns
/// `None` if no Cyrus runs on this configuration.
pub(super) fn beside_master(settings: &Settings) -> Option<Beside> {
    let processes = processes();
    let mut elsewhere = None;
    for master in processes.iter().filter(|process| process.is_master()) {
        if !master.serves(settings) {
            continue;
        }
        let services = processes.iter().filter(|process| process.parent == master.pid);
        for process in std::iter::once(master).chain(services) {
            match process.beside() {
                Some(Beside::Program(path)) => return Some(Beside::Program(path)),
                Some(other) => elsewhere = elsewhere.or(Some(other)),
                None => {}
            }
        }
        let nothing =
            || Beside::Elsewhere(master.pid, format!("has no {PROGRAM} in its directory"));
        elsewhere = elsewhere.or_else(|| Some(nothing()));
    }
    elsewhere
}

#[derive(Debug)]
struct Process {
    pid: u32,
    parent: u32,
    arguments: Vec<PathBuf>,
}

fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(Process::read).collect()
}

impl Process {
    fn read(pid: u32) -> Option<Process> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The program name in parentheses may itself contain spaces and parentheses.
        let (_, rest) = stat.rsplit_once(") ")?;
        let parent = rest.split(' ').nth(1)?.parse().ok()?;
        let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words = words.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        let arguments = words.map(|word| std::ffi::OsString::from_vec(word.to_vec()).into());
        Some(Process { pid, parent, arguments: arguments.collect() })
    }

    fn is_master(&self) -> bool {
        let name = self.arguments.first().and_then(|first| first.file_name());
        name.is_some_and(|name| MASTERS.iter().any(|master| name == *master))
    }

    fn path(&self, what: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{what}", self.pid))
    }

    /// Returns the configuration file that the process uses.
    fn config(&self) -> PathBuf {
        let option = self.arguments.iter().position(|argument| argument.as_os_str() == "-C");
        let value = option.and_then(|option| self.arguments.get(option.saturating_add(1)));
        value.cloned().unwrap_or_else(|| DEFAULT_CONFIG.into())
    }

    /// Returns the root directory of the process, to which its paths are relative. Returns `None`
    /// if it cannot be determined.
    fn root(&self) -> Option<PathBuf> {
        if let Ok(root) = fs::read_link(self.path("root")) {
            return Some(root);
        }
        // Only root can read the root directory of a process that root started. But all users can
        // read its mounts. If it has the same mounts as this process, it also has the same root
        // directory.
        let mounts = |path: &Path| fs::read(path).ok();
        let same = mounts(&self.path("mountinfo")) == mounts(Path::new("/proc/self/mountinfo"));
        same.then(|| PathBuf::from("/"))
    }

    /// Returns whether the process works on the spool of this configuration.
    fn serves(&self, settings: &Settings) -> bool {
        let Some(root) = self.root() else { return false };
        let theirs = self.config();
        let below_root = match (self.path("root").exists(), theirs.strip_prefix("/")) {
            (true, Ok(path)) => self.path("root").join(path),
            _ => theirs.clone(),
        };
        let ours = settings.file();
        if ours.is_some_and(|ours| same_file(ours, &below_root)) {
            return true;
        }
        if root != Path::new("/") {
            return false;
        }
        // The process uses another configuration file, but that may describe the same spool.
        let Ok(theirs) = Config::load(&theirs) else { return false };
        same_file(&settings.layout.configdirectory, theirs.directory())
    }

    /// Looks for `sync_server` in the directory of this process's program.
    fn beside(&self) -> Option<Beside> {
        let elsewhere = |why: String| Some(Beside::Elsewhere(self.pid, why));
        let root = self.root()?;
        let Ok(running) = fs::read_link(self.path("exe")) else {
            // Only root can read this link of a process that root started. So use the program name
            // from the command line.
            let called = self.arguments.first().filter(|path| path.is_absolute())?;
            let program = fs::canonicalize(called).ok()?.with_file_name(PROGRAM);
            return program.exists().then_some(Beside::Program(program));
        };
        if root != Path::new("/") {
            return elsewhere(format!("has the root directory {}", root.display()));
        }
        let program = running.with_file_name(PROGRAM);
        if !same_file(&self.path("exe"), &running) {
            let running = running.display().to_string();
            return match running.strip_suffix(" (deleted)") {
                Some(file) => {
                    elsewhere(format!("runs from {file}, which was replaced after its start"))
                }
                None => elsewhere(format!("runs from {running} in another file system")),
            };
        }
        program.exists().then_some(Beside::Program(program))
    }
}

/// Returns whether two paths lead to the same file.
pub(super) fn same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| -> io::Result<(u64, u64)> {
        let found = fs::metadata(path)?;
        Ok((found.dev(), found.ino()))
    };
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}
