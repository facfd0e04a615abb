//! Tests quota roots at, below and above the mailboxes to which they apply, with every resource.
//! Roots are set, changed and removed between runs.

use std::fs;

use cyrsync_lab::{Cyrus, Imap, Lab, SyncServer, Value, tools};

use crate::common::{
    actions, append, assert_equal, assert_idle, create, ours, replicate, replicate_as_cyrus_would,
};

const ALL: &str = "(STORAGE 1000 MESSAGE 200 X-ANNOTATION-STORAGE 30 X-NUM-FOLDERS 40)";

/// Returns limits and use of a quota root as the administrator sees them.
fn quota(cyrus: &Cyrus, root: &str) -> String {
    let answer = Imap::admin(cyrus).command(&format!("GETQUOTA {root}"));
    answer.lines().into_iter().find(|line| line.starts_with("QUOTA")).unwrap_or_default()
}

#[track_caller]
fn books_agree(lab: &Lab) {
    for server in [&lab.master, &lab.replica] {
        assert_eq!(tools::quota_complaints(server), [""; 0], "{}", server.name());
    }
}

/// Removes a quota root completely. No IMAP command does this while mailboxes exist below the root.
fn remove(cyrus: &Cyrus, root: &str) {
    SyncServer::spawn(cyrus).apply("UNQUOTA", &Value::text(root)).ok();
}

#[test]
fn quota_roots_of_users_are_set_changed_and_removed() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.Sent", "user.fred.Sent.2023", "user.anna"]);
    let mut fred = Imap::login(&lab.master, "fred");
    append(&mut fred, "INBOX.Sent.2023", "one");
    assert!(fred.set_metadata("INBOX.Sent", "/shared/comment", Some(b"counted")).is_ok());
    let mut admin = Imap::admin(&lab.master);
    admin.ok(&format!("SETQUOTA user.fred {ALL}"));
    admin.ok("SETQUOTA user.fred.Sent (MESSAGE 7)");
    // anna's limit is 0, and two of her limits are missing. This must also be replicated.
    admin.ok("SETQUOTA user.anna (STORAGE 0)");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred", "anna"]);
    let quotas: Vec<&String> = done.iter().filter(|l| l.starts_with("QUOTA ")).collect();
    assert_eq!(quotas, ["QUOTA user.fred", "QUOTA user.fred.Sent", "QUOTA user.anna"]);
    for root in ["user.fred", "user.fred.Sent", "user.anna"] {
        assert_eq!(quota(&lab.replica, root), quota(&lab.master, root));
        assert!(!quota(&lab.replica, root).is_empty(), "{root}");
    }

    admin.ok("SETQUOTA user.fred (STORAGE 1000 X-NUM-FOLDERS 41)");
    assert_eq!(replicate(&lab, &["-u", "fred"]), ["USER fred", "QUOTA user.fred"]);
    admin.ok("SETQUOTA user.fred.Sent ()");
    admin.ok("SETQUOTA user.anna (STORAGE 4000000)");
    replicate_as_cyrus_would(&lab, &["-A"]);

    // A new root replaces the root above for the mailboxes below the new one. Then both are
    // removed.
    admin.ok("SETQUOTA user.fred.Sent.2023 (STORAGE 5)");
    append(&mut fred, "INBOX.Sent.2023", "two");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    assert!(done.contains(&"QUOTA user.fred.Sent.2023".to_owned()), "{done:#?}");
    books_agree(&lab);
    remove(&lab.master, "user.fred.Sent.2023");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    assert!(done.contains(&"UNQUOTA user.fred.Sent.2023".to_owned()), "{done:#?}");

    // A root above all users applies to users without a root of their own.
    create(&lab.master, &["user.zoe"]);
    let limits = [("ROOT", "user"), ("LIMIT", "9000"), ("STORAGE", "9000")];
    let limits = Value::keyed(limits.map(|(key, value)| (key, Value::text(value))));
    SyncServer::spawn(&lab.master).apply("QUOTA", &limits).ok();
    let done = replicate_as_cyrus_would(&lab, &["-u", "zoe"]);
    assert!(done.contains(&"QUOTA user".to_owned()), "{done:#?}");
    assert_eq!(quota(&lab.replica, "user"), quota(&lab.master, "user"));
    remove(&lab.master, "user");
    let done = replicate_as_cyrus_would(&lab, &["-u", "zoe"]);
    assert!(done.contains(&"UNQUOTA user".to_owned()), "{done:#?}");
}

/// Returns the limit of storage of a quota root as sync_server reports it. IMAP does not show a root
/// without a mailbox of its name.
fn storage(cyrus: &Cyrus, root: &str) -> String {
    let items = SyncServer::spawn(cyrus).get("QUOTA", &Value::text(root)).ok();
    items.iter().map(|(_, quota)| quota.str("STORAGE").to_owned()).collect()
}

/// The record of a quota root may be lost: the file was emptied by a crash, or the directory is not
/// mounted. The header of the mailbox then still has the root. Cyrus removes it from there before it
/// deletes a root.
#[test]
fn a_log_entry_of_a_quota_root_whose_record_is_lost_deletes_nothing_on_the_replica() {
    const ROOTS: [&str; 2] = ["user.fred", "user"];
    let lab = Lab::default();
    create(&lab.master, &["user.anna", "user.fred"]);
    // There is no mailbox `user`. The root is in the headers of the mailboxes below.
    let limits = [("ROOT", "user"), ("LIMIT", "9000"), ("STORAGE", "9000")];
    let limits = Value::keyed(limits.map(|(key, value)| (key, Value::text(value))));
    SyncServer::spawn(&lab.master).apply("QUOTA", &limits).ok();
    Imap::admin(&lab.master).ok("SETQUOTA user.fred (STORAGE 5000)");
    replicate(&lab, &["-A"]);
    assert_eq!(ROOTS.map(|root| storage(&lab.replica, root)), ["5000", "9000"]);
    for letter in fs::read_dir(lab.master.config_dir().join("quota")).expect("it exists").flatten()
    {
        for file in fs::read_dir(letter.path()).expect("a directory of a letter").flatten() {
            fs::write(file.path(), "").expect("own file");
        }
    }
    let log = lab.master.scratch().join("by-hand");
    fs::write(&log, "QUOTA user.fred\nQUOTA user\n").expect("own file");
    let run = ours(&lab, &["-r", "-v", "-f", log.to_str().expect("UTF-8")]);
    assert!(!run.stdout.contains("UNQUOTA"), "{run}");
    for name in ["user.fred", "user.anna"] {
        let line = format!("cyrus.header of {name} names this quota root, but it has no record");
        assert!(run.log.contains(&line), "{name}: {run}");
    }
    assert_eq!(ROOTS.map(|root| storage(&lab.replica, root)), ["5000", "9000"]);
}

#[test]
fn quota_roots_above_shared_mailboxes_and_users() {
    let lab = Lab::default();
    create(&lab.master, &["lists", "lists.rust", "lists.rust.old", "user.fred"]);
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETQUOTA lists (STORAGE 100)");
    admin.ok("SETACL lists.rust anyone lrswipt");
    append(&mut Imap::login(&lab.master, "fred"), "lists.rust", "a post");
    let names = ["-m", "lists.rust", "lists", "lists.rust.old"];
    let done = actions(&lab, &names);
    assert!(done.contains(&"QUOTA lists".to_owned()), "{done:#?}");
    assert_eq!(quota(&lab.replica, "lists"), quota(&lab.master, "lists"));
    assert!(quota(&lab.replica, "lists").contains("100"));
    assert_idle(&lab, &names);
    replicate_as_cyrus_would(&lab, &["-A"]);

    admin.ok("SETQUOTA lists.rust (STORAGE 50 MESSAGE 9)");
    admin.ok("SETQUOTA lists (STORAGE 200)");
    let done = actions(&lab, &["-A"]);
    for line in ["QUOTA lists", "QUOTA lists.rust"] {
        assert!(done.iter().any(|l| l == line), "{line}: {done:#?}");
    }
    assert_equal(&lab);
    admin.ok("SETQUOTA lists.rust ()");
    replicate_as_cyrus_would(&lab, &["-A"]);
    books_agree(&lab);
    remove(&lab.master, "lists.rust");
    let done = replicate_as_cyrus_would(&lab, &["-A"]);
    assert!(done.contains(&"UNQUOTA lists.rust".to_owned()), "{done:#?}");
    // A root must disappear with its last mailbox.
    admin.ok("SETACL lists.rust.old admin lrx");
    admin.ok("DELETE lists.rust.old");
    replicate(&lab, &["-A"]);
}

/// When a root is deleted, the replica leaves its mailboxes without a root. They get the root above
/// only if that root is created afterwards.
#[test]
fn mailboxes_of_a_deleted_quota_root_get_the_new_root_above() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.Sent", "user.fred.Sent.2023"]);
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETQUOTA user.fred.Sent (MESSAGE 7)");
    replicate(&lab, &["-u", "fred"]);
    remove(&lab.master, "user.fred.Sent");
    admin.ok("SETQUOTA user.fred (MESSAGE 9)");
    let done = replicate(&lab, &["-u", "fred"]);
    let quotas: Vec<&String> = done.iter().filter(|line| line.contains("QUOTA ")).collect();
    assert_eq!(quotas, ["UNQUOTA user.fred.Sent", "QUOTA user.fred"]);
    assert_equal(&lab);
    books_agree(&lab);
}
