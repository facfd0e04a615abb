//! Reads damaged databases. A read must end soon, with or without an error.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::{Duration, UNIX_EPOCH};

use super::*;

/// Reads a damaged database. Any result is allowed, but the read must end.
pub(super) fn exercise(db: &dyn Db) {
    let _ = scan(db, b"");
    let _ = db.get(b"user.carol^x.folder7");
}

/// Sets a modification time that differs for each change. Two quick writes may otherwise have the
/// same time.
fn touch(file: &File, change: usize) {
    file.set_modified(UNIX_EPOCH + Duration::from_secs(change as u64)).unwrap();
}

#[test]
fn truncated_databases_are_errors_or_shorter() {
    let dir = tempfile::tempdir().unwrap();
    for (name, order) in READABLE {
        let path = dir.path().join(name);
        fs::copy(fixture(name), &path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let size = file.metadata().unwrap().len();
        let db = open_as(&path, backend(name), order);
        for len in (0..size).rev() {
            file.set_len(len).unwrap();
            let result = db.get(b"user.bob");
            // Uncommitted data at the end of such a file may be missing without an error.
            if name.ends_with(".twoskip") && len > 0 && !name.starts_with("killed") {
                assert_eq!(result.unwrap_err().kind(), Kind::Corrupt, "{name} {len}");
            }
            if len % 8 == 4 {
                exercise(&*db);
            }
        }
    }
}

#[test]
fn flipped_bits_are_errors_or_values() {
    let dir = tempfile::tempdir().unwrap();
    for (name, order) in READABLE {
        let path = dir.path().join(name);
        fs::copy(fixture(name), &path).unwrap();
        let whole = fs::read(&path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let db = open_as(&path, backend(name), order);
        // Flip every bit of the header, then bits of the rest in steps that reach all bit
        // positions.
        let bits = whole.len() * 8;
        for bit in (0..bits.min(96 * 8)).chain((96 * 8..bits).step_by(211)) {
            let at = bit / 8;
            let damaged = whole[at] ^ (1 << (bit % 8));
            file.write_all_at(&[damaged], at as u64).unwrap();
            touch(&file, bit);
            exercise(&*db);
            file.write_all_at(&whole[at..=at], at as u64).unwrap();
        }
        touch(&file, bits);
        assert_eq!(scan(&*db, b"").unwrap(), export(name));
    }
}

/// Changes each pointer of every third record, and the CRC too, so that the CRC does not show the
/// damage.
#[test]
fn pointers_that_lead_astray_end_somewhere() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["plain.twoskip", "killed.twoskip"] {
        let path = dir.path().join(name);
        let whole = fs::read(fixture(name)).unwrap();
        fs::write(&path, &whole).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let db = open_as(&path, Backend::Twoskip, KeyOrder::Raw);
        let mut changes = 0;
        let word = |at: usize| u64::from_be_bytes(whole[at..at + 8].try_into().unwrap());
        let is_record = |at: &usize| {
            let links = 8 * (usize::from(whole[at + 1]) + 1);
            let Some(head) = whole.get(*at..at + 8 + links) else { return false };
            let crc = crc32fast::hash(head).to_be_bytes();
            matches!(whole[*at], b'+' | b'-' | b'=') && whole[at + head.len()..].starts_with(&crc)
        };
        let records: Vec<usize> = (64..whole.len() - 24).step_by(8).filter(is_record).collect();
        assert!(records.len() > 200);
        for (n, &at) in records.iter().enumerate().step_by(3) {
            let end = at + 8 + 8 * (usize::from(whole[at + 1]) + 1);
            let other = records[(n * 7 + 3) % records.len()];
            for link in (at + 8..end).step_by(8) {
                for target in [0, 64, at, other, usize::MAX] {
                    if word(link) == target as u64 {
                        continue;
                    }
                    let mut head = whole[at..end].to_vec();
                    head[link - at..][..8].copy_from_slice(&(target as u64).to_be_bytes());
                    head.extend(crc32fast::hash(&head).to_be_bytes());
                    file.write_all_at(&head, at as u64).unwrap();
                    changes += 1;
                    touch(&file, changes);
                    exercise(&*db);
                }
                file.write_all_at(&whole[at..end + 4], at as u64).unwrap();
            }
        }
        touch(&file, changes + 1);
        assert_eq!(scan(&*db, b"").unwrap(), export(name));
    }
}
