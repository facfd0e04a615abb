//! Scripts in a user's sieve directory, where Cyrus kept them before 3.6.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::cyrus::Cyrus;
use crate::imap::{Status, quote};
use crate::places;
use crate::sieve::Sieve;

/// The sieve directory of a user.
#[derive(Debug)]
pub struct SieveDirectory<'c> {
    cyrus: &'c Cyrus,
    path: PathBuf,
}

impl<'c> SieveDirectory<'c> {
    /// That of the user with this INBOX (internal name), where Cyrus says.
    ///
    /// # Panics
    /// If Cyrus does not.
    #[track_caller]
    pub fn of(cyrus: &'c Cyrus, inbox: &str) -> SieveDirectory<'c> {
        let path = places::place(cyrus, inbox).user.remove("sieve").expect("it is a user's");
        SieveDirectory { cyrus, path }
    }

    /// This one.
    pub fn at(cyrus: &'c Cyrus, path: PathBuf) -> SieveDirectory<'c> {
        SieveDirectory { cyrus, path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a script there as Cyrus 3.4 would have: with what it was compiled to.
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

    /// Makes a script the active one, by the name of its bytecode.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn activate(&self, target: &str) {
        let link = self.path.join("defaultbc");
        let _ = fs::remove_file(&link);
        symlink(target, link).expect("own directory");
    }

    /// The names of all files in it, in order.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Names of a user's scripts in quotes and, of the active one, `ACTIVE`, each with its content, as
/// ManageSieve tells them. If the server has them in a directory, it moves them.
///
/// # Panics
/// If it does not tell them.
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
