//! Quota roots: below and above the mailboxes they apply to, with every resource; they are set,
//! changed and removed between runs.

use cyrsync_lab::{Cyrus, Imap, Lab, SyncServer, Value, tools};

use crate::common::{
    actions, append, assert_equal, assert_idle, create, replicate, replicate_as_cyrus_would,
};

const ALL: &str = "(STORAGE 1000 MESSAGE 200 X-ANNOTATION-STORAGE 30 X-NUM-FOLDERS 40)";

/// Returns limits and use of a root as the administrator sees them.
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

/// Removes a root completely; no IMAP command does that while there are mailboxes below it.
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
    // A limit of 0, and a missing limit, must be replicated too.
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

    // A new root takes over the mailboxes below it from the root above; then both are removed.
    admin.ok("SETQUOTA user.fred.Sent.2023 (STORAGE 5)");
    append(&mut fred, "INBOX.Sent.2023", "two");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    assert!(done.contains(&"QUOTA user.fred.Sent.2023".to_owned()), "{done:#?}");
    books_agree(&lab);
    remove(&lab.master, "user.fred.Sent.2023");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    assert!(done.contains(&"UNQUOTA user.fred.Sent.2023".to_owned()), "{done:#?}");

    // A root above all users applies to those without a root of their own.
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
    // A root disappears with its last mailbox, or when it is removed.
    admin.ok("SETACL lists.rust.old admin lrx");
    admin.ok("DELETE lists.rust.old");
    replicate(&lab, &["-A"]);
}

/// The replica takes a deleted root away from the mailboxes below it, and gives them the root above
/// only when that is created.
#[test]
fn mailboxes_of_a_deleted_quota_root_are_below_the_one_that_is_new_above() {
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
