//! Helpers for the tests of `--check-config`: they run the check, find a line in its report, and
//! verify that the check changed nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use cyrsync_lab::fill::Filler;
use cyrsync_lab::{Cyrus, Lab, Options, Run, compare, sync_client};

pub const OURS: &str = env!("CARGO_BIN_EXE_sync_client");

/// The names of all checks, in the order of the report.
pub const NAMES: [&str; 23] = [
    "imapd.conf read",
    "options",
    "cyr_info conf-lint",
    "user",
    "spool readable",
    "databases open",
    "own sync_server",
    "sync_log on",
    "channel known",
    "log writable",
    "channel free",
    "name resolves",
    "connects",
    "TLS",
    "certificate",
    "mechanism",
    "login",
    "admin rights",
    "version",
    "capabilities",
    "replica partitions",
    "compression",
    "clock difference",
];

/// The report of a run of `--check-config`, line by line.
pub struct Checked {
    pub run: Run,
    lines: Vec<(String, String, String)>,
}

impl Checked {
    /// Parses the report. Asserts that it contains every check once and in order.
    #[track_caller]
    pub fn new(run: Run) -> Checked {
        let line = |line: &str| {
            let (verdict, rest) = line.split_at_checked(5)?;
            let (name, rest) = rest.split_once(": ")?;
            Some((verdict.trim().to_owned(), name.to_owned(), rest.to_owned()))
        };
        let read =
            run.stdout.lines().map(|text| line(text).unwrap_or_else(|| panic!("{text}: {run}")));
        let lines: Vec<_> = read.collect();
        let names: Vec<&str> = lines.iter().map(|(_, name, _)| name.as_str()).collect();
        assert_eq!(names, NAMES, "{run}");
        Checked { run, lines }
    }

    /// Returns the verdict of a check and the rest of its line.
    #[track_caller]
    pub fn of(&self, name: &str) -> (&str, &str) {
        let found = self.lines.iter().find(|(_, found, _)| found == name);
        let (verdict, _, rest) = found.unwrap_or_else(|| panic!("no {name}: {}", self.run));
        (verdict, rest)
    }

    /// Asserts that a check has this verdict, and that its line contains these words.
    #[track_caller]
    pub fn says(&self, name: &str, verdict: &str, words: &[&str]) -> &Checked {
        let (found, rest) = self.of(name);
        assert_eq!(found, verdict, "{name}: {rest}\n{}", self.run);
        for words in words {
            assert!(rest.contains(words), "{name} does not say {words:?}: {rest}\n{}", self.run);
        }
        self
    }

    /// Returns the names of the checks with a verdict.
    pub fn with(&self, verdict: &str) -> Vec<&str> {
        let found = self.lines.iter().filter(|(found, ..)| found == verdict);
        found.map(|(_, name, _)| name.as_str()).collect()
    }

    /// Asserts that exactly these checks failed, and that the exit code agrees.
    #[track_caller]
    pub fn fails(&self, names: &[&str]) -> &Checked {
        assert_eq!(self.with("FAIL"), names, "{}", self.run);
        let code = i32::from(!names.is_empty());
        assert_eq!(self.run.status.code(), Some(code), "{}", self.run);
        self
    }

    /// Asserts that exactly these checks warn.
    #[track_caller]
    pub fn warns(&self, names: &[&str]) -> &Checked {
        assert_eq!(self.with("WARN"), names, "{}", self.run);
        self
    }
}

/// Checks the master's configuration, and asserts that this changes nothing on either side.
#[track_caller]
pub fn check(lab: &Lab, args: &[&str]) -> Checked {
    let before = traces(lab);
    let checked =
        Checked::new(sync_client(OURS, &lab.master, &[&["--check-config"], args].concat()));
    let after = traces(lab);
    let changed: Vec<&PathBuf> = (before.keys().chain(after.keys()))
        .filter(|path| before.get(*path) != after.get(*path))
        .collect();
    assert!(changed.is_empty(), "{changed:#?} changed: {}", checked.run);
    checked
}

/// Files of a server: length, time of the last change in nanoseconds, mode.
type Traces = BTreeMap<PathBuf, (u64, i64, u32)>;

/// Returns the size, time and mode of every file and directory of both servers, to detect changes.
fn traces(lab: &Lab) -> Traces {
    let mut found = Traces::new();
    for (server, directories) in [
        (&lab.master, &["conf", "spool", "second", "sieve", "lock"][..]),
        // Each command to the replica creates lock files, so the replica's lock directory is left
        // out.
        (&lab.replica, &["conf", "spool", "second", "sieve"]),
    ] {
        directories.iter().for_each(|name| add(&server.dir().join(name), &mut found));
    }
    // The replica's master process creates a file in `socket` when the first client connects to a
    // service.
    let services = lab.replica.config_dir().join("socket");
    found.retain(|path, _| !path.starts_with(&services));
    found
}

fn add(path: &Path, found: &mut Traces) {
    // The replica stores TLS sessions in this file, so that clients can resume them.
    let sessions = path.file_name().is_some_and(|name| name == "tls_sessions.db");
    let Ok(data) = fs::symlink_metadata(path) else { return };
    if data.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            add(&entry.path(), found);
        }
    }
    // A new file for TLS sessions also changes the time of the directory `conf`.
    if !sessions && !path.ends_with("conf") {
        let changed = data.mtime() * 1_000_000_000 + data.mtime_nsec();
        found.insert(path.to_owned(), (data.len(), changed, data.mode()));
    }
}

/// Returns a lab whose replica equals the master, with users on both partitions.
pub fn lab(options: Options) -> Lab {
    let lab = Lab::new(options);
    let mut filler = Filler::new(&lab.master, 3);
    for user in ["fred", "anna", "mary"] {
        filler.mailbox(&format!("user.{user}"), 3);
        filler.mailbox(&format!("user.{user}.Sent"), 2);
    }
    drop(filler);
    replicate(&lab);
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{differences:?}");
    lab
}

/// Brings the replica up to date.
#[track_caller]
pub fn replicate(lab: &Lab) {
    sync_client(OURS, &lab.master, &["-A"]).ok();
}

/// Sets options of the master's imapd.conf; an empty value removes the option.
pub fn set(lab: &Lab, options: &[(&str, &str)]) {
    for (option, value) in options {
        lab.master.set_config(option, Some(*value).filter(|value| !value.is_empty()));
    }
}

/// Returns the path of a file or directory below a server's `configdirectory`.
pub fn conf(cyrus: &Cyrus, name: &str) -> PathBuf {
    cyrus.config_dir().join(name)
}
