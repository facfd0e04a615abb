//! Kills the embedded client at its writes, one by one. The next run must finish its work.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use cyrsync_lab::run::start;
use cyrsync_lab::{Imap, Lab, Options, Run, places, tools};

use super::build::program;
use super::client::{damage, under_valgrind};
use super::commands::full;
use super::filled::{append, embedded, filled, subjects};

/// Environment variable: how often the client is killed, each time at another write. For a long test
/// run, set a higher number than the default.
const CRASHES: &str = "CYRSYNC_ADAPTER_CRASHES";

/// Writes to both sides everything that a repair copies to the master: new messages with the same
/// UIDs, flags, an annotation, an expunge. Updates `there`, the subjects that both sides must have
/// at the end.
fn diverge(lab: &Lab, round: usize, there: &mut Vec<String>) {
    append(&lab.master, "paula", "INBOX", &format!("master {round:03}"));
    append(&lab.replica, "paula", "INBOX", &format!("replica {round:03}"));
    append(&lab.replica, "paula", "INBOX", &format!("second {round:03}"));
    let mut paula = Imap::login(&lab.replica, "paula").with_selected("INBOX");
    let what = if round.is_multiple_of(2) { "+FLAGS" } else { "-FLAGS" };
    paula.ok(&format!("UID STORE 1 {what} (\\Answered Home)"));
    paula.ok(&format!("UID STORE 1 ANNOTATION (/comment (value.priv \"{round}\"))"));
    there.extend(["master", "replica", "second"].map(|side| format!("{side} {round:03}")));
    if round > 1 {
        let gone = format!("second {:03}", round - 1);
        let found = paula.ok(&format!("UID SEARCH SUBJECT \"{gone}\"")).lines().join(" ");
        let uid = found.split_whitespace().rfind(|word| word.parse::<u32>().is_ok());
        let uid = uid.unwrap_or_else(|| panic!("{gone} is not there: {found}"));
        paula.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
        paula.ok(&format!("UID EXPUNGE {uid}"));
        there.retain(|subject| *subject != gone);
    }
    there.sort();
}

/// Runs the client and kills it before its write with this number. With `None` it counts the
/// writes.
fn killed_at(lab: &Lab, write: Option<usize>) -> (Run, Option<usize>) {
    let client = program(&lab.master, "sync_client");
    let shim = program(&lab.master, "die_at.so");
    let count = lab.master.scratch().join("writes");
    let _ = fs::remove_file(&count);
    let mut command = lab.master.command(client);
    let preloaded = command
        .get_envs()
        .find(|(name, _)| *name == "LD_PRELOAD")
        .and_then(|(_, value)| value.map(|value| value.to_string_lossy().into_owned()));
    command.env("LD_PRELOAD", format!("{}:{}", preloaded.unwrap_or_default(), shim.display()));
    command.env("DIE_COUNT", &count);
    if let Some(write) = write {
        command.env("DIE_AT", write.to_string());
    }
    command.arg("-C").arg(lab.master.imapd_conf()).args(["-v", "-u", "paula"]);
    let run = start(&lab.master, &mut command).wait();
    let counted = fs::read_to_string(&count).ok().and_then(|text| text.trim().parse().ok());
    (run, counted)
}

#[track_caller]
fn assert_sound(lab: &Lab, what: &str) {
    for cyrus in [&lab.master, &lab.replica] {
        let pattern = cyrus.admin_name("user.*");
        let name = cyrus.name();
        assert_eq!(tools::reconstruct_complaints(cyrus, &pattern), [""; 0], "{name}, {what}");
        assert_eq!(tools::quota_complaints(cyrus), [""; 0], "{name}, {what}");
        let (_, found) = tools::try_run(cyrus, "ctl_conversationsdb", &["-v", "-A", "-r"]);
        assert!(found.contains(" is OK") && !found.contains("BROKEN"), "{name}: {found}, {what}");
    }
}

/// Returns whether the directory contains an interrupted update. A file whose name begins with a
/// dot was not written completely.
fn is_pending(directory: &Path) -> bool {
    let names = fs::read_dir(directory).into_iter().flatten().flatten();
    names.map(|entry| entry.file_name()).any(|name| !name.as_encoded_bytes().starts_with(b"."))
}

#[test]
fn a_repair_killed_at_any_write_is_finished_by_the_next_run() {
    let wanted = std::env::var(CRASHES).ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let lab = filled(Options { conversations: true, ..Options::default() });
    embedded(&lab, &["-A"]).ok();
    let mut there = vec!["one".to_owned(), "two".to_owned()];
    diverge(&lab, 0, &mut there);
    diverge(&lab, 1, &mut there);
    let (run, count) = killed_at(&lab, None);
    let run = run.ok();
    assert!(run.stdout.contains("MAILBOX user.paula (on the master)"), "{run}");
    let count = count.expect("the writes were counted");
    assert!(count > 20, "{count} writes");
    let step = (count / wanted).max(1);
    let pending = lab.master.config_dir().join("cyrsync/pending");
    let (mut caught, mut finished) = (0, false);
    for (round, write) in (1..=count).step_by(step).enumerate() {
        diverge(&lab, round + 2, &mut there);
        let what = format!("killed at write {write} of {count}");
        let (run, _) = killed_at(&lab, Some(write));
        if run.status.signal() == Some(libc::SIGKILL) {
            caught += 1;
        } else {
            assert!(run.status.success(), "{what}: {run}");
        }
        // The first run that must finish an interrupted update runs under valgrind.
        let run = match is_pending(&pending) {
            true if !finished => under_valgrind(&lab, &["-v", "-u", "paula"]).ok(),
            _ => embedded(&lab, &["-v", "-u", "paula"]).ok(),
        };
        finished |= run.log.contains("an interrupted update of user.paula was completed");
        // The CRCs are equal, so another run finds nothing to do. They do not cover messages that
        // are expunged on both sides.
        let again = embedded(&lab, &["-v", "-u", "paula"]).ok();
        assert!(!again.stdout.contains("MAILBOX "), "{what}: {again}");
        for cyrus in [&lab.master, &lab.replica] {
            assert_eq!(subjects(cyrus, "paula"), there, "{}, {what}: {run}", cyrus.name());
        }
        assert_sound(&lab, &what);
    }
    assert!(finished, "no update was broken off");
    assert!(caught * 2 > wanted.min(count), "{caught} of {wanted} were killed");
}

#[test]
fn an_unreadable_file_of_an_interrupted_update_is_kept_and_reported() {
    let lab = Lab::default();
    Imap::admin(&lab.master).ok("CREATE user.paula");
    let pending = lab.master.config_dir().join("cyrsync/pending");
    fs::create_dir_all(&pending).expect("own directory");
    let file = pending.join("some-uniqueid");
    fs::write(&file, "user.paula\n7 0123").expect("own directory");
    let run = embedded(&lab, &["-u", "paula"]).ok();
    assert!(run.log.contains("some-uniqueid cannot be read"), "{run}");
    assert!(file.exists(), "{run}");
}

/// Writes the file of an update of a mailbox that was interrupted before it expunged anything.
/// Returns its path.
pub fn interrupted(lab: &Lab, mailbox: &str) -> PathBuf {
    let pending = lab.master.config_dir().join("cyrsync/pending");
    fs::create_dir_all(&pending).expect("own directory");
    let file = pending.join(full(lab, mailbox).str("UNIQUEID"));
    fs::write(&file, format!("{mailbox}\n.\n")).expect("own directory");
    // The cyrus user removes the file later.
    let owner = fs::metadata(lab.master.config_dir()).expect("it is there");
    chown(&pending, Some(owner.uid()), Some(owner.gid())).expect("tests run as root");
    file
}

#[test]
fn a_damaged_mailbox_beside_an_interrupted_update_does_not_end_the_process() {
    let lab = filled(Options { conversations: true, ..Options::default() });
    Imap::admin(&lab.master).ok("CREATE user.paula.Work");
    append(&lab.master, "paula", "INBOX.Work", "hard work");
    let file = interrupted(&lab, "user.paula");
    damage(&places::place(&lab.master, "user.paula.Work").meta.join("cyrus.index"));
    let run = embedded(&lab, &["-v", "-u", "paula"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.log.contains("update of user.paula was completed only in part"), "{run}");
    assert!(file.exists(), "{run}");
    assert_eq!(subjects(&lab.replica, "paula"), ["one", "two"]);
}

#[test]
fn an_interrupted_update_keeps_the_usage_of_a_domains_quota() {
    let lab = Lab::new(Options {
        virtdomains: true,
        users: vec!["anna@example.org".to_owned(), "bert@example.org".to_owned()],
        ..Options::default()
    });
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETQUOTA @example.org (MESSAGE 100)");
    for user in ["anna", "bert"] {
        admin.ok(&format!("CREATE user.{user}@example.org"));
        append(&lab.master, &format!("{user}@example.org"), "INBOX", "hello");
    }
    let mut used = || admin.ok("GETQUOTA @example.org").lines().join(" ");
    let before = used();
    assert!(before.contains("MESSAGE 2 100"), "{before}");
    let file = interrupted(&lab, "example.org!user.anna");
    let run = embedded(&lab, &["-u", "anna@example.org"]).ok();
    assert!(run.log.contains("update of example.org!user.anna was completed"), "{run}");
    assert!(!file.exists(), "{run}");
    assert_eq!(used(), before, "{run}");
}
