//! Tests seen state and subscriptions: of users with and without an INBOX, in other users' and in
//! shared mailboxes, in files named by uniqueid or by user.

use cyrsync_lab::{Imap, Lab, Options};

use crate::common::{
    actions, append, assert_cyrus_idle, assert_idle, create, mailbox_field, ours, replicate,
    replicate_as_cyrus_would, uniqueid,
};

/// Starts a lab in which fred shares a mailbox with anna. Both read shared mailboxes, so all have
/// seen state.
fn readers(options: Options) -> Lab {
    let lab = Lab::new(options);
    create(&lab.master, &["user.fred", "user.fred.Open", "user.anna", "lists", "lists.rust"]);
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETACL lists.rust anyone lrswipt");
    let mut fred = Imap::login(&lab.master, "fred");
    fred.ok("SETACL INBOX.Open anna lrs");
    for number in 1..=5 {
        append(&mut fred, "INBOX.Open", &format!("shared {number}"));
        append(&mut fred, "lists.rust", &format!("post {number}"));
    }
    lab
}

fn read(lab: &Lab, user: &str, mailbox: &str, uids: &str) {
    let mut imap = Imap::login(&lab.master, user).with_selected(mailbox);
    imap.ok(&format!("UID STORE {uids} +FLAGS (\\Seen)"));
    imap.ok("UNSELECT");
}

#[test]
fn seen_state_and_subscriptions_in_files_of_either_name() {
    for legacy in [false, true] {
        let line = if legacy { "mailbox_legacy_dirs: yes\n" } else { "" };
        let options = Options {
            master_conf: line.to_owned(),
            replica_conf: line.to_owned(),
            ..Options::default()
        };
        let lab = readers(options);
        let by_name = lab.master.config_dir().join("user/a/anna.seen");
        read(&lab, "anna", "user.fred.Open", "1,3:4");
        read(&lab, "anna", "lists.rust", "2");
        read(&lab, "fred", "lists.rust", "1:5");
        let mut anna = Imap::login(&lab.master, "anna");
        anna.ok("SUBSCRIBE lists.rust");
        anna.ok("SUBSCRIBE user.fred.Open");
        assert_eq!(by_name.exists(), legacy);
        let done = replicate_as_cyrus_would(&lab, &["-A"]);
        for line in [
            format!("SEEN anna {}", uniqueid(&lab.master, "user.fred.Open")),
            format!("SEEN anna {}", uniqueid(&lab.master, "lists.rust")),
            format!("SEEN fred {}", uniqueid(&lab.master, "lists.rust")),
            "SUB anna lists.rust".to_owned(),
        ] {
            assert!(done.contains(&line), "{line}: {done:#?}");
        }
        read(&lab, "anna", "lists.rust", "4");
        anna.ok("UNSUBSCRIBE user.fred.Open");
        let line = format!("SEEN anna {}", uniqueid(&lab.master, "lists.rust"));
        let done = actions(&lab, &["-s", "anna"]);
        assert_eq!(done, ["META anna", "UNSUB anna user.fred.Open", &line]);
        replicate_as_cyrus_would(&lab, &["-A"]);
    }
}

#[test]
fn shared_seen_state_is_in_the_mailbox() {
    let lab = readers(Options::default());
    // Set the option on fred's mailbox. On a shared mailbox, imapd of 3.6.1 aborts (mboxlist.c,
    // 1088).
    let mut fred = Imap::login(&lab.master, "fred");
    let set = "/shared/vendor/cmu/cyrus-imapd/sharedseen";
    assert!(fred.set_metadata("INBOX.Open", set, Some(b"true")).is_ok());
    read(&lab, "anna", "user.fred.Open", "2:3");
    replicate_as_cyrus_would(&lab, &["-A"]);
    assert_eq!(mailbox_field(&lab.replica, "user.fred.Open", "OPTIONS"), "PS");
    let mut there = Imap::login(&lab.replica, "fred").with_selected("INBOX.Open");
    let seen = there.ok("UID SEARCH SEEN").lines();
    assert!(seen.iter().any(|line| line == "SEARCH 2 3"), "{seen:?}");
    assert!(fred.set_metadata("INBOX.Open", set, Some(b"false")).is_ok());
    read(&lab, "anna", "user.fred.Open", "5");
    replicate_as_cyrus_would(&lab, &["-A"]);
    assert_eq!(mailbox_field(&lab.replica, "user.fred.Open", "OPTIONS"), "P");
}

#[test]
fn users_without_an_inbox_are_replicated_only_with_s() {
    let lab = readers(Options::default());
    read(&lab, "guest", "lists.rust", "1:2");
    Imap::login(&lab.master, "guest").ok("SUBSCRIBE lists.rust");
    replicate(&lab, &["-A"]);
    // -u and -A skip users without an INBOX, like Cyrus's client.
    let run = ours(&lab, &["-v", "-u", "guest"]).ok();
    assert!(run.stdout.contains("USER guest\nDoes not exist locally guest\n"), "{run}");
    let seen = format!("SEEN guest {}", uniqueid(&lab.master, "lists.rust"));
    let done = actions(&lab, &["-s", "guest"]);
    assert_eq!(done, ["META guest", "SUB guest lists.rust", &seen]);
    assert_idle(&lab, &["-s", "guest"]);
    assert_cyrus_idle(&lab, &["-s", "guest"]);
    for server in [&lab.master, &lab.replica] {
        assert!(server.config_dir().join("user/g/guest.seen").exists());
        let listed = Imap::login(server, "guest").ok("LSUB \"\" *").lines();
        assert!(listed.iter().any(|line| line.contains("lists.rust")), "{listed:?}");
        let mut guest = Imap::login(server, "guest").with_selected("lists.rust");
        let seen = guest.ok("UID SEARCH SEEN").lines();
        assert!(seen.iter().any(|line| line == "SEARCH 1 2"), "{seen:?}");
    }
}
