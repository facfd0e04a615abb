//! Tests of reading with few system calls: cached blocks, several searches in one call, small files
//! as a whole.

use super::*;

#[test]
fn cached_blocks_are_read_without_the_lock_until_the_file_changes() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["plain.twoskip", "plain.skiplist"] {
        let path = dir.path().join(name);
        fs::copy(fixture(name), &path).unwrap();
        let db = open_as(&path, backend(name), KeyOrder::Raw);
        let found = db.get(b"user.bob").unwrap();
        assert!(found.is_some());
        // A writer holds the lock, but has not changed the file yet.
        let writer = lock::lock_existing(&path, Mode::Exclusive, Wait::Fail).unwrap();
        assert_eq!(db.get(b"user.bob").unwrap(), found);
        // After the file has changed, a reader waits for the writer.
        let (send, receive) = std::sync::mpsc::channel();
        fs::write(&path, fs::read(fixture("empty.twoskip")).unwrap()).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| send.send(db.get(b"user.bob").ok().flatten()).unwrap());
            assert!(receive.recv_timeout(std::time::Duration::from_millis(50)).is_err());
            drop(writer);
            assert_eq!(receive.recv().unwrap(), None);
        });
    }
}

#[test]
fn uncached_blocks_are_read_under_the_lock_and_from_the_same_state() {
    let dir = tempfile::tempdir().unwrap();
    for kind in ["twoskip", "skiplist"] {
        let [first, second] = [format!("plain.{kind}"), format!("repacked.{kind}")];
        let path = dir.path().join(kind);
        fs::copy(fixture(&first), &path).unwrap();
        let db = open_as(&path, backend(&first), KeyOrder::Raw);
        // Cache some blocks of the file, then replace it. The search must return only records of
        // the new file.
        let (last, _) = export(&first).pop().unwrap();
        assert!(db.get(&last).unwrap().is_some());
        let (new, keys) = (dir.path().join("NEW"), export(&second));
        fs::copy(fixture(&second), &new).unwrap();
        fs::rename(&new, &path).unwrap();
        let sought: Vec<_> = keys.iter().map(|(key, _)| Sought::Key(key)).collect();
        let mut found = Vec::new();
        db.scan_each(&sought, &mut |nth, key, value| {
            assert_eq!(key, keys[nth].0);
            found.push((key.to_vec(), value.to_vec()));
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        assert_eq!(found, keys);
    }
}

#[test]
fn several_things_are_sought_together_as_each_by_itself() {
    for (name, order) in READABLE {
        let all = export(name);
        let db = open_as(&fixture(name), backend(name), order);
        let missing: &[u8] = b"user.nobody";
        let mut sought = vec![Sought::Prefix(b"user.b"), Sought::Key(missing)];
        sought.extend(all.iter().map(|(key, _)| Sought::Key(key)));
        sought.push(Sought::Prefix(b""));
        let mut found: Vec<Records> = vec![Records::new(); sought.len()];
        db.scan_each(&sought, &mut |nth, key, value| {
            found[nth].push((key.to_vec(), value.to_vec()));
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        assert_eq!(found[0], scan(&*db, b"user.b").unwrap(), "{name}");
        assert_eq!(found[1], [], "{name}");
        for (record, found) in all.iter().zip(&found[2..]) {
            assert_eq!(found, std::slice::from_ref(record), "{name}");
        }
        assert_eq!(found.last(), Some(&all), "{name}");
    }
}

#[test]
fn a_small_file_is_read_at_once_and_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    for name in
        ["plain.twoskip", "plain.skiplist", "plain.flat", "killed.twoskip", "killed.skiplist"]
    {
        let path = dir.path().join(name);
        fs::copy(fixture(name), &path).unwrap();
        for declared in [Some(backend(name)), Some(Backend::Flat)] {
            let db = open_whole(&path, declared, &Options::default()).unwrap().unwrap();
            assert_eq!(scan(&*db, b"").unwrap(), export(name), "{name}");
        }
        let small = fs::metadata(&path).unwrap().len() < crate::limits::WHOLE_DB_BYTES as u64;
        let db = open_whole(&path, Some(backend(name)), &Options::default()).unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(scan(&*db, b"").is_ok(), small, "{name}");
    }
    let nothing = |path: &Path| open_whole(path, Some(Backend::Twoskip), &Options::default());
    assert!(nothing(&dir.path().join("none")).unwrap().is_none());
    assert_eq!(nothing(dir.path()).unwrap_err().kind(), Kind::Unsupported);
    let flat = open_whole(dir.path(), Some(Backend::Flat), &Options::default());
    assert!(flat.is_err() || scan(&*flat.unwrap().unwrap(), b"").is_err());
    let empty = dir.path().join("empty");
    fs::write(&empty, "").unwrap();
    assert_eq!(scan(&*nothing(&empty).unwrap().unwrap(), b"").unwrap(), []);
}

#[test]
fn readers_of_a_whole_file_wait_for_a_writer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    fs::copy(fixture("empty.twoskip"), &path).unwrap();
    let writer = lock::lock_existing(&path, Mode::Exclusive, Wait::Fail).unwrap();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let opened = open_whole(&path, Some(Backend::Twoskip), &Options::default());
            send.send(opened.is_ok()).unwrap();
        });
        assert!(receive.recv_timeout(std::time::Duration::from_millis(50)).is_err());
        drop(writer);
        assert_eq!(receive.recv(), Ok(true));
    });
}
