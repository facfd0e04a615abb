//! Reads databases of all formats that Cyrus created, intact and damaged
//! (`tests/fixtures/cyrusdb/make.sh`, `tests/fixtures/twom/README.md`).

mod damage;
mod together;
mod twom;
mod work;

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::*;
use crate::error::{Error, Kind, Result};
use crate::settings;
use crate::sys::lock::{self, Mode, Wait};
use damage::exercise;

type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// The databases that contain the same records as their exports, each with its key order.
const READABLE: [(&str, KeyOrder); 16] = [
    ("plain.twoskip", KeyOrder::Raw),
    ("plain.skiplist", KeyOrder::Raw),
    ("plain.flat", KeyOrder::Raw),
    ("empty.twoskip", KeyOrder::Raw),
    ("empty.skiplist", KeyOrder::Raw),
    ("repacked.twoskip", KeyOrder::Raw),
    ("repacked.skiplist", KeyOrder::Raw),
    ("mailbox.twoskip", KeyOrder::Mailbox),
    ("mailbox.skiplist", KeyOrder::Mailbox),
    ("killed.twoskip", KeyOrder::Raw),
    ("killed.skiplist", KeyOrder::Raw),
    ("empty.twom", KeyOrder::Raw),
    ("three-commits.twom", KeyOrder::Raw),
    ("killed-in-transaction.twom", KeyOrder::Raw),
    ("no-checksum.twom", KeyOrder::Mailbox),
    ("repacked.twom", KeyOrder::Raw),
];

fn fixture(name: &str) -> PathBuf {
    let dir = if name.contains(".twom") { "twom/files" } else { "cyrusdb" };
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(dir).join(name)
}

fn unhex(text: &str) -> Vec<u8> {
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    let pairs = pairs.iter().map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn export(name: &str) -> Records {
    if name.ends_with(".twom") {
        return twom::shown(&fixture(name));
    }
    let text = fs::read_to_string(fixture(&format!("{name}.export"))).unwrap();
    let lines = text.lines().map(|line| line.split_once(' ').unwrap());
    lines.map(|(key, value)| (unhex(key), unhex(value))).collect()
}

fn open_as(path: &Path, declared: Backend, order: KeyOrder) -> Box<dyn Db> {
    let options = Options { order, ..Options::default() };
    open(path, Some(declared), &options).unwrap().unwrap()
}

/// Returns the backend of a name. Uses `quota_db`, because this option accepts all names.
fn declared(word: &str) -> Result<Backend> {
    Backend::of(settings::tests::of(&format!("quota_db: {word}\n")).databases.quota_db)
}

fn backend(name: &str) -> Backend {
    declared(name.rsplit('.').next().unwrap()).unwrap()
}

fn scan(db: &dyn Db, prefix: &[u8]) -> Result<Records> {
    let mut records = Records::new();
    db.scan(prefix, &mut |key, value| {
        records.push((key.to_vec(), value.to_vec()));
        assert!(records.len() < 10_000, "the scan does not end");
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(records)
}

#[test]
fn databases_hold_what_cyrus_reads_from_them() {
    for (name, order) in READABLE {
        let expected = export(name);
        let least = if name.ends_with(".twom") { 30 } else { 150 };
        assert!(expected.len() > least || name.starts_with("empty"), "{name}");
        let db = open_as(&fixture(name), backend(name), order);
        assert_eq!(scan(&*db, b"").unwrap(), expected, "{name}");
        for (key, value) in &expected {
            assert_eq!(
                db.get(key).unwrap().as_ref(),
                Some(value),
                "{name}: {}",
                key.escape_ascii()
            );
        }
        for absent in [&b"absent"[..], b"", b"user.alice.folder", b"\xff\xff\xff", b"\0"] {
            assert_eq!(db.get(absent).unwrap(), None, "{name}");
        }
    }
}

#[test]
fn scans_by_prefix() {
    for (name, order) in READABLE {
        let all = export(name);
        let db = open_as(&fixture(name), backend(name), order);
        for prefix in [
            &b"user.bob"[..],
            b"user.bob.",
            b"user",
            b"\xff",
            b"a",
            b"zzz",
            b"user.carol^x.f",
            b"key.01",
        ] {
            let expected: Records =
                all.iter().filter(|(key, _)| key.starts_with(prefix)).cloned().collect();
            assert_eq!(scan(&*db, prefix).unwrap(), expected, "{name}");
        }
    }
}

#[test]
fn a_scan_ends_at_a_break_and_returns_errors() {
    let db = open_as(&fixture("plain.twoskip"), Backend::Twoskip, KeyOrder::Raw);
    let mut seen = 0;
    db.scan(b"", &mut |_, _| {
        seen += 1;
        Ok(if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })
    .unwrap();
    assert_eq!(seen, 3);
    let error =
        db.scan(b"", &mut |_, _| Err(Error::new(Kind::Cancelled, "stop", "", ""))).unwrap_err();
    assert_eq!(error.kind(), Kind::Cancelled);
}

#[test]
fn quota_roots_are_files() {
    for (name, full_dir_hash, virtual_domains) in
        [("quota-plain", false, false), ("quota-full", true, true)]
    {
        let options = Options { full_dir_hash, virtual_domains, ..Options::default() };
        let path = fixture(name).join("quotas.db");
        let db = open(&path, Some(Backend::QuotaLegacy), &options).unwrap().unwrap();
        let expected = export(name);
        assert!(expected.len() > 6);
        assert_eq!(scan(&*db, b"").unwrap(), expected);
        for (key, value) in &expected {
            assert_eq!(db.get(key).unwrap().as_ref(), Some(value));
            assert!(scan(&*db, key).unwrap().contains(&(key.clone(), value.clone())));
        }
        for absent in
            [&b"user.none"[..], b"", b"..", b"../../user.alice", b"a\0b", b"!", b"../..!x"]
        {
            assert_eq!(db.get(absent).unwrap(), None);
        }
    }
    let none =
        open(Path::new("/nonexistent/quotas.db"), Some(Backend::QuotaLegacy), &Options::default());
    assert!(none.unwrap().is_none());
}

#[test]
fn a_quota_file_that_is_being_written_is_no_quota_root() {
    let dir = tempfile::tempdir().unwrap();
    let roots = dir.path().join("quota/f");
    fs::create_dir_all(&roots).unwrap();
    for (name, text) in [
        ("user.fred", "1\n2\n"),
        ("user.fred.NEW", "3\n4\n"),
        ("user.foo.NEW", ""),
        ("user.fix", "1"),
    ] {
        fs::write(roots.join(name), text).unwrap();
    }
    let db = open(&dir.path().join("x"), Some(Backend::QuotaLegacy), &Options::default());
    let db = db.unwrap().unwrap();
    let two = [("user.fred", "1 2"), ("user.fred.NEW", "3 4")];
    let two = two.map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec()));
    assert_eq!(scan(&*db, b"user.f").unwrap_err().kind(), Kind::Corrupt);
    fs::remove_file(roots.join("user.fix")).unwrap();
    assert_eq!(scan(&*db, b"user.f").unwrap(), two);
}

#[test]
fn the_magic_decides_against_the_declaration() {
    for (name, wrong) in [
        ("plain.twoskip", Backend::Skiplist),
        ("plain.skiplist", Backend::Twoskip),
        ("plain.twoskip", Backend::Flat),
        ("plain.twoskip", Backend::Twom),
        ("many.twom", Backend::Twoskip),
        ("many.twom", Backend::Flat),
    ] {
        let db = open_as(&fixture(name), wrong, KeyOrder::Raw);
        assert_eq!(scan(&*db, b"").unwrap(), export(name));
    }
    let db = open(&fixture("plain.flat"), None, &Options::default()).unwrap().unwrap();
    assert_eq!(scan(&*db, b"").unwrap(), export("plain.flat"));
    let db = open_as(&fixture("plain.flat"), Backend::Twoskip, KeyOrder::Raw);
    let error = scan(&*db, b"").unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(error.to_string().contains("cvt_cyrusdb FILE flat NEW twoskip"), "{error}");
}

#[test]
fn the_wrong_order_is_noticed() {
    for name in ["mailbox.twoskip", "mailbox.skiplist"] {
        let db = open_as(&fixture(name), backend(name), KeyOrder::Raw);
        let error = scan(&*db, b"").unwrap_err().to_string();
        assert!(error.contains("out of order"), "{error}");
    }
}

#[test]
fn a_replaced_file_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    for kind in ["twoskip", "skiplist", "flat", "twom"] {
        let path = dir.path().join(kind);
        let first = if matches!(kind, "flat" | "twom") { "empty" } else { "plain" };
        let second = if kind == "flat" { "plain" } else { "repacked" };
        let [first, second] = [first, second].map(|name| format!("{name}.{kind}"));
        fs::copy(fixture(&first), &path).unwrap();
        let db = open_as(&path, backend(&first), KeyOrder::Raw);
        assert_eq!(scan(&*db, b"").unwrap(), export(&first));
        let new = dir.path().join("NEW");
        fs::copy(fixture(&second), &new).unwrap();
        fs::rename(&new, &path).unwrap();
        assert_eq!(scan(&*db, b"").unwrap(), export(&second));
        fs::remove_file(&path).unwrap();
        let error = db.get(b"key").unwrap_err();
        assert_eq!(error.io_kind(), Some(io::ErrorKind::NotFound));
    }
}

#[test]
fn no_lock_is_held_while_records_are_visited_nor_afterwards() {
    for name in ["plain.twoskip", "plain.skiplist", "plain.flat", "many.twom"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        fs::copy(fixture(name), &path).unwrap();
        let db = open_as(&path, backend(name), KeyOrder::Raw);
        let free = || lock::lock_existing(&path, Mode::Exclusive, Wait::Fail).map(drop);
        db.scan(b"", &mut |key, value| {
            free()?;
            assert_eq!(db.get(key)?.unwrap(), value);
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        free().unwrap();
    }
}

#[test]
fn readers_wait_for_a_writer() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["plain.twoskip", "plain.skiplist"] {
        let path = dir.path().join(name);
        fs::copy(fixture(name), &path).unwrap();
        let writer = lock::lock_existing(&path, Mode::Exclusive, Wait::Fail).unwrap();
        let db = open_as(&path, backend(name), KeyOrder::Raw);
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let found = db.get(b"user.bob").unwrap();
                send.send("read").unwrap();
                found
            });
            assert!(receive.recv_timeout(std::time::Duration::from_millis(50)).is_err());
            drop(writer);
            assert_eq!(receive.recv().unwrap(), "read");
        });
    }
}

#[test]
fn several_threads_use_one_handle() {
    let expected = export("plain.twoskip");
    let db = open_as(&fixture("plain.twoskip"), Backend::Twoskip, KeyOrder::Raw);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(scan(&*db, b"").unwrap(), expected);
                }
            });
        }
    });
}

#[test]
fn unsorted_flat_files_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    for (text, offset) in
        [("a\t1\nc\t\nb\t2\n", 7), ("a\t1\na\t2\n", 4), ("a\t1\nb", 4), ("a\n", 0), ("a\t1\n\n", 4)]
    {
        fs::write(&path, text).unwrap();
        let db = open_as(&path, Backend::Flat, KeyOrder::Raw);
        let error = scan(&*db, b"").unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
        assert!(error.to_string().contains(&format!("offset {offset:#x}")), "{error}");
    }
}

#[test]
fn words_of_imapd_conf() {
    for backend in
        [Backend::Twoskip, Backend::Skiplist, Backend::Flat, Backend::QuotaLegacy, Backend::Twom]
    {
        assert_eq!(declared(backend.name()).unwrap(), backend);
    }
    for word in ["sql", "zeroskip"] {
        let error = declared(word).unwrap_err();
        assert_eq!(error.kind(), Kind::Unsupported);
        let text = error.to_string();
        assert!(text.contains(&format!("quota_db: {word}")) && text.contains("cvt_cyrusdb"));
    }
}

#[test]
fn a_missing_file_is_no_database() {
    let dir = tempfile::tempdir().unwrap();
    for declared in [None, Some(Backend::Twoskip), Some(Backend::Flat)] {
        let db = open(&dir.path().join("none"), declared, &Options::default()).unwrap();
        assert!(db.is_none());
    }
}

#[test]
fn an_empty_file_is_an_empty_database() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty");
    fs::write(&path, "").unwrap();
    let backends = [Backend::Twoskip, Backend::Skiplist, Backend::Flat, Backend::Twom];
    for declared in [None].into_iter().chain(backends.map(Some)) {
        let db = open(&path, declared, &Options::default()).unwrap().unwrap();
        assert_eq!(db.get(b"key").unwrap(), None);
        assert_eq!(scan(&*db, b"").unwrap(), []);
    }
}

#[test]
fn foreign_databases_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let refused = |path: &Path| {
        let error = open(path, Some(Backend::Twoskip), &Options::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unsupported);
        error.to_string()
    };
    fs::write(&path, "SQLite format 3\0...").unwrap();
    assert!(refused(&path).contains("SQLite"));
    fs::write(&path, b"\xa1\x02\x8b\x0dsomething new").unwrap();
    assert!(refused(&path).contains("newer backend"));
    assert!(refused(dir.path()).contains("zeroskip"));
}

#[test]
fn a_required_database_that_is_missing_or_empty_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let options = Options { required: true, ..Options::default() };
    for declared in [Backend::Twoskip, Backend::Skiplist, Backend::Flat, Backend::Twom] {
        let error = open(&path, Some(declared), &options).unwrap_err();
        assert_eq!(error.io_kind(), Some(io::ErrorKind::NotFound));
        fs::write(&path, "").unwrap();
        let error = open(&path, Some(declared), &options).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
        fs::remove_file(&path).unwrap();
    }
    // Next case: the file becomes empty while it is open.
    fs::copy(fixture("plain.twoskip"), &path).unwrap();
    let db = open(&path, Some(Backend::Twoskip), &options).unwrap().unwrap();
    assert!(db.get(b"user.bob").unwrap().is_some());
    fs::write(&path, "").unwrap();
    assert_eq!(db.get(b"user.bob").unwrap_err().kind(), Kind::Corrupt);
    assert_eq!(scan(&*db, b"").unwrap_err().kind(), Kind::Corrupt);
}

#[test]
fn records_after_a_damaged_one_are_salvaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    for name in ["plain.twoskip", "repacked.twoskip"] {
        let whole = fs::read(fixture(name)).unwrap();
        let all = export(name);
        let (mut damaged, mut lost) = (0, 0);
        for at in (700..whole.len()).step_by(331) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            let db = open_as(&path, Backend::Twoskip, KeyOrder::Raw);
            let mut found = Records::new();
            let result = db.salvage(b"", &mut |key, value| {
                found.push((key.to_vec(), value.to_vec()));
                Ok(ControlFlow::Continue(()))
            });
            assert_eq!(result.is_err(), scan(&*db, b"").is_err(), "{name} {at}");
            assert!(found.iter().all(|record| all.contains(record)), "{name} {at}");
            assert!(found.is_sorted(), "{name} {at}");
            match result {
                Ok(()) => assert_eq!(found, all),
                Err(error) => {
                    assert_eq!(error.kind(), Kind::Corrupt);
                    damaged += 1;
                    lost += all.len() - found.len();
                }
            }
        }
        // Only the damaged record is lost, and a few records to which only its pointers lead.
        assert!(damaged > 20, "{name}: {damaged}");
        assert!(lost < 8 * damaged, "{name}: {lost} in {damaged}");
    }
}

#[test]
fn a_sparse_file_of_many_gigabytes_is_not_read_completely() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["plain.twoskip", "plain.skiplist", "plain.flat", "none"] {
        let path = dir.path().join(name);
        if name != "none" {
            fs::copy(fixture(name), &path).unwrap();
        }
        let file = File::options().create(true).truncate(false).write(true).open(&path).unwrap();
        file.set_len(64 << 30).unwrap();
        for declared in [Backend::Twoskip, Backend::Skiplist, Backend::Flat] {
            // This test would take minutes and too much memory if the whole file were read.
            exercise(&*open_as(&path, declared, KeyOrder::Raw));
        }
    }
}

#[test]
fn a_damaged_key_is_an_error_and_no_missing_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    for name in ["plain.twoskip", "repacked.twoskip", "killed.twoskip"] {
        let whole = fs::read(fixture(name)).unwrap();
        for (n, (key, value)) in export(name).iter().enumerate().skip(1).step_by(5) {
            // Search the last copy in the file, because the record may have been replaced.
            let found = whole
                .windows(key.len() + value.len())
                .rposition(|bytes| bytes.strip_prefix(&key[..]).is_some_and(|rest| rest == value));
            let Some(at) = found else { continue };
            let mut bytes = whole.clone();
            bytes[at + n % key.len()] ^= 1 << (n % 7);
            fs::write(&path, &bytes).unwrap();
            let db = open_as(&path, Backend::Twoskip, KeyOrder::Raw);
            let got = db.get(key);
            assert!(got.as_ref().is_ok_and(|got| got.is_some()) || got.is_err(), "{name} {n}");
            let scanned = scan(&*db, key);
            assert!(
                scanned.as_ref().is_ok_and(|found| found.iter().any(|(k, _)| k == key))
                    || scanned.is_err(),
                "{name} {n}"
            );
        }
    }
}
