//! Reading databases while Cyrus writes to them.
//!
//! Needs Cyrus's `cyr_dbtool` (`CYR_DBTOOL`, or Debian's path); without it the tests say so and
//! do nothing. Run by root, the tool runs as the user `cyrus`, as it insists.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use cyrsync::cyrusdb::{self, Backend, Db, Options};

struct Tool {
    program: PathBuf,
    dir: tempfile::TempDir,
    as_root: bool,
}

/// One running `cyr_dbtool batch`.
struct Batch {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Tool {
    fn find() -> Option<Tool> {
        let program = std::env::var_os("CYR_DBTOOL")
            .map_or_else(|| PathBuf::from("/usr/lib/cyrus/bin/cyr_dbtool"), PathBuf::from);
        if !program.exists() {
            eprintln!("SKIPPED: {} is not installed", program.display());
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let as_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
        let root = dir.path().display();
        std::fs::write(
            dir.path().join("imapd.conf"),
            format!(
                "configdirectory: {root}\ndefaultpartition: default\npartition-default: {root}\n"
            ),
        )
        .unwrap();
        if as_root {
            let status = Command::new("chown").args(["-R", "cyrus"]).arg(dir.path()).status();
            assert!(status.unwrap().success());
        }
        Some(Tool { program, dir, as_root })
    }

    fn path(&self, backend: Backend) -> PathBuf {
        self.dir.path().join(backend.name())
    }

    fn command(&self, backend: Backend, action: &str) -> Command {
        let mut command = if self.as_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "cyrus", "--"]).arg(&self.program);
            command
        } else {
            Command::new(&self.program)
        };
        command.arg("-C").arg(self.dir.path().join("imapd.conf"));
        command.arg("-n").arg(self.path(backend)).args([backend.name(), action]);
        command
    }

    fn batch(&self, backend: Backend) -> Batch {
        let mut command = self.command(backend, "batch");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Batch { child, input, output }
    }
}

impl Batch {
    fn set(&mut self, key: &str, value: &str) -> io::Result<()> {
        let (k, v) = (key.len(), value.len());
        write!(self.input, "SET {{{k}+}}\r\n{key} {{{v}+}}\r\n{value}\n")
    }

    /// Waits until everything up to now is done.
    fn settle(&mut self, key: &str) {
        writeln!(self.input, "GET {key}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(line.starts_with(key), "{line}");
    }

    fn finish(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }
}

/// Stops the writer, also when an assertion failed.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn open(path: &Path, backend: Backend) -> Box<dyn Db> {
    cyrusdb::open(path, Some(backend), &Options::default()).unwrap().unwrap()
}

fn contents(db: &dyn Db, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut records = Vec::new();
    db.scan(prefix, &mut |key, value| {
        records.push((key.to_vec(), value.to_vec()));
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    records
}

fn key(n: usize) -> String {
    format!("user.{n:05}")
}

/// A value that tells whose it is, of a length that changes.
fn value(n: usize, round: usize) -> String {
    format!("%(k {} v {})", key(n), "x".repeat((n * 31 + round * 7) % 200))
}

#[test]
fn scans_are_consistent_while_cyr_dbtool_writes() {
    let Some(tool) = Tool::find() else { return };
    // With twoskip more than are read under one lock.
    let all = [(Backend::Twoskip, 5000), (Backend::Skiplist, 600), (Backend::Flat, 600)];
    for (backend, keys) in all {
        let mut writer = tool.batch(backend);
        // Even keys stay from here on, odd ones come and go.
        writeln!(writer.input, "BEGIN").unwrap();
        for n in 0..keys {
            writer.set(&key(n), &value(n, 0)).unwrap();
        }
        writeln!(writer.input, "COMMIT").unwrap();
        writer.settle(&key(0));

        let path = tool.path(backend);
        let db = open(&path, backend);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut round = 1;
                while !done.load(Ordering::Relaxed) {
                    for n in (0..keys).map(|n| (n * 7 + round) % keys) {
                        if n % 2 == 1 && (n + round) % 3 == 0 {
                            writeln!(writer.input, "DELETE {}", key(n)).unwrap();
                        } else {
                            writer.set(&key(n), &value(n, round)).unwrap();
                        }
                        if done.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    round += 1;
                }
                writer.finish();
            });
            let _stop = Stop(&done);
            let first = std::fs::metadata(&path).unwrap().ino();
            let mut replaced = false;
            let mut states = 0;
            let mut last = Vec::new();
            // Until it has seen enough states, and the file replaced by a repacked one.
            let mut scan = 0;
            while scan < 100 || states < 20 || !replaced {
                // The others do it by themselves, twoskip when a process is idle.
                if backend == Backend::Twoskip && scan % 30 == 20 {
                    assert!(tool.command(backend, "repack").status().unwrap().success());
                }
                let records = contents(&*db, b"user.");
                assert!(records.is_sorted_by(|(a, _), (b, _)| a < b), "{backend}");
                let map: BTreeMap<_, _> = records.iter().cloned().collect();
                for n in (0..keys).step_by(2) {
                    assert!(map.contains_key(key(n).as_bytes()), "{backend}: {} is lost", key(n));
                }
                for (key, value) in &records {
                    let key = String::from_utf8_lossy(key);
                    let value = String::from_utf8_lossy(value);
                    assert!(value.starts_with(&format!("%(k {key} v ")), "{key}: {value}");
                    assert!(value.ends_with(')'));
                }
                let found = db.get(key(scan % keys / 2 * 2).as_bytes()).unwrap();
                assert!(found.is_some());
                states += usize::from(records != last);
                last = records;
                replaced |= std::fs::metadata(&path).is_ok_and(|now| now.ino() != first);
                scan += 1;
            }
        });
        assert!(contents(&*db, b"").len() >= keys / 2);
    }
}

/// More records than are read under one lock, and lengths beyond 16 bits.
#[test]
fn big_databases_are_read_whole() {
    let Some(tool) = Tool::find() else { return };
    const KEYS: usize = 20_000;
    for backend in [Backend::Twoskip, Backend::Skiplist, Backend::Flat] {
        let long_key = "z".repeat(70_000);
        let long_value = "v".repeat(100_000);
        let mut writer = tool.batch(backend);
        // Each key costs flat a copy of the file.
        let keys = if backend == Backend::Flat { 300 } else { KEYS };
        writeln!(writer.input, "BEGIN").unwrap();
        for n in 0..keys {
            writer.set(&key(n * 7919 % keys), &value(n * 7919 % keys, 1)).unwrap();
        }
        writer.set(&long_key, &long_value).unwrap();
        writeln!(writer.input, "COMMIT").unwrap();
        writer.finish();

        let db = open(&tool.path(backend), backend);
        let records = contents(&*db, b"");
        assert_eq!(records.len(), keys + 1, "{backend}");
        for (n, (found, text)) in records.iter().take(keys).enumerate() {
            assert_eq!(*found, key(n).as_bytes());
            assert_eq!(*text, value(n, 1).as_bytes());
        }
        let last = records.last().unwrap();
        assert!(last.0 == long_key.as_bytes() && last.1 == long_value.as_bytes());
        assert!(db.get(long_key.as_bytes()).unwrap().unwrap() == long_value.as_bytes());
        assert_eq!(contents(&*db, b"user.0001").len(), 10);
    }
}
