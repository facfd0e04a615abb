//! Scripts in a user's Sieve directory, where Cyrus stored them before 3.6.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::cyrus::Cyrus;
use crate::imap::{Status, quote};
use crate::places;
use crate::sieve::Sieve;

/// The Sieve directory of a user.
#[derive(Debug)]
pub struct SieveDirectory<'c> {
    cyrus: &'c Cyrus,
    path: PathBuf,
}

impl<'c> SieveDirectory<'c> {
    /// Returns the directory of the user with this INBOX (internal name), as Cyrus reports it.
    ///
    /// # Panics
    /// If Cyrus does not report it.
    #[track_caller]
    pub fn of(cyrus: &'c Cyrus, inbox: &str) -> SieveDirectory<'c> {
        let path = places::place(cyrus, inbox).user.remove("sieve").expect("it is a user's");
        SieveDirectory { cyrus, path }
    }

    /// Returns the directory at `path`.
    pub fn at(cyrus: &'c Cyrus, path: PathBuf) -> SieveDirectory<'c> {
        SieveDirectory { cyrus, path }
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Stores a script like Cyrus 3.4: with its compiled bytecode.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn put(&self, name: &str, script: &str) {
        let mut command = self.cyrus.command("/bin/sh");
        command.args(["-e", "-c", "mkdir -p \"$1\"", "sh"]).arg(&self.path);
        assert!(command.status().expect("there is a shell").success(), "{}", self.path.display());
        let file = self.path.join(format!("{name}.script"));
        fs::write(&file, script).expect("own directory");
        let mut sievec = self.cyrus.program("sievec");
        sievec.arg(&file).arg(self.path.join(format!("{name}.bc"))).stdout(Stdio::null());
        assert!(sievec.status().expect("it is there").success(), "{name}: {script}");
    }

    /// Activates a script, given by the name of its bytecode file.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn activate(&self, target: &str) {
        let link = self.path.join("defaultbc");
        let _ = fs::remove_file(&link);
        symlink(target, link).expect("own directory");
    }

    /// Returns the names of all files in the directory, sorted.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Returns the names and contents of a user's scripts, as ManageSieve reports them. The names are
/// in quotes, and `ACTIVE` follows the name of the active script. If the server has the scripts in
/// a directory, it moves them to a mailbox.
///
/// # Panics If the server does not report them.
#[track_caller]
pub fn scripts(cyrus: &Cyrus, user: &str) -> Vec<(String, String)> {
    let mut sieve = Sieve::login(cyrus, user);
    let (status, list) = sieve.command("LISTSCRIPTS");
    assert_eq!(status, Status::Ok, "{list}");
    let mut found = Vec::new();
    for line in list.lines().filter(|line| line.starts_with('"')) {
        let name = line.split('"').nth(1).expect("a name").to_owned();
        let (_, content) = sieve.command(&format!("GETSCRIPT {}", quote(&name)));
        let (_, content) = content.split_once('\n').expect("a literal");
        let content = content.rsplit_once("\r\nOK").map_or(content, |(content, _)| content);
        found.push((line.to_owned(), content.to_owned()));
    }
    found.sort();
    found
}
