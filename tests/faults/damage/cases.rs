//! Regression tests: one for each bug that a seed has found.

use std::fs;

use cyrsync_lab::{Imap, Lab, Run, places, sync_client};

use super::facts::{Facts, Oracle};

/// Starts a lab with the users anna and zoe. Each has a folder, a subscription, a quota and
/// annotations, all replicated, and then receives one more message.
fn lab() -> Lab {
    let lab = Lab::default();
    let mut admin = Imap::admin(&lab.master);
    for user in ["anna", "zoe"] {
        admin.ok(&format!("CREATE user.{user}"));
        admin.ok(&format!("CREATE user.{user}.Sent"));
        assert!(admin.set_quota(&format!("user.{user}"), "STORAGE 9000").is_ok());
        let mut imap = Imap::login(&lab.master, user);
        imap.ok("SUBSCRIBE INBOX.Sent");
        assert!(imap.set_metadata("INBOX", "/shared/comment", Some(b"one")).is_ok());
    }
    ours(&lab).ok();
    for user in ["anna", "zoe"] {
        let mut imap = Imap::login(&lab.master, user);
        assert!(imap.append("INBOX", "", b"Subject: new\r\n\r\nnew\r\n").is_ok());
    }
    lab
}

fn ours(lab: &Lab) -> Run {
    sync_client(env!("CARGO_BIN_EXE_sync_client"), &lab.master, &["-v", "-A"])
}

fn has_new_message(facts: &Facts, inbox: &str) -> bool {
    let state = facts.values().find(|state| state.contains(&format!("MBOXNAME {inbox} ")));
    state.unwrap_or_else(|| panic!("no {inbox}: {facts:#?}")).contains("LAST_UID 1 ")
}

/// Asserts that every fact from before still exists.
#[track_caller]
fn assert_kept(before: &Facts, after: &Facts) {
    let lost: Vec<&String> = before.keys().filter(|fact| !after.contains_key(*fact)).collect();
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn a_lost_list_of_mailboxes_is_an_error_and_deletes_nothing() {
    for empty in [false, true] {
        let lab = lab();
        let mut oracle = Oracle::new(&lab.replica);
        let before = oracle.user("anna");
        let path = lab.master.config_dir().join("mailboxes.db");
        match empty {
            true => fs::write(&path, "").expect("own file"),
            false => fs::remove_file(&path).expect("own file"),
        }
        let run = ours(&lab);
        assert_eq!(run.status.code(), Some(1), "{run}");
        assert!(run.stderr.contains(&path.display().to_string()), "{run}");
        assert!(run.stderr.contains("hint: "), "{run}");
        assert_eq!(oracle.user("anna"), before, "{run}");
    }
}

#[test]
fn entries_after_a_damaged_entry_of_mailboxes_db_are_replicated() {
    let mut lab = lab();
    lab.master.stop_server();
    let mut oracle = Oracle::new(&lab.replica);
    let before = oracle.user("anna");
    let path = lab.master.config_dir().join("mailboxes.db");
    let mut bytes = fs::read(&path).expect("own file");
    // Damage the last record of this key, because earlier records of the key are obsolete.
    let key = b"Nuser\x1fanna\x1fSent%(";
    let at = bytes.windows(key.len()).rposition(|found| found == key).expect("the entry");
    bytes[at + key.len()] ^= 1;
    fs::write(&path, bytes).expect("own file");
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("mailboxes.db"), "{run}");
    let (anna, zoe) = (oracle.user("anna"), oracle.user("zoe"));
    assert!(has_new_message(&zoe, "user.zoe"), "{run}");
    assert!(has_new_message(&anna, "user.anna"), "{run}");
    assert_kept(&before, &anna);
}

#[test]
fn lost_annotations_and_quotas_are_not_deleted_on_the_replica() {
    let mut lab = lab();
    lab.master.stop_server();
    let mut oracle = Oracle::new(&lab.replica);
    let before = oracle.user("anna");
    let notes = lab.master.config_dir().join("annotations.db");
    let saved = fs::read(&notes).expect("own file");
    fs::remove_file(&notes).expect("own file");
    let quota = lab.master.config_dir().join("quota/a/user.anna");
    fs::remove_file(&quota).expect("own file");
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("annotations.db"), "{run}");
    assert_kept(&before, &oracle.user("anna"));
    // Restore the annotations. Only anna's quota is still damaged, and everything else is
    // replicated.
    fs::write(&notes, saved).expect("own file");
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("quota -f"), "{run}");
    let anna = oracle.user("anna");
    assert_kept(&before, &anna);
    assert!(has_new_message(&anna, "user.anna"), "{run}");
    assert!(has_new_message(&oracle.user("zoe"), "user.zoe"), "{run}");
}

#[test]
fn a_fifo_in_place_of_a_file_does_not_block() {
    let mut lab = lab();
    lab.master.stop_server();
    let mut oracle = Oracle::new(&lab.replica);
    let before = oracle.user("anna");
    let index = places::place(&lab.master, "user.anna.Sent").meta.join("cyrus.index");
    fs::remove_file(&index).expect("own file");
    let made = std::process::Command::new("mkfifo").args(["-m", "666"]).arg(&index).status();
    assert!(made.is_ok_and(|status| status.success()));
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains(&index.display().to_string()), "{run}");
    assert!(run.stderr.contains("not a regular file"), "{run}");
    let anna = oracle.user("anna");
    assert_kept(&before, &anna);
    assert!(has_new_message(&anna, "user.anna"), "{run}");
}
