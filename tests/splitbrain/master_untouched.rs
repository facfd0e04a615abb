//! Tests that `-O` changes no byte of the master, even if the replica was changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cyrsync_lab::{Cyrus, Imap, Options, Rng};

use crate::check::{assert_one, replicated, subjects};
use crate::common::{append, create, ours, replicate, uniqueid};
use crate::writers::{diverge, how_many};

/// Returns every file of a server's spools, databases and scripts, without sockets and locks.
fn files(cyrus: &Cyrus) -> BTreeMap<PathBuf, Vec<u8>> {
    fn collect(dir: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let kind = entry.file_type().expect("it is there");
            if kind.is_dir() {
                collect(&entry.path(), all);
            } else if kind.is_file() && entry.path().extension().is_none_or(|e| e != "lock") {
                let bytes = fs::read(entry.path()).expect("root reads everything");
                all.insert(entry.path(), bytes);
            }
        }
    }
    let mut all = BTreeMap::new();
    for sub in ["conf", "spool", "second", "sieve"] {
        collect(&cyrus.dir().join(sub), &mut all);
    }
    assert!(all.keys().any(|path| path.ends_with("cyrus.index")), "{:?}", all.keys());
    all
}

#[track_caller]
fn assert_untouched(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) {
    let differing: Vec<&PathBuf> = before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path) != after.get(*path))
        .collect();
    assert!(differing.is_empty(), "the master was written to: {differing:#?}");
}

#[test]
fn no_file_of_the_master_changes_with_no_copyback() {
    let rounds = how_many("CYRSYNC_SPLITBRAIN_ROUNDS", 3);
    for conversations in [false, true] {
        let mut lab = replicated(Options { conversations, ..Options::default() });
        create(&lab.master, &["user.fred.work"]);
        replicate(&lab, &["-A"]);
        let mut rng = Rng::new(21);
        for _ in 0..rounds {
            let done = diverge(&lab, &mut rng, 10);
            lab.master.stop_server();
            let before = files(&lab.master);
            let run = ours(&lab, &["-v", "-O", "-u", "fred"]);
            let after = files(&lab.master);
            assert_untouched(&before, &after);
            assert!(!run.stdout.contains("on the master"), "{run}\n{}", done.join("\n"));
            lab.master.start_server();
        }
    }
}

#[test]
fn a_replica_with_messages_of_its_own_stays_sound_with_no_copyback() {
    let lab = replicated(Options::default());
    let mut there = Imap::login(&lab.replica, "fred");
    append(&mut there, "INBOX", "on the replica");
    for _ in 0..2 {
        assert_eq!(ours(&lab, &["-O", "-u", "fred"]).status.code(), Some(1));
        append(&mut there, "INBOX", "on the replica, later");
        append(&mut Imap::login(&lab.master, "fred"), "INBOX", "on the master");
    }
    // Expunge on the replica. The UIDs of these messages are still used.
    let mut there = there.with_selected("INBOX");
    there.ok("UID STORE 4:* +FLAGS (\\Deleted)");
    there.ok("EXPUNGE");
    drop(there);
    ours(&lab, &["-O", "-u", "fred"]);
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "on the replica, last");
    ours(&lab, &["-u", "fred"]).ok();
    assert_one(&lab, &["user.fred"]);
    let found = subjects(&lab.master, "fred");
    assert_eq!(found.iter().filter(|s| *s == "on the master").count(), 2, "{found:?}");
    assert!(found.contains(&"on the replica, last".to_owned()), "{found:?}");
}

#[test]
fn flags_changed_only_on_the_replica_are_overwritten_with_no_copyback() {
    let lab = replicated(Options::default());
    let mut there = Imap::login(&lab.replica, "fred").with_selected("INBOX");
    there.ok("UID STORE 1 +FLAGS (\\Flagged)");
    let mut here = Imap::login(&lab.master, "fred").with_selected("INBOX");
    for _ in 0..2 {
        here.ok("UID STORE 1 +FLAGS (\\Answered)");
        here.ok("UID STORE 1 -FLAGS (\\Answered)");
    }
    drop((here, there));
    let before = files(&lab.master);
    ours(&lab, &["-O", "-u", "fred"]).ok();
    assert_untouched(&before, &files(&lab.master));
    let flags = Imap::login(&lab.replica, "fred").with_selected("INBOX").ok("UID FETCH 1 FLAGS");
    assert!(!flags.lines().iter().any(|line| line.contains("Flagged")), "{flags:?}");
}

#[test]
fn a_folder_only_on_the_replica_is_kept_with_no_copyback() {
    let lab = replicated(Options::default());
    create(&lab.replica, &["user.fred.there"]);
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX.there", "on the replica");
    let id = uniqueid(&lab.replica, "user.fred.there");
    let before = files(&lab.master);
    let run = ours(&lab, &["-v", "-O", "-u", "fred"]);
    assert_untouched(&before, &files(&lab.master));
    assert!(run.log.contains("no tombstone for deleted mailbox user.fred.there"), "{run}");
    assert_eq!(uniqueid(&lab.replica, "user.fred.there"), id);
}
