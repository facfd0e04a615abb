//! Tests a replica that refuses to rename or delete one folder of a user. Only this folder may
//! fail, and the user's other folders must be replicated.

use cyrsync_lab::{Imap, Lab, tools};

use crate::common::{
    Holder, append, create, differing, errors, ours, replicate, replicate_as_cyrus_would,
};

const FOLDERS: [&str; 4] = ["a", "b", "c", "d"];

/// Starts a lab with equal servers. fred has four folders with messages, anna has only an INBOX.
fn fred() -> Lab {
    let lab = Lab::default();
    create(&lab.master, &["user.anna", "user.fred"]);
    for folder in FOLDERS {
        create(&lab.master, &[&format!("user.fred.{folder}")]);
    }
    mail(&lab, "first", &FOLDERS);
    replicate(&lab, &["-A"]);
    lab
}

/// Appends a message to the INBOX and to each of these folders of fred.
fn mail(lab: &Lab, when: &str, folders: &[&str]) {
    let mut imap = Imap::login(&lab.master, "fred");
    append(&mut imap, "INBOX", &format!("{when} in INBOX"));
    for folder in folders {
        append(&mut imap, &format!("INBOX.{folder}"), &format!("{when} in {folder}"));
    }
}

#[test]
fn a_refused_rename_does_not_stop_other_folders() {
    let mut lab = fred();
    // Remove the partition from the replica to which two folders move. One of them is also renamed.
    lab.replica.stop_server();
    lab.replica.set_config("partition-second", None);
    lab.replica.start_server();
    let mut admin = Imap::admin(&lab.master);
    admin.ok("RENAME user.fred.a user.fred.a second");
    let mut imap = Imap::login(&lab.master, "fred");
    imap.ok("RENAME INBOX.b INBOX.renamed");
    imap.ok("DELETE INBOX.c");
    imap.ok("CREATE INBOX.new");
    imap.ok("SUBSCRIBE INBOX.new");
    mail(&lab, "later", &["d", "renamed", "new"]);
    for _ in 0..2 {
        let run = ours(&lab, &["-v", "-A"]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        let about: Vec<_> = errors(&run)
            .into_iter()
            .filter(|l| l.contains("update failed: user.fred.a "))
            .collect();
        assert_eq!(about.len(), 1, "{run}");
        for word in ["user.fred.a", "second", "hint: "] {
            assert!(about[0].contains(word), "{word}: {run}");
            assert!(run.stderr.contains(word), "{word}: {run}");
        }
        let refused = errors(&run).iter().filter(|l| l.contains("RENAME received NO")).count();
        assert_eq!(refused, 1, "asked once a run: {run}");
        let left = differing(&lab);
        let other = |path: &&String| !path.contains("user.fred.a") && !path.contains(" I ");
        let others: Vec<_> = left.iter().filter(other).collect();
        assert!(others.is_empty(), "{others:#?}\n{run}");
    }
    lab.replica.stop_server();
    let second = lab.replica.partition_dir("second").display().to_string();
    lab.replica.set_config("partition-second", Some(&second));
    lab.replica.start_server();
    replicate_as_cyrus_would(&lab, &["-A"]);
}

#[test]
fn folders_that_exchange_names_are_replicated_beside_a_refused_move() {
    let mut lab = fred();
    lab.replica.stop_server();
    lab.replica.set_config("partition-second", None);
    lab.replica.start_server();
    // Folder a moves to the missing partition, b gets its name, and c and d exchange their names.
    Imap::admin(&lab.master).ok("RENAME user.fred.a user.fred.a second");
    let mut imap = Imap::login(&lab.master, "fred");
    for (from, to) in [("a", "moved"), ("b", "a"), ("c", "tmp"), ("d", "c"), ("tmp", "d")] {
        imap.ok(&format!("RENAME INBOX.{from} INBOX.{to}"));
    }
    mail(&lab, "later", &["a", "c", "d"]);
    let run = ours(&lab, &["-v", "-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let failed: Vec<_> =
        errors(&run).into_iter().filter(|line| line.contains("update failed: ")).collect();
    assert_eq!(failed.len(), 1, "{run}");
    assert!(failed[0].contains("update failed: user.fred.moved "), "{run}");
    let left = differing(&lab);
    let others: Vec<_> =
        left.iter().filter(|p| !p.contains("user.fred.moved") && !p.contains(" I ")).collect();
    assert!(others.is_empty(), "{others:#?}\n{run}");
    lab.replica.stop_server();
    let second = lab.replica.partition_dir("second").display().to_string();
    lab.replica.set_config("partition-second", Some(&second));
    lab.replica.start_server();
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
}

#[test]
fn only_a_folder_moved_to_a_locked_owner_waits() {
    let lab = fred();
    Imap::admin(&lab.master).ok("RENAME user.fred.a user.anna.a");
    mail(&lab, "later", &["b"]);
    let holder = Holder::of(&lab, "*S*127^0^0^1*anna.lock");
    let run = ours(&lab, &["-v", "-N", "-A"]);
    assert!(run.stdout.contains("MAILBOX user.fred.b\n"), "{run}");
    assert!(!run.stdout.contains("RENAME"), "{run}");
    let run = ours(&lab, &["-v", "-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("user.fred.a") || run.stderr.contains("user.anna.a"), "{run}");
    let left = differing(&lab);
    assert!(
        left.iter().all(|path| path.contains(".a") || path.contains(" I ")),
        "{left:#?}\n{run}"
    );
    drop(holder);
    replicate(&lab, &["-A"]);
}

#[test]
fn an_unreadable_entry_stops_no_other_mailbox_of_a_log() {
    let lab = fred();
    create(&lab.master, &["lists", "lists.one", "lists.two"]);
    let mut admin = Imap::admin(&lab.master);
    for list in ["lists.one", "lists.two"] {
        admin.ok(&format!("SETACL {list} admin lrswipkxtecda"));
        append(&mut admin, list, "to the list");
    }
    replicate(&lab, &["-A"]);
    append(&mut admin, "lists.two", "later");
    mail(&lab, "later", &["b"]);
    let intact = tools::dump(&lab.master, "mailboxes.db", "twoskip");
    let key = "Nlists\u{1f}one";
    tools::set_record(&lab.master, "mailboxes.db", key, "%(T ? torn");
    let log = lab.master.scratch().join("log");
    let lines = "MAILBOX lists.one\nMAILBOX lists.two\nMAILBOX user.fred.b\nMAILBOX user.fred\n";
    std::fs::write(&log, lines).expect("own file");
    let run = ours(&lab, &["-v", "-r", "-f", &log.display().to_string()]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("lists.one"), "{run}");
    for done in ["MAILBOX lists.two\n", "MAILBOX user.fred.b\n", "MAILBOX user.fred\n"] {
        assert!(run.stdout.contains(done), "{done}: {run}");
    }
    let (_, value) = intact.iter().find(|(k, _)| k == key).expect("the record");
    tools::set_record(&lab.master, "mailboxes.db", key, value);
    replicate(&lab, &["-A"]);
}
