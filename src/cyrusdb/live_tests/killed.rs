//! Reads databases whose writer was killed. The reader must return the records that Cyrus has after
//! its recovery, or refuse the file. It must never return any other state.

use std::fs;
use std::io::{BufRead, Write};

use crate::Kind;
use crate::cyrusdb::Backend;
use cyrsync_lab::Rng;

use super::tool::{Batch, Records, Tool, key, open, read, value};

/// Copies of a database file, made while a writer changes it in one transaction.
struct Steps {
    /// The file before the transaction, after each of its steps, and after the commit.
    files: Vec<Vec<u8>>,
    before: Records,
    after: Records,
}

/// Creates a database, then changes it in one transaction, step by step.
fn steps(tool: &Tool, backend: Backend) -> Steps {
    let path = tool.path(backend);
    let see = || read(&*open(&path, backend), b"").unwrap();
    let mut writer = tool.batch(backend);
    writeln!(writer.input, "BEGIN").unwrap();
    for n in 0..40 {
        writer.set(&key(n * 7 % 40), &value(n * 7 % 40, 0)).unwrap();
    }
    writer.set("mark", "x").unwrap();
    writeln!(writer.input, "COMMIT").unwrap();
    // Each of these changes is a transaction of its own, which a skiplist appends to its log.
    for n in (0..40).step_by(9) {
        writer.set(&key(n), &value(n, 1)).unwrap();
        writeln!(writer.input, "DELETE {}", key(n + 1)).unwrap();
    }
    writer.settle("mark");
    let before = see();
    let mut files = vec![fs::read(&path).unwrap()];
    writeln!(writer.input, "BEGIN").unwrap();
    for n in 0..12 {
        match n % 4 {
            0 => writer.set(&key(n * 3 + 2), &value(n, 2)).unwrap(),
            1 => writeln!(writer.input, "DELETE {}", key(n * 2 + 3)).unwrap(),
            2 => writer.set(&format!("new.{n:02}"), &value(n, 3)).unwrap(),
            _ => writer.set(&format!("user.0000{n}"), "changed twice").unwrap(),
        }
        writer.settle("mark");
        files.push(fs::read(&path).unwrap());
    }
    writeln!(writer.input, "COMMIT").unwrap();
    writer.settle("mark");
    files.push(fs::read(&path).unwrap());
    let after = see();
    writer.finish();
    assert_ne!(before, after);
    Steps { files, before, after }
}

/// Returns the byte ranges in which `new` differs from `old`.
fn changed(old: &[u8], new: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    for at in (0..old.len().min(new.len())).filter(|&at| old[at] != new[at]) {
        match ranges.last_mut() {
            Some(range) if at - range.end < 4 => range.end = at + 1,
            _ => ranges.push(at..at + 1),
        }
    }
    ranges
}

/// Returns the files that a writer killed between `old` and `new` may leave. The writer first
/// appends bytes, then overwrites others.
fn left_by(old: &[u8], new: &[u8], rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut left = Vec::new();
    for end in old.len()..=new.len() {
        left.push([old, &new[old.len()..end]].concat());
    }
    let overwritten = changed(old, new);
    let mut so_far = left[left.len() - 1].clone();
    for range in overwritten.iter().cloned() {
        so_far[range.clone()].copy_from_slice(&new[range]);
        left.push(so_far.clone());
    }
    // Also mix the overwritten ranges: a disk may write them in any order.
    for _ in 0..8 {
        let mut some = left[new.len() - old.len()].clone();
        for range in overwritten.iter().filter(|_| rng.one_in(2)).cloned() {
            some[range.clone()].copy_from_slice(&new[range]);
        }
        some.truncate(old.len() + rng.below(some.len() - old.len() + 1));
        left.push(some);
    }
    left
}

/// Reads a file and checks the records against `known`. If `ask` is set, Cyrus reads the file too.
/// Returns whether the file was readable.
#[track_caller]
fn check(tool: &Tool, backend: Backend, file: &[u8], known: &[&Records], ask: bool) -> bool {
    let path = tool.copy(file);
    let ours = read(&*open(&path, backend), b"");
    match &ours {
        Ok(records) => {
            assert!(known.is_empty() || known.contains(&records), "{backend}: {records:?}");
            let db = open(&path, backend);
            for (key, value) in records.iter().step_by(5) {
                assert_eq!(db.get(key).unwrap().as_ref(), Some(value));
            }
        }
        Err(error) => {
            assert_eq!(error.kind(), Kind::Corrupt);
            assert!(error.to_string().contains("copy") && !error.hint().is_empty());
        }
    }
    if ask && let Ok(ours) = &ours {
        let cyrus = tool.recovered(&path, backend);
        assert_eq!(cyrus.as_ref(), Some(ours), "{backend}: {} bytes", file.len());
    }
    ours.is_ok()
}

/// Number of damaged files that Cyrus also reads. Each of them starts a process.
const ASKED: usize = 150;

fn torn_files_are_read_as_cyrus_recovers_them(backend: Backend, seed: u64) {
    let Some(tool) = Tool::find() else { return };
    let steps = steps(&tool, backend);
    let mut rng = Rng::new(seed);
    let mut files = Vec::new();
    for pair in steps.files.windows(2) {
        files.extend(left_by(&pair[0], &pair[1], &mut rng));
    }
    let last = &steps.files[steps.files.len() - 1];
    files.extend((steps.files[0].len()..last.len()).map(|end| last[..end].to_vec()));
    let known = [&steps.before, &steps.after];
    let mut readable = 0;
    for file in &files {
        let ask = rng.one_in(files.len() / ASKED);
        readable += usize::from(check(&tool, backend, file, &known, ask));
    }
    // Not all files are readable: the reader refuses a twoskip file that is shorter than its header
    // says, or that has half of a new record head.
    assert!(readable * 3 > files.len(), "{backend}: {readable} of {}", files.len());
}

#[test]
fn torn_twoskip_files_are_read_as_cyrus_recovers_them() {
    torn_files_are_read_as_cyrus_recovers_them(Backend::Twoskip, 31);
}

#[test]
fn torn_skiplist_files_are_read_as_cyrus_recovers_them() {
    torn_files_are_read_as_cyrus_recovers_them(Backend::Skiplist, 32);
}

/// Writes transactions of several keys. The writer is killed after it has answered `lines` times.
fn killed_after(mut writer: Batch, lines: usize, rng: &mut Rng) {
    for _ in 0..6 {
        writeln!(writer.input, "BEGIN").unwrap();
        for _ in 0..8 {
            let n = rng.below(40);
            match rng.below(3) {
                0 => writeln!(writer.input, "DELETE {}", key(n)).unwrap(),
                _ => writer.set(&key(n), &value(n, rng.below(99))).unwrap(),
            }
            writeln!(writer.input, "GET {}", key(40)).unwrap();
        }
        writeln!(writer.input, "COMMIT").unwrap();
    }
    writer.input.flush().unwrap();
    let mut line = String::new();
    for _ in 0..lines {
        writer.output.read_line(&mut line).unwrap();
    }
    writer.child.kill().unwrap();
    writer.child.wait().unwrap();
}

#[test]
fn the_file_of_a_killed_writer_is_read_as_cyrus_recovers_it() {
    let Some(tool) = Tool::find() else { return };
    let mut rng = Rng::new(33);
    for backend in [Backend::Twoskip, Backend::Skiplist, Backend::Flat] {
        let mut writer = tool.batch(backend);
        for n in 0..=40 {
            writer.set(&key(n), &value(n, 0)).unwrap();
        }
        writer.finish();
        for round in 0..25 {
            killed_after(tool.batch(backend), rng.below(48), &mut rng);
            let file = fs::read(tool.path(backend)).unwrap();
            assert!(check(&tool, backend, &file, &[], true), "{backend}: round {round}");
        }
    }
}
