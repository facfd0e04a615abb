//! Reads twom databases written by a development version of Cyrus
//! (`tests/fixtures/twom/README.md`).

use std::os::unix::fs::FileExt;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use twox_hash::XxHash3_64;

use super::*;
use crate::sys::lock::Part;

/// Returns the records of a database as Cyrus printed them, from the file with the ending `.b64`.
pub(super) fn shown(path: &Path) -> Records {
    let name = format!("{}.b64", path.file_name().unwrap().to_str().unwrap());
    let text = fs::read_to_string(path.with_file_name(name)).unwrap();
    let lines = text.lines().map(|line| line.split_once('\t').unwrap());
    lines.map(|(key, value)| (decoded(key), decoded(value))).collect()
}

fn decoded(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

/// Returns the paths of all twom databases of the fixtures.
fn all() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/twom");
    let mut found = Vec::new();
    for dir in ["files", "live", "converted"] {
        let entries = fs::read_dir(root.join(dir)).unwrap().map(|entry| entry.unwrap().path());
        found.extend(entries.filter(|path| path.extension().is_none_or(|of| of != "b64")));
    }
    assert_eq!(found.len(), 6 + 12 + 12);
    found
}

fn open_twom(path: &Path) -> Box<dyn Db> {
    open_as(path, Backend::Twom, KeyOrder::Raw)
}

/// Checks that each read of a damaged database returns an error or the original records.
fn check(db: &dyn Db, expected: &Records, what: &str) {
    match scan(db, b"") {
        Ok(found) => assert_eq!(&found, expected, "{what}"),
        Err(error) => assert_eq!(error.kind(), Kind::Corrupt, "{what}"),
    }
    for nth in [0, expected.len() / 2, expected.len() - 1] {
        let (key, value) = &expected[nth];
        match db.get(key) {
            Ok(found) => assert_eq!(found.as_ref(), Some(value), "{what}"),
            Err(error) => assert_eq!(error.kind(), Kind::Corrupt, "{what}"),
        }
    }
    for absent in [&b"key.0035"[..], b"zzz"] {
        match db.get(absent) {
            Ok(found) => assert_eq!(found, None, "{what}"),
            Err(error) => assert_eq!(error.kind(), Kind::Corrupt, "{what}"),
        }
    }
}

fn number(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize
}

/// Returns three offsets for each record with pointers: of the record, of its pointers, and of the
/// end of its head.
fn heads(bytes: &[u8]) -> Vec<(usize, usize, usize)> {
    let committed = number(bytes, 80);
    let is_head = |at: usize| {
        let before = match bytes[at] {
            1 | 2 => 8,
            3 => 24,
            4 => 16,
            5 => 32,
            _ => return None,
        };
        let end = at + before + 8 * (usize::from(bytes[at + 1]) + 1);
        let sum = XxHash3_64::oneshot(bytes.get(at..end)?) as u32;
        bytes[end..].starts_with(&sum.to_le_bytes()).then_some((at, at + before, end))
    };
    (96..committed - 24).step_by(8).filter_map(is_head).collect()
}

#[test]
fn each_holds_what_cyrus_showed() {
    for path in all() {
        let (expected, name) = (shown(&path), path.display());
        for declared in [Backend::Twom, Backend::Twoskip, Backend::Flat] {
            let options = Options::default();
            let kept = open(&path, Some(declared), &options).unwrap().unwrap();
            let whole = open_whole(&path, Some(declared), &options).unwrap().unwrap();
            for db in [kept, whole] {
                assert_eq!(scan(&*db, b"").unwrap(), expected, "{name}");
                for (key, value) in &expected {
                    assert_eq!(db.get(key).unwrap().as_ref(), Some(value), "{name}");
                    let prefixed = scan(&*db, &key[..key.len() / 2]).unwrap();
                    let has = |(of, _): &&(Vec<u8>, _)| of.starts_with(&key[..key.len() / 2]);
                    assert!(prefixed.iter().eq(expected.iter().filter(has)), "{name}");
                    let above = [key, &b"\0"[..]].concat();
                    assert_eq!(db.get(&above).unwrap(), None, "{name}");
                }
            }
        }
    }
}

#[test]
fn an_uncommitted_transaction_is_not_visible() {
    let (before, after) =
        (shown(&fixture("three-commits.twom")), fixture("killed-in-transaction.twom"));
    let bytes = fs::read(&after).unwrap();
    assert!(bytes[number(&bytes, 80)] != 0 && bytes[36] & 1 == 1, "nothing was left behind");
    assert_eq!(scan(&*open_twom(&after), b"").unwrap(), before);
}

#[test]
fn deleted_keys_are_not_there() {
    let path = fixture("many.twom");
    let (bytes, expected) = (fs::read(&path).unwrap(), shown(&path));
    let db = open_twom(&path);
    let mut deleted = 0;
    for (at, pointers, end) in heads(&bytes) {
        if pointers - at > 16 {
            continue;
        }
        let len = usize::from(u16::from_le_bytes([bytes[at + 2], bytes[at + 3]]));
        let key = &bytes[end + 8..][..len];
        let value = expected.iter().find(|(of, _)| of == key).map(|(_, value)| value);
        assert_eq!(db.get(key).unwrap().as_ref(), value.filter(|_| len > 0));
        deleted += usize::from(value.is_none());
    }
    assert!(deleted > 60, "{deleted}");
}

#[test]
fn a_flipped_byte_is_an_error_or_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["three-commits.twom", "killed-in-transaction.twom", "repacked.twom"] {
        let (path, expected) = (dir.path().join(name), shown(&fixture(name)));
        let whole = fs::read(fixture(name)).unwrap();
        fs::write(&path, &whole).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let db = open_twom(&path);
        // Most of the file is a value of 9000 bytes. Flip only some bytes of it.
        let long = expected.last().map(|(_, value)| value).unwrap();
        let long = whole.windows(long.len()).position(|bytes| bytes == long).unwrap();
        let dull = long + 16..long + 8900;
        for at in (0..whole.len()).filter(|at| !dull.contains(at) || at % 64 == 0) {
            let flip = if at % 2 == 0 { 0xff } else { 1 << (at / 2 % 8) };
            file.write_all_at(&[whole[at] ^ flip], at as u64).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(at as u64)).unwrap();
            check(&*db, &expected, &format!("{name} {at}"));
            file.write_all_at(&whole[at..=at], at as u64).unwrap();
        }
        file.set_modified(SystemTime::now()).unwrap();
        assert_eq!(scan(&*db, b"").unwrap(), expected);
    }
}

#[test]
fn a_shorter_file_is_an_error_unless_only_what_does_not_count_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    for name in
        ["three-commits.twom", "killed-in-transaction.twom", "repacked.twom", "no-checksum.twom"]
    {
        let (path, expected) = (dir.path().join(name), shown(&fixture(name)));
        fs::copy(fixture(name), &path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let (size, committed) = {
            let bytes = fs::read(&path).unwrap();
            (bytes.len(), number(&bytes, 80))
        };
        let db = open_twom(&path);
        for len in (1..size).rev().filter(|len| *len < committed || len % 64 == 3) {
            file.set_len(len as u64).unwrap();
            if len >= committed {
                assert_eq!(scan(&*db, b"").unwrap(), expected, "{name} {len}");
                continue;
            }
            assert_eq!(db.get(b"key.001").unwrap_err().kind(), Kind::Corrupt, "{name} {len}");
            assert_eq!(scan(&*db, b"").unwrap_err().kind(), Kind::Corrupt, "{name} {len}");
        }
        // An empty file is a valid database that no writer has opened yet.
        file.set_len(0).unwrap();
        assert_eq!(scan(&*db, b"").unwrap(), []);
    }
}

/// Changes each pointer of each record, and the checksum too, so that the checksum does not show
/// the damage.
#[test]
fn pointers_that_lead_astray_end_somewhere() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["three-commits.twom", "killed-in-transaction.twom"] {
        let path = dir.path().join(name);
        let whole = fs::read(fixture(name)).unwrap();
        fs::write(&path, &whole).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let db = open_twom(&path);
        let heads = heads(&whole);
        assert!(heads.len() > 35, "{}", heads.len());
        let mut changes = 0;
        for (n, &(at, pointers, end)) in heads.iter().enumerate() {
            let (other, ..) = heads[(n * 7 + 3) % heads.len()];
            // The pointer to the ancestor, if the record has one, is before the other pointers.
            for link in (at + 8..end).step_by(8).filter(|link| *link >= pointers.min(at + 16)) {
                for target in [0, 8, 96, at, other, other + 8, usize::MAX] {
                    let mut head = whole[at..end].to_vec();
                    head[link - at..][..8].copy_from_slice(&(target as u64).to_le_bytes());
                    let sum = XxHash3_64::oneshot(&head) as u32;
                    head.extend(sum.to_le_bytes());
                    file.write_all_at(&head, at as u64).unwrap();
                    changes += 1;
                    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(changes))
                        .unwrap();
                    exercise(&*db);
                    let _ = db.get(b"key.016");
                    let _ = db.salvage(b"", &mut |_, _| Ok(ControlFlow::Continue(())));
                }
                file.write_all_at(&whole[at..end + 4], at as u64).unwrap();
            }
        }
        file.set_modified(SystemTime::now()).unwrap();
        assert_eq!(scan(&*db, b"").unwrap(), shown(&fixture(name)));
    }
}

#[test]
fn records_after_a_damaged_one_are_salvaged_without_deleted_ones() {
    let dir = tempfile::tempdir().unwrap();
    let (path, name) = (dir.path().join("db"), fixture("many.twom"));
    let (whole, expected) = (fs::read(&name).unwrap(), shown(&name));
    let (mut damaged, mut few) = (0, 0);
    for at in (400..number(&whole, 80)).step_by(331) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        let db = open_twom(&path);
        let mut found = Records::new();
        let result = db.salvage(b"", &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            Ok(ControlFlow::Continue(()))
        });
        assert!(found.iter().all(|record| expected.contains(record)), "{at}");
        assert!(found.is_sorted(), "{at}");
        match result {
            Ok(()) => assert_eq!(found, expected),
            Err(error) => {
                assert_eq!(error.kind(), Kind::Corrupt);
                damaged += 1;
                few += usize::from(expected.len() - found.len() < 16);
            }
        }
    }
    // Only records after one of the few records with many levels cannot be reached in another way.
    assert!(damaged > 60 && few * 10 > damaged * 8, "{few} of {damaged}");
}

#[test]
fn files_of_other_programs_and_later_versions_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let whole = fs::read(fixture("three-commits.twom")).unwrap();
    for (at, value, why) in [
        (32, 2u32, "version 2"),
        (36, 1 << 28 | 1 << 30, "not one that Cyrus uses"),
        (36, 1 << 29, "not one that Cyrus uses"),
        (80, 360, "committed size"),
        (80, 12_708, "committed size"),
        (80, 1 << 20, "shorter than its header says"),
        (80, 12_400, "beyond the committed size"),
    ] {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let sum = XxHash3_64::oneshot(&bytes[..92]) as u32;
        bytes[92..96].copy_from_slice(&sum.to_le_bytes());
        fs::write(&path, &bytes).unwrap();
        let error = scan(&*open_twom(&path), b"").unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
        assert!(error.to_string().contains(why), "{error}");
    }
}

/// A lock of a range of a file. It is released at once, although other tests start processes, which
/// have a copy of the descriptor for a moment.
struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        lock::release(&self.0);
    }
}

/// Opens the file once more and locks a range of it, like another process.
fn held(path: &Path, start: u32, len: u32, mode: Mode) -> Held {
    let file = File::options().read(true).write(true).open(path).unwrap();
    // A reader that has just closed the file may still have its lock, for the same reason.
    let wait = Wait::For(Duration::from_secs(60));
    lock::acquire_part(&file, path, Part { start, len }, mode, wait).unwrap();
    Held(file)
}

#[test]
fn readers_wait_for_those_that_write_or_wait_to_but_not_for_one_that_repacks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    for small in [false, true] {
        let name = if small { "three-commits.twom" } else { "many.twom" };
        fs::copy(fixture(name), &path).unwrap();
        let expected = shown(&fixture(name));
        // Another reader and a process that repacks the file hold their locks.
        let reader = held(&path, 96, 272, Mode::Shared);
        let _repack = held(&path, 40, 8, Mode::Exclusive);
        let read = || {
            let open = if small { open_whole } else { open };
            let db = open(&path, Some(Backend::Twom), &Options::default()).unwrap().unwrap();
            scan(&*db, b"").unwrap()
        };
        assert_eq!(read(), expected);
        drop(reader);
        for part in [(0, 16), (96, 272)] {
            let writer = held(&path, part.0, part.1, Mode::Exclusive);
            let (send, receive) = mpsc::channel();
            std::thread::scope(|scope| {
                scope.spawn(|| send.send(read()).unwrap());
                assert!(receive.recv_timeout(Duration::from_millis(50)).is_err(), "{part:?}");
                drop(writer);
                assert_eq!(receive.recv().unwrap(), expected);
            });
        }
    }
}

/// An aborted transaction leaves header and size unchanged, but may change unused pointers. A
/// writer that maps the file into memory also leaves the modification time unchanged. So cached
/// blocks and newly read blocks may not belong together.
#[test]
fn blocks_from_before_and_after_an_aborted_transaction_go_together() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let whole = fs::read(fixture("many.twom")).unwrap();
    let expected = shown(&fixture("many.twom"));
    let mut after = whole.clone();
    let mut changed = 0;
    for (at, pointers, end) in heads(&whole) {
        let (first, second) = (number(&whole, pointers), number(&whole, pointers + 8));
        // The lower of the two pointers on the lowest level is unused.
        let unused = if first < second { pointers } else { pointers + 8 };
        let straddles = unused / 4096 != end / 4096;
        if first.max(second) > 0 && straddles {
            let other = if first.min(second) > 0 { 0u64 } else { 8 };
            after[unused..unused + 8].copy_from_slice(&other.to_le_bytes());
            let sum = XxHash3_64::oneshot(&after[at..end]) as u32;
            after[end..end + 4].copy_from_slice(&sum.to_le_bytes());
            changed += 1;
        }
    }
    assert!(changed > 0, "no record lies in two blocks");
    // A scan that would skip damaged records must find none either.
    let read = [<dyn Db>::scan, <dyn Db>::salvage];
    for (key, _) in expected.iter().step_by(9) {
        for read in read {
            fs::write(&path, &whole).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            let time = file.metadata().unwrap().modified().unwrap();
            let db = open_twom(&path);
            assert!(db.get(key).unwrap().is_some());
            file.write_all_at(&after, 0).unwrap();
            file.set_modified(time).unwrap();
            let mut found = Vec::new();
            let visit = &mut |key: &[u8], value: &[u8]| {
                found.push((key.to_vec(), value.to_vec()));
                Ok(ControlFlow::Continue(()))
            };
            read(&*db, b"", visit).unwrap();
            assert_eq!(found, expected);
        }
    }
}
