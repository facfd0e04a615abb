//! The embedded client is killed at its writes, one by one: the next run goes on from there.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use cyrsync_lab::run::start;
use cyrsync_lab::{Imap, Lab, Options, Run, tools};

use crate::build::program;
use crate::client::under_valgrind;
use crate::filled::{append, embedded, filled, subjects};

/// At how many of its writes it is killed; all of them for a long run.
const CRASHES: &str = "CYRSYNC_ADAPTER_CRASHES";

/// Both sides are written to, in all ways that a repair carries back: new messages under the same UIDs, flags, an
/// annotation, an expunge. Returns what must be there in the end.
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

/// Runs the client, which is killed before its write of that number, or counts its writes.
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

/// Whether an update was broken off. Files whose name begins with a dot were never complete.
fn is_pending(directory: &Path) -> bool {
    let names = fs::read_dir(directory).into_iter().flatten().flatten();
    names.map(|entry| entry.file_name()).any(|name| !name.as_encoded_bytes().starts_with(b"."))
}

#[test]
fn a_repair_that_is_killed_at_a_write_is_gone_on_with() {
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
        // The first run that has something to finish runs under valgrind.
        let run = match is_pending(&pending) {
            true if !finished => under_valgrind(&lab, &["-v", "-u", "paula"]).ok(),
            _ => embedded(&lab, &["-v", "-u", "paula"]).ok(),
        };
        finished |= run.log.contains("an update of user.paula was broken off: finished");
        // Their CRCs are equal then: of what is expunged on both sides nothing is compared.
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
fn what_is_not_readable_of_a_broken_off_update_stays_and_is_reported() {
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
