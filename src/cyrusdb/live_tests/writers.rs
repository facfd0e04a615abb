//! Reads databases while Cyrus writes to them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cyrusdb::Backend;

use super::tool::{Tool, contents, key, open, value};

/// Sets a flag when dropped, so that the writer also stops after a failed assertion.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn scans_are_consistent_while_cyr_dbtool_writes() {
    let Some(tool) = Tool::find() else { return };
    // For twoskip, use more records than are read under one lock.
    let all = [(Backend::Twoskip, 5000), (Backend::Skiplist, 600), (Backend::Flat, 600)];
    for (backend, keys) in all {
        let mut writer = tool.batch(backend);
        // All keys exist at first. Later, only odd keys are removed and added again.
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
            // Continue until enough states were seen and the file was replaced by a repacked one.
            let mut scan = 0;
            while scan < 100 || states < 20 || !replaced {
                // Repack twoskip explicitly: the other backends do it by themselves, twoskip only
                // in an idle process.
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

/// Uses more records than are read under one lock, and a key and a value longer than 16 bits can
/// say.
#[test]
fn big_databases_are_read_whole() {
    let Some(tool) = Tool::find() else { return };
    const KEYS: usize = 20_000;
    for backend in [Backend::Twoskip, Backend::Skiplist, Backend::Flat] {
        let long_key = "z".repeat(70_000);
        let long_value = "v".repeat(100_000);
        let mut writer = tool.batch(backend);
        // Use few keys for a flat database, because Cyrus copies the file for each key.
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

/// The least number of transactions. Each changes all keys.
const ROUNDS: usize = 150;

#[test]
fn a_transaction_is_seen_whole_or_not_at_all() {
    let Some(tool) = Tool::find() else { return };
    for backend in [Backend::Twoskip, Backend::Skiplist, Backend::Flat] {
        let mut writer = tool.batch(backend);
        let write = |writer: &mut super::tool::Batch, round: usize| {
            writeln!(writer.input, "BEGIN").unwrap();
            for n in 0..60 {
                // Write the keys in an order that is not sorted. Each transaction also has a key of
                // its own.
                writer.set(&key(n * 37 % 60), &format!("round {round}")).unwrap();
            }
            writer.set(&format!("z{}", round % 7), &format!("round {round}")).unwrap();
            writeln!(writer.input, "DELETE z{}", (round + 3) % 7).unwrap();
            writeln!(writer.input, "COMMIT").unwrap();
            writer.settle(&key(0));
        };
        write(&mut writer, 0);
        let db = open(&tool.path(backend), backend);
        let (done, enough) = (AtomicBool::new(false), AtomicBool::new(false));
        let last = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let _stop = Stop(&done);
                // Write until the reader has seen some of the transactions.
                let is_needed = |round: &usize| *round <= ROUNDS || !enough.load(Ordering::Relaxed);
                let written =
                    (1..).take_while(is_needed).inspect(|round| write(&mut writer, *round));
                let last = written.last();
                writer.finish();
                last
            });
            // Also end the writer if the reader fails.
            let _enough = Stop(&enough);
            let mut seen = BTreeMap::new();
            while !done.load(Ordering::Relaxed) {
                let records = contents(&*db, b"");
                let (users, others) = records.split_at(60);
                let (_, round) = users.first().unwrap();
                assert!(users.iter().all(|(_, value)| value == round), "{backend}: {records:?}");
                let newest = others.iter().filter(|(_, value)| value == round).count();
                assert_eq!(newest, 1, "{backend}: {records:?}");
                *seen.entry(round.clone()).or_insert(0) += 1;
                if seen.len() > 3 {
                    enough.store(true, Ordering::Relaxed);
                }
            }
            writer.join().unwrap()
        });
        let last = format!("round {}", last.unwrap());
        assert_eq!(db.get(key(7).as_bytes()).unwrap().unwrap(), last.as_bytes());
    }
}

#[test]
fn a_reader_waits_for_a_transaction_of_cyrus() {
    let Some(tool) = Tool::find() else { return };
    for backend in [Backend::Twoskip, Backend::Skiplist] {
        let mut writer = tool.batch(backend);
        writer.set("a", "before").unwrap();
        writer.settle("a");
        writeln!(writer.input, "BEGIN").unwrap();
        writer.set("a", "after").unwrap();
        writer.settle("a");
        let path = tool.path(backend);
        let inode = format!(":{} ", fs::metadata(&path).unwrap().ino());
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| open(&path, backend).get(b"a").unwrap());
            // Wait until the kernel lists the reader as a process that waits for this lock.
            let waits = |line: &str| line.contains("->") && line.contains(&inode);
            while !fs::read_to_string("/proc/locks").unwrap().lines().any(waits) {
                assert!(!reader.is_finished(), "{backend}: it did not wait");
                std::thread::yield_now();
            }
            writeln!(writer.input, "COMMIT").unwrap();
            assert_eq!(reader.join().unwrap().unwrap(), b"after", "{backend}");
        });
        writer.finish();
    }
}

#[test]
fn a_flat_database_is_read_as_it_was_before_a_transaction_under_way() {
    let Some(tool) = Tool::find() else { return };
    let mut writer = tool.batch(Backend::Flat);
    writer.set("a", "before").unwrap();
    writer.settle("a");
    let db = open(&tool.path(Backend::Flat), Backend::Flat);
    writeln!(writer.input, "BEGIN").unwrap();
    writer.set("a", "after").unwrap();
    writer.settle("a");
    assert_eq!(db.get(b"a").unwrap().unwrap(), b"before");
    writeln!(writer.input, "COMMIT").unwrap();
    writer.settle("a");
    assert_eq!(db.get(b"a").unwrap().unwrap(), b"after");
    writer.finish();
}
