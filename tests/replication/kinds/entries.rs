//! Tests entries of mailboxes.db that are not plain mailboxes. The test writes them while the
//! master is stopped. Our client handles them like Cyrus's client, or better on purpose.

use cyrsync_lab::{Imap, Lab, Options, SyncServer, Value, cyrus_sync_client, tools};

use crate::common::{
    actions, append, assert_idle, create, differing, errors, mailbox_field, ours, replicate,
    replicate_as_cyrus_would,
};

/// A changed entry, and the expected result of both clients.
struct Odd {
    /// The letters of its type.
    types: &'static str,
    /// The field for the server that it names.
    server: &'static str,
    /// Words of our client's error; `None` if there is no error.
    error: Option<&'static str>,
    /// Whether Cyrus's client fails, and skips the rest of the user.
    cyrus_fails: bool,
}

const ODD: [Odd; 4] = [
    // A name reserved for a mailbox that is being created. Cyrus's client also sends this type, and
    // the replica refuses it.
    Odd { types: "ez", server: "", error: None, cyrus_fails: true },
    // A mailbox on another server of a murder. Cyrus's client expects its files on this server.
    Odd { types: "er", server: " S other.example", error: None, cyrus_fails: true },
    // A mailbox that is being moved to another server. This is an error for both clients.
    Odd {
        types: "em",
        server: " S other.example",
        error: Some("being moved to another server"),
        cyrus_fails: true,
    },
    // An entry with the name of a server but without the type `r` is not remote.
    Odd { types: "e", server: " S other.example", error: None, cyrus_fails: false },
];

const NAMES: [&str; 6] =
    ["user.fred", "user.fred.Odd", "user.fred.Zap", "lists", "lists.odd", "lists.zap"];

/// Appends one more message to each of fred's mailboxes.
fn mail(lab: &Lab, subject: &str) {
    let mut fred = Imap::login(&lab.master, "fred");
    for mailbox in ["INBOX", "INBOX.Odd", "INBOX.Zap"] {
        append(&mut fred, mailbox, &format!("{subject} in {mailbox}"));
    }
}

#[test]
fn entries_of_remote_or_unfinished_mailboxes_stop_nothing() {
    for odd in ODD {
        let mut lab = Lab::default();
        create(&lab.master, &NAMES);
        mail(&lab, "first");
        replicate(&lab, &["-A"]);
        mail(&lab, "later");
        lab.master.stop_server();
        let (from, to) = ("T e ", format!("T {}{} ", odd.types, odd.server));
        for name in ["user.fred.Odd", "lists.odd"] {
            tools::set_entry(&lab.master, name, |entry| entry.replace(from, &to));
        }
        let theirs = cyrus_sync_client(&lab.master, &["-m", "user.fred.Odd"]);
        assert_eq!(theirs.status.success(), !odd.cyrus_fails, "{}: {theirs}", odd.types);
        for args in [&["-v", "-A"][..], &["-v", "-u", "fred"], &["-v", "-m", "user.fred.Odd"]] {
            let run = ours(&lab, args);
            let code = if odd.error.is_some() { 1 } else { 0 };
            assert_eq!(run.status.code(), Some(code), "{}: {run}", odd.types);
            if let Some(error) = odd.error {
                let reported =
                    |line: &String| line.contains("user.fred.Odd") && line.contains(error);
                assert!(errors(&run).iter().any(reported), "{}: {run}", odd.types);
            }
        }
        // All other mailboxes are replicated, and nothing was deleted.
        for (mailbox, uids) in [("INBOX", 2), ("INBOX.Zap", 2), ("INBOX.Odd", 1)] {
            let there = Imap::login(&lab.replica, "fred").with_selected(mailbox).uids();
            assert!(there.len() >= uids, "{}: {mailbox}: {there:?}", odd.types);
        }
        // Restore the entries. Then everything must be replicated.
        for name in ["user.fred.Odd", "lists.odd"] {
            tools::set_entry(&lab.master, name, |entry| entry.replace(&to, from));
        }
        lab.master.start_server();
        replicate_as_cyrus_would(&lab, &["-A"]);
    }
}

#[test]
fn an_inbox_being_moved_to_another_server_fails_only_its_user() {
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.Sent", "user.zoe"]);
    lab.master.stop_server();
    let to = "T em S other.example ";
    tools::set_entry(&lab.master, "user.fred", |entry| entry.replace("T e ", to));
    let run = ours(&lab, &["-v", "-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(
        run.stderr.contains("user.fred") && run.stderr.contains("being moved to another server"),
        "{run}"
    );
    assert!(run.stdout.contains("MAILBOX user.zoe\n"), "{run}");
    assert!(!cyrus_sync_client(&lab.master, &["-u", "fred"]).status.success());
    tools::set_entry(&lab.master, "user.fred", |entry| entry.replace(to, "T e "));
    lab.master.start_server();
    replicate(&lab, &["-A"]);
}

/// Asserts that both sides are equal, except for the UIDVALIDITY of intermediate mailboxes. The
/// protocol does not transfer it.
#[track_caller]
fn settled(lab: &Lab) {
    let left = differing(lab);
    assert!(left.iter().all(|path| path.ends_with(" V")), "{left:#?}");
    assert_idle(lab, &["-A"]);
}

#[test]
fn tombstones_intermediates_deleted_mailboxes_and_reverse_acls_are_no_mailboxes() {
    let mut lab = Lab::new(Options { reverseacls: true, ..Options::default() });
    // ctl_cyrusdb, which runs at every start of a real server, writes the keys of reverse ACLs.
    for server in [&mut lab.master, &mut lab.replica] {
        server.stop_server();
        tools::run(server, "ctl_cyrusdb", &["-r"]);
        server.start_server();
    }
    create(&lab.master, &["user.fred", "user.fred.a.b.c", "user.anna", "lists.deep.down"]);
    let mut fred = Imap::login(&lab.master, "fred");
    append(&mut fred, "INBOX.a.b.c", "one");
    fred.ok("SETACL INBOX.a.b.c anna lrs");
    // Deleting a mailbox without the mailboxes below it leaves a name of type `i`.
    SyncServer::spawn(&lab.master).apply("UNMAILBOX", &Value::text("user.fred.a.b")).ok();
    actions(&lab, &["-A"]);
    settled(&lab);
    assert_eq!(mailbox_field(&lab.replica, "user.fred.a.b", "MBOXTYPE"), "ei");
    fred.ok("RENAME INBOX.a.b.c INBOX.x");
    fred.ok("CREATE INBOX.gone");
    fred.ok("DELETE INBOX.gone");
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETACL lists.deep.down admin lrx");
    admin.ok("DELETE lists.deep.down");
    let done = actions(&lab, &["-A"]);
    assert!(
        done.iter().any(|l| l.starts_with("RENAME user.fred.a.b.c -> user.fred.x ")),
        "{done:#?}"
    );
    settled(&lab);
    let keys: Vec<String> = tools::dump(&lab.master, "mailboxes.db", "twoskip")
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert!(keys.iter().any(|key| !key.starts_with(['N', 'I'])), "no reverse ACLs: {keys:?}");
}
