//! Tests folders that were copied together with their cyrus.header, so that two mailboxes have the
//! same uniqueid. Only the copy may fail; the original must stay unchanged on the replica.

use std::process::Command;

use cyrsync_lab::trees::is_before;
use cyrsync_lab::{Imap, Lab, Options, Run, Value, places, tools};

use crate::common::{append, assert_idle, create, differing, errors, ours, replicate, uniqueid};

/// Starts a lab whose master has directories named by name, with the user u1, who has a folder
/// `orig` and mail, the user u2, and shared mailboxes.
fn lab() -> Lab {
    let lab = Lab::new(Options {
        master_conf: "mailbox_legacy_dirs: yes\n".into(),
        ..Options::default()
    });
    create(
        &lab.master,
        &["user.u1", "user.u1.orig", "user.u1.rest", "user.u2", "lists", "lists.a"],
    );
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETACL lists.a admin lrswipkxtecda");
    append(&mut admin, "lists.a", "to the list");
    let mut u1 = Imap::login(&lab.master, "u1");
    for mailbox in ["INBOX", "INBOX.orig", "INBOX.rest"] {
        append(&mut u1, mailbox, &format!("first in {mailbox}"));
    }
    lab
}

/// Like [`lab`], with equal servers.
fn replicated() -> Lab {
    let lab = lab();
    replicate(&lab, &["-A"]);
    lab
}

/// Restores a folder under another name, as an administrator would: copies its directory and runs
/// `reconstruct`.
#[track_caller]
fn restore(lab: &Lab, from: &str, below: &str, name: &str) {
    let to = places::place(&lab.master, below).data.join(name);
    let from = places::place(&lab.master, from).data;
    let copied = Command::new("cp").arg("-a").args([&from, &to]).status().expect("cp runs");
    assert!(copied.success());
    // `reconstruct` reports the uniqueid as an error, but adds the mailbox to mailboxes.db.
    tools::try_run(&lab.master, "reconstruct", &["-f", "-r", below]);
    let copy = format!("{below}.{name}");
    let found = tools::dump(&lab.master, "mailboxes.db", "twoskip");
    assert!(found.iter().any(|(key, _)| *key == key_of(&copy)), "{copy}: {found:#?}");
}

/// Like [`restore`], for a shared mailbox `lists.NAME`, which `reconstruct -f` does not find.
#[track_caller]
fn restore_shared(lab: &Lab, from: &str, name: &str) {
    let from = places::place(&lab.master, from).data;
    let spool = lab.master.partition_dir("default");
    let to = spool.join(&name[..1]).join("lists").join(name);
    let owner = "--reference=".to_owned() + &from.display().to_string();
    for (program, args) in [
        ("mkdir", vec!["-p".into(), to.display().to_string()]),
        ("cp", vec!["-aT".into(), from.display().to_string(), to.display().to_string()]),
        ("chown", vec![owner, to.parent().expect("a parent").display().to_string()]),
    ] {
        assert!(Command::new(program).args(args).status().expect("it runs").success());
    }
    let key = key_of(&format!("lists.{name}"));
    let entry = "%(T el P default M 1 A %(anyone lrs))";
    tools::set_record(&lab.master, "mailboxes.db", &key, entry);
}

/// Returns the key of a mailbox in mailboxes.db.
fn key_of(internal: &str) -> String {
    format!("N{}", internal.replace('.', "\u{1f}"))
}

/// Copies the original's record by name to the copy. Then makes the record by uniqueid name the
/// copy, as after a change of the copy's rights.
fn make_equal(lab: &Lab, original: &str, copy: &str) {
    let id = uniqueid(&lab.replica, original);
    let records = tools::dump(&lab.master, "mailboxes.db", "twoskip");
    let value = |key: &str| records.iter().find(|(k, _)| k == key).expect("a record").1.clone();
    let by_name = value(&key_of(original));
    tools::set_record(&lab.master, "mailboxes.db", &key_of(copy), &by_name);
    let by_id = value(&format!("I{id}"));
    let named = |name: &str| format!("N {} ", name.replace('.', "\u{1f}"));
    let history =
        |name: &str| format!("H (%(N {} P default V 1 C 1 F 1 M 1)))", name.replace('.', "\u{1f}"));
    let by_id = by_id.replace(&named(original), &named(copy)).replace("H ())", &history(original));
    assert!(by_id.contains("P default V 1 "), "{by_id}");
    tools::set_record(&lab.master, "mailboxes.db", &format!("I{id}"), &by_id);
}

/// Asserts that a run failed only for this copy, and reported it once with both names and a hint.
#[track_caller]
fn fails_alone(run: &Run, copy: &str, original: &str) {
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(!run.stdout.contains("RENAME"), "{run}");
    assert!(!run.stdout.contains("FULLMAILBOX"), "{run}");
    let about: Vec<_> =
        errors(run).into_iter().filter(|line| line.contains("update failed: ")).collect();
    assert_eq!(about.len(), 1, "{run}");
    for word in [copy, original, "uniqueid", "hint: "] {
        assert!(about[0].contains(word), "{word}: {run}");
        assert!(run.stderr.contains(word), "{word}: {run}");
    }
}

/// Asserts that only the copy differs.
#[track_caller]
fn only_differs(lab: &Lab, copy: &str) {
    // The comparison runs without the copy, because Cyrus's sync_server aborts at a mailbox without
    // a uniqueid.
    let mut others = others(lab, copy);
    // On the master, the record by uniqueid may name the copy, which the replica does not have.
    others.retain(|path| !(path.starts_with("mailboxes.db I ") && path.ends_with([' ', 'N', 'H'])));
    assert_eq!(others, [""; 0]);
}

fn others(lab: &Lab, copy: &str) -> Vec<String> {
    let key = key_of(copy);
    let records = tools::dump(&lab.master, "mailboxes.db", "twoskip");
    let (_, value) = records.iter().find(|(k, _)| *k == key).expect("the copy's record");
    // Remove the copy's record during the comparison.
    let path = lab.master.config_dir().join("mailboxes.db").display().to_string();
    tools::run(&lab.master, "cyr_dbtool", &[&path, "twoskip", "delete", &key]);
    let differing = differing(lab);
    tools::set_record(&lab.master, "mailboxes.db", &key, value);
    differing
}

/// Returns the master's mailboxes.db and the index of a mailbox.
fn untouched(lab: &Lab, mailbox: &str) -> (Vec<(String, String)>, Vec<u8>) {
    let index = places::place(&lab.master, mailbox).data.join("cyrus.index");
    let records = tools::dump(&lab.master, "mailboxes.db", "twoskip");
    (records, std::fs::read(index).expect("an index"))
}

#[test]
fn a_folder_restored_below_another_user_leaves_the_original_unchanged() {
    if !is_before((3, 10), "reconstruct gives a restored folder another uniqueid") {
        return;
    }
    let lab = replicated();
    restore(&lab, "user.u1.orig", "user.u2", "restored");
    let before = untouched(&lab, "user.u1.orig");
    for _ in 0..3 {
        let run = ours(&lab, &["-v", "-A"]);
        fails_alone(&run, "user.u2.restored", "user.u1.orig");
        only_differs(&lab, "user.u2.restored");
        assert_eq!(untouched(&lab, "user.u1.orig"), before);
    }
    // Name the copy on the command line, then its user, then both mailboxes in a log.
    let run = ours(&lab, &["-v", "-m", "user.u2.restored"]);
    fails_alone(&run, "user.u2.restored", "user.u1.orig");
    fails_alone(&ours(&lab, &["-v", "-u", "u2"]), "user.u2.restored", "user.u1.orig");
    let log = lab.master.scratch().join("log");
    std::fs::write(&log, "MAILBOX user.u2.restored\nRENAME user.u1.orig user.u2.restored\n")
        .expect("own file");
    let run = ours(&lab, &["-v", "-r", "-f", &log.display().to_string()]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(!run.stdout.contains("RENAME user"), "{run}");
    // Mail for the original, and all other data of both users, must still be replicated.
    append(&mut Imap::login(&lab.master, "u1"), "INBOX.orig", "later");
    Imap::login(&lab.master, "u2").ok("SUBSCRIBE INBOX");
    fails_alone(&ours(&lab, &["-v", "-A"]), "user.u2.restored", "user.u1.orig");
    only_differs(&lab, "user.u2.restored");

    // Follow the hint: give the copy a new uniqueid.
    tools::run(&lab.master, "mbtool", &["-r", "user.u2.restored"]);
    tools::run(&lab.master, "reconstruct", &["user.u2.restored"]);
    // The copy's entry on the master has no time of creation and no time of the last change. The
    // replica sets both. The second run copies the time of the last change to the master.
    for _ in 0..2 {
        ours(&lab, &["-v", "-A"]).ok();
    }
    let left = differing(&lab);
    assert!(
        left.iter().all(|path| path.starts_with("mailboxes.db ") && path.ends_with(" C")),
        "{left:?}"
    );
    assert_idle(&lab, &["-A"]);
}

#[test]
fn only_the_copy_of_a_users_folder_fails_and_nothing_is_renamed() {
    if !is_before((3, 10), "reconstruct gives a restored folder another uniqueid") {
        return;
    }
    for record_names_the_copy in [false, true] {
        let lab = replicated();
        restore(&lab, "user.u1.orig", "user.u1", "copy");
        if record_names_the_copy {
            make_equal(&lab, "user.u1.orig", "user.u1.copy");
        }
        let mut u1 = Imap::login(&lab.master, "u1");
        for round in 0..3 {
            append(&mut u1, "INBOX.rest", &format!("round {round}"));
            append(&mut u1, "INBOX.orig", &format!("round {round}"));
            let run = ours(&lab, &["-v", "-A"]);
            fails_alone(&run, "user.u1.copy", "user.u1.orig");
            only_differs(&lab, "user.u1.copy");
        }
        // The owner renames the original. The replica must rename it too.
        u1.ok("RENAME INBOX.orig INBOX.renamed");
        let run = ours(&lab, &["-v", "-u", "u1"]);
        assert!(run.stdout.contains("RENAME user.u1.orig -> user.u1.renamed (default)\n"), "{run}");
        assert_eq!(run.status.code(), Some(1), "{run}");
        only_differs(&lab, "user.u1.copy");
    }
}

#[test]
fn if_the_replica_has_neither_mailbox_the_record_by_uniqueid_decides() {
    for user in ["u1", "u2"] {
        let lab = lab();
        // Replicate once, so that the replica can report the uniqueid. Then remove the mailbox
        // there.
        replicate(&lab, &["-A"]);
        let copy = format!("user.{user}.copy");
        restore(&lab, "user.u1.orig", &format!("user.{user}"), "copy");
        make_equal(&lab, "user.u1.orig", &copy);
        Imap::admin(&lab.replica).ok("SETACL user.u1.orig admin lrswipkxtecda");
        let gone = lab.replica.config_dir().join("mailboxes.db").display().to_string();
        for key in [key_of("user.u1.orig"), format!("I{}", uniqueid(&lab.replica, "user.u1.orig"))]
        {
            tools::run(&lab.replica, "cyr_dbtool", &[&gone, "twoskip", "delete", &key]);
        }
        let run = ours(&lab, &["-v", "-A"]);
        fails_alone(&run, "user.u1.orig", &copy);
        assert!(run.stdout.contains(&format!("MAILBOX {copy}\n")), "{run}");
        let run = ours(&lab, &["-v", "-A"]);
        fails_alone(&run, "user.u1.orig", &copy);
    }
}

#[test]
fn two_inboxes_with_one_uniqueid_lose_no_folders() {
    if !is_before((3, 10), "reconstruct gives a restored folder another uniqueid") {
        return;
    }
    let lab = replicated();
    create(&lab.master, &["user.u3", "user.u3.own"]);
    replicate(&lab, &["-A"]);
    // Give the INBOX of u3 the uniqueid of u1's, as if u1 had been restored under the name u3.
    let records = tools::dump(&lab.master, "mailboxes.db", "twoskip");
    let by_name = |name: &str| {
        let found = records.iter().find(|(key, _)| *key == key_of(name));
        found.expect("a record").1.clone()
    };
    restore(&lab, "user.u1.orig", "user.u3", "orig");
    tools::set_record(&lab.master, "mailboxes.db", &key_of("user.u3"), &by_name("user.u1"));
    append(&mut Imap::login(&lab.master, "u1"), "INBOX.orig", "later");
    for _ in 0..2 {
        let run = ours(&lab, &["-v", "-A"]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        assert!(!run.stdout.contains("RENAME") && !run.stdout.contains("UNMAILBOX"), "{run}");
        for (copy, original) in [("user.u3", "user.u1"), ("user.u3.orig", "user.u1.orig")] {
            let reported = |line: &String| {
                line.contains(&format!("update failed: {copy} '")) && line.contains(original)
            };
            assert_eq!(
                errors(&run).iter().filter(|line| reported(line)).count(),
                1,
                "{copy}: {run}"
            );
        }
        let others: Vec<_> = others(&lab, "user.u3.orig")
            .into_iter()
            .filter(|path| !path.contains("user.u3"))
            .collect();
        assert_eq!(others, [""; 0]);
    }
    // The data of one user must not be replicated as the other user's.
    let run = ours(&lab, &["-v", "-s", "u3"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("user.u1"), "{run}");
    ours(&lab, &["-s", "u1"]).ok();
}

#[test]
fn shared_mailboxes_and_deleted_ones_keep_their_uniqueids_too() {
    if !is_before((3, 10), "reconstruct gives a restored folder another uniqueid") {
        return;
    }
    let lab = replicated();
    restore_shared(&lab, "lists.a", "copy");
    restore(&lab, "user.u1.rest", "user.u2", "copy");
    let run = ours(&lab, &["-v", "-m", "lists.a", "lists.copy"]);
    fails_alone(&run, "lists.copy", "lists.a");
    let mut u1 = Imap::login(&lab.master, "u1");
    append(&mut u1, "INBOX.orig", "later");
    u1.ok("DELETE INBOX.rest");
    for _ in 0..2 {
        let run = ours(&lab, &["-v", "-A"]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        assert!(!run.stdout.contains("-> user.u2"), "{run}");
        assert!(!run.stdout.contains("-> lists"), "{run}");
    }
    let there = tools::mailbox_names(&lab.replica);
    assert!(there.iter().any(|name| name.starts_with("DELETED.user.u1.rest.")), "{there:?}");
    assert!(!there.iter().any(|name| name.ends_with("copy")), "{there:?}");
    let mut server = cyrsync_lab::SyncServer::spawn(&lab.replica);
    let orig = server.get("MAILBOXES", &Value::texts(["user.u1.orig"])).ok();
    assert_eq!(orig[0].1.str("LAST_UID"), "2");
}
