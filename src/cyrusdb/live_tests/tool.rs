//! Runs `cyr_dbtool`, Cyrus's own writer and reader of databases.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Result;
use crate::cyrusdb::{self, Backend, Db, Options};

/// Keys and values, ordered as in the database.
pub type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// The tool, and a temporary directory for its databases.
pub struct Tool {
    program: PathBuf,
    dir: tempfile::TempDir,
    /// The user and group that run the tool, if root runs the tests.
    user: Option<(u32, u32)>,
}

/// A running `cyr_dbtool batch`, which writes to a database.
pub struct Batch {
    pub child: Child,
    pub input: ChildStdin,
    pub output: BufReader<ChildStdout>,
}

impl Tool {
    /// Finds the tool. Returns `None` if it is not installed.
    pub fn find() -> Option<Tool> {
        let program = std::env::var_os("CYR_DBTOOL")
            .map_or_else(|| PathBuf::from("/usr/lib/cyrus/bin/cyr_dbtool"), PathBuf::from);
        if !program.exists() {
            eprintln!("SKIPPED: {} is not installed", program.display());
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let as_root = fs::metadata("/proc/self").unwrap().uid() == 0;
        // If the file `skipstamp` exists, Cyrus does not recover a skiplist when it reads it.
        // Without the file, it recovers each skiplist that it opens.
        for (name, stamp) in [("imapd.conf", true), ("recover.conf", false)] {
            let root = dir.path().join(if stamp { "conf" } else { "recover" });
            fs::create_dir_all(root.join("db")).unwrap();
            if stamp {
                fs::write(root.join("db/skipstamp"), 1u32.to_be_bytes()).unwrap();
            }
            let text = format!(
                "configdirectory: {0}\ndefaultpartition: default\npartition-default: {0}\n",
                root.display()
            );
            fs::write(dir.path().join(name), text).unwrap();
        }
        let user = as_root.then(|| {
            let status = Command::new("chown").args(["-R", "cyrus:mail"]).arg(dir.path()).status();
            assert!(status.unwrap().success());
            let metadata = fs::metadata(dir.path()).unwrap();
            (metadata.uid(), metadata.gid())
        });
        Some(Tool { program, dir, user })
    }

    /// Returns the path of the test database of a backend.
    pub fn path(&self, backend: Backend) -> PathBuf {
        self.dir.path().join(backend.name())
    }

    /// Returns the command that runs an action of the tool on the test database of a backend.
    pub fn command(&self, backend: Backend, action: &str) -> Command {
        self.on("imapd.conf", &self.path(backend), backend, action)
    }

    fn on(&self, conf: &str, path: &Path, backend: Backend, action: &str) -> Command {
        let mut command = Command::new(&self.program);
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command.arg("-C").arg(self.dir.path().join(conf));
        command.arg("-n").arg(path).args([backend.name(), action]);
        command
    }

    /// Writes a file with these contents, and returns its path.
    pub fn copy(&self, contents: &[u8]) -> PathBuf {
        let path = self.dir.path().join("copy");
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(path.with_extension("NEW"));
        fs::write(&path, contents).unwrap();
        if let Some((user, group)) = self.user {
            std::os::unix::fs::chown(&path, Some(user), Some(group)).unwrap();
        }
        path
    }

    /// Returns the records that Cyrus reads after it has recovered the database. Returns `None` if
    /// Cyrus cannot read it.
    pub fn recovered(&self, path: &Path, backend: Backend) -> Option<Records> {
        let output = self.on("recover.conf", path, backend, "show").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let record = |line: &str| {
            let (key, value) = line.split_once('\t').unwrap();
            (key.as_bytes().to_vec(), value.as_bytes().to_vec())
        };
        output.status.success().then(|| text.lines().map(record).collect())
    }

    /// Starts a writer on the test database of a backend.
    pub fn batch(&self, backend: Backend) -> Batch {
        let mut command = self.command(backend, "batch");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Batch { child, input, output }
    }
}

impl Batch {
    /// Sends the command to store a value.
    pub fn set(&mut self, key: &str, value: &str) -> io::Result<()> {
        let (k, v) = (key.len(), value.len());
        write!(self.input, "SET {{{k}+}}\r\n{key} {{{v}+}}\r\n{value}\n")
    }

    /// Waits until all earlier commands are done. `key` must exist.
    pub fn settle(&mut self, key: &str) {
        writeln!(self.input, "GET {key}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(line.starts_with(key), "{line}");
    }

    /// Ends the writer and waits for it.
    pub fn finish(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }
}

/// Opens a database of this backend.
pub fn open(path: &Path, backend: Backend) -> Box<dyn Db> {
    cyrusdb::open(path, Some(backend), &Options::default()).unwrap().unwrap()
}

/// Returns all records whose keys begin with a prefix.
pub fn contents(db: &dyn Db, prefix: &[u8]) -> Records {
    read(db, prefix).unwrap()
}

/// Like [`contents`], but returns the error if reading fails.
pub fn read(db: &dyn Db, prefix: &[u8]) -> Result<Records> {
    let mut records = Records::new();
    db.scan(prefix, &mut |key, value| {
        records.push((key.to_vec(), value.to_vec()));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(records)
}

/// Returns a key for a number. Keys sort like their numbers.
pub fn key(n: usize) -> String {
    format!("user.{n:05}")
}

/// Returns a value that contains the key. Its length depends on both numbers.
pub fn value(n: usize, round: usize) -> String {
    format!("%(k {} v {})", key(n), "x".repeat((n * 31 + round * 7) % 200))
}
