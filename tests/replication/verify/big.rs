//! Tests that verification of large mailboxes uses little memory.

use std::fs;

use cyrsync_lab::fill::Filler;
use cyrsync_lab::index_file::IndexFile;
use cyrsync_lab::run::start_sync_client;
use cyrsync_lab::{Lab, places};

use crate::common::{OURS, actions};

/// Runs the client. Returns its lines, its exit code, and its highest memory use in KiB.
fn measured(lab: &Lab, args: &[&str]) -> (Vec<String>, Option<i32>, u64) {
    let (run, cost) = start_sync_client(OURS, &lab.master, args).wait_measured();
    println!("{args:?}: {} KiB, {:?}, {:?} CPU", cost.peak_kib, cost.wall, cost.cpu);
    (run.stdout.lines().map(str::to_owned).collect(), run.status.code(), cost.peak_kib)
}

/// Memory that verification may use in addition to a run without changes, in KiB. It is enough for
/// only a part of the records.
const MORE_KIB: u64 = 4 << 10;

fn one_flag(messages: usize) {
    let lab = Lab::default();
    Filler::new(&lab.master, 7).mailbox_of_sizes("user.fred", messages, |_| 200);
    actions(&lab, &["-u", "fred"]);
    let (_, _, unchanged) = measured(&lab, &["-u", "fred"]);
    let memory_kib = unchanged + MORE_KIB;
    let (lines, code, peak) = measured(&lab, &["--verify", "-u", "fred"]);
    assert_eq!((lines.len(), code), (1, Some(0)), "{lines:#?}");
    assert!(peak < memory_kib, "{peak} KiB");
    let path = places::place(&lab.replica, "user.fred").meta.join("cyrus.index");
    assert!(fs::metadata(&path).is_ok());
    let mut index = IndexFile::with_user_flags(&lab.replica, "user.fred");
    let uid = messages as u64 / 3;
    index.flip(uid, 35, &[16]);
    index.save_records();
    let (lines, code, peak) = measured(&lab, &["--verify", "-u", "fred"]);
    assert_eq!(code, Some(2), "{lines:#?}");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].starts_with(&format!("UID {uid} of user.fred: FLAGS is (")), "{lines:#?}");
    assert!(peak < memory_kib, "{peak} KiB");
}

#[test]
fn one_flag_among_many_records_is_found() {
    one_flag(40_000);
}

#[test]
#[ignore = "takes minutes: 200,000 messages"]
fn one_flag_among_200_000_records_is_found_with_little_memory() {
    one_flag(200_000);
}
