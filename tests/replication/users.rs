//! Tests users with all their data: the first sync, then one change at a time.

use cyrsync_lab::{Imap, Lab, Lmtp, Options, Sieve, Status};

use crate::common::{
    actions, append, assert_equal, create, message, replicate, replicate_as_cyrus_would, uniqueid,
};

/// Starts a lab with fred and anna, who have an INBOX each. anna may read fred's folder Sent.
/// Everything is replicated.
fn family() -> Lab {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.anna", "user.fred.Sent"]);
    Imap::admin(&lab.master).ok("SETACL user.fred.Sent anna lrs");
    let mut fred = Imap::login(&lab.master, "fred");
    for number in 1..=3 {
        append(&mut fred, "INBOX", &format!("message {number}"));
        append(&mut fred, "INBOX.Sent", &format!("answer {number}"));
    }
    replicate(&lab, &["-u", "fred", "anna"]);
    lab
}

/// Replicates one user and asserts that the run printed exactly these actions.
#[track_caller]
fn expect(lab: &Lab, user: &str, expected: &[&str]) {
    assert_eq!(replicate(lab, &["-u", user]), expected);
}

#[test]
fn a_new_user_arrives_with_everything() {
    let lab = Lab::default();
    let master = &lab.master;
    let folders = ["user.fred.Sent", "user.fred.Sent.2023", "user.fred.Empty"];
    create(master, &[&["user.fred", "user.anna"], &folders[..]].concat());
    let mut admin = Imap::admin(master);
    admin.ok("SETQUOTA user.fred (STORAGE 5000 MESSAGE 200 X-NUM-FOLDERS 20)");
    admin.ok("SETQUOTA user.fred.Sent (STORAGE 700)");
    admin.ok("SETACL user.fred.Sent anna lrs");

    let mut fred = Imap::login(master, "fred");
    for mailbox in ["INBOX", "INBOX.Sent", "INBOX.Sent.2023"] {
        for number in 1..=6 {
            append(&mut fred, mailbox, &format!("{mailbox} {number}"));
        }
    }
    let mut lmtp = Lmtp::connect(master);
    assert!(lmtp.deliver("fred", &message("delivered")).is_ok());
    fred.ok("SELECT INBOX");
    let forty: Vec<String> = (1..=40).map(|n| format!("$flag{n}")).collect();
    fred.ok(&format!("UID STORE 1 +FLAGS ({})", forty.join(" ")));
    fred.ok("UID STORE 2 +FLAGS (\\Seen \\Answered \\Flagged \\Draft $flag40)");
    fred.ok("UID STORE 3:4 +FLAGS (\\Deleted)");
    fred.ok("EXPUNGE");
    fred.ok("UID STORE 5 +FLAGS (\\Deleted)");
    for private in [true, false] {
        assert!(fred.annotate_messages("1,6", "/comment", private, Some(b"a note")).is_ok());
    }
    assert!(fred.annotate_messages("6", "/vendor/lab/message", false, Some(b"")).is_ok());
    assert!(fred.set_metadata("INBOX", "/shared/comment", Some(b"ours")).is_ok());
    assert!(fred.set_metadata("INBOX.Sent", "/private/comment", Some(b"mine\r\n\0")).is_ok());
    fred.ok("SUBSCRIBE INBOX.Sent");
    fred.ok("UNSELECT");

    let mut anna = Imap::login(master, "anna").with_selected("user.fred.Sent");
    anna.ok("UID STORE 1,3:4 +FLAGS (\\Seen)");
    anna.ok("SUBSCRIBE user.fred.Sent");
    anna.ok("UNSELECT");

    let mut sieve = Sieve::login(master, "fred");
    assert_eq!(sieve.put("main", "keep;\r\n").0, Status::Ok);
    assert_eq!(sieve.put("other", "discard;\r\n").0, Status::Ok);
    assert_eq!(sieve.activate("main").0, Status::Ok);

    let done = replicate_as_cyrus_would(&lab, &["-u", "fred", "anna"]);
    let expected = |line: &str| assert!(done.iter().any(|l| l == line), "{line}: {done:#?}");
    expected("USER fred");
    expected("MAILBOX user.fred");
    expected("MAILBOX user.fred.Sent.2023");
    expected("QUOTA user.fred.Sent");
    expected("SUB fred user.fred.Sent");
    expected("SUB anna user.fred.Sent");
    expected(&format!("SEEN anna {}", uniqueid(master, "user.fred.Sent")));
}

#[test]
fn a_change_to_messages_sends_only_their_mailbox() {
    let lab = family();
    let mailbox = ["USER fred", "MAILBOX user.fred"];
    let mut fred = Imap::login(&lab.master, "fred").with_selected("INBOX");

    fred.ok("UID STORE 1 +FLAGS (\\Flagged)");
    expect(&lab, "fred", &mailbox);
    fred.ok("UID STORE 1:2 +FLAGS (\\Seen $Work)");
    expect(&lab, "fred", &mailbox);
    fred.ok("UID STORE 1 -FLAGS (\\Flagged $Work)");
    expect(&lab, "fred", &mailbox);
    append(&mut fred, "INBOX", "one more");
    expect(&lab, "fred", &mailbox);
    fred.ok("UID STORE 2 +FLAGS (\\Deleted)");
    fred.ok("EXPUNGE");
    expect(&lab, "fred", &mailbox);
    assert!(fred.annotate_messages("3", "/comment", true, Some(b"a note")).is_ok());
    expect(&lab, "fred", &mailbox);
    assert!(fred.annotate_messages("3", "/comment", true, Some(b"another")).is_ok());
    expect(&lab, "fred", &mailbox);
    assert!(fred.annotate_messages("3", "/comment", true, None).is_ok());
    expect(&lab, "fred", &mailbox);
    fred.ok("UID COPY 3 INBOX.Sent");
    expect(&lab, "fred", &["USER fred", "MAILBOX user.fred.Sent"]);
    assert!(Lmtp::connect(&lab.master).deliver("fred", &message("by lmtp")).is_ok());
    expect(&lab, "fred", &mailbox);
    expect(&lab, "anna", &["USER anna"]);
}

#[test]
fn a_change_to_a_mailbox_sends_only_that() {
    let lab = family();
    let mut admin = Imap::admin(&lab.master);
    let mut fred = Imap::login(&lab.master, "fred");

    fred.ok("CREATE INBOX.New");
    expect(&lab, "fred", &["USER fred", "MAILBOX user.fred.New"]);
    fred.ok("SETACL INBOX.New anna lr");
    expect(&lab, "fred", &["USER fred", "MAILBOX user.fred.New"]);
    fred.ok("SETACL INBOX.New anna -r");
    expect(&lab, "fred", &["USER fred", "MAILBOX user.fred.New"]);
    fred.ok("DELETEACL INBOX.New anna");
    expect(&lab, "fred", &["USER fred", "MAILBOX user.fred.New"]);
    for value in [Some(&b"ours"[..]), Some(&b"still ours"[..]), None] {
        assert!(fred.set_metadata("INBOX.Sent", "/shared/comment", value).is_ok());
        expect(&lab, "fred", &["USER fred", "MAILBOX user.fred.Sent"]);
    }

    admin.ok("SETQUOTA user.fred (STORAGE 1000)");
    expect(&lab, "fred", &["USER fred", "QUOTA user.fred"]);
    admin.ok("SETQUOTA user.fred (STORAGE 2000 MESSAGE 90)");
    expect(&lab, "fred", &["USER fred", "QUOTA user.fred"]);
    admin.ok("SETQUOTA user.fred (MESSAGE 90)");
    expect(&lab, "fred", &["USER fred", "QUOTA user.fred"]);
    admin.ok("SETQUOTA user.fred ()");
    replicate(&lab, &["-u", "fred"]);
}

#[test]
fn a_change_to_subscriptions_and_seen_state_sends_only_that() {
    let lab = family();
    let mut fred = Imap::login(&lab.master, "fred");
    fred.ok("SUBSCRIBE INBOX.Sent");
    expect(&lab, "fred", &["USER fred", "SUB fred user.fred.Sent"]);
    fred.ok("UNSUBSCRIBE INBOX.Sent");
    expect(&lab, "fred", &["USER fred", "UNSUB fred user.fred.Sent"]);

    // anna's seen state is stored for anna. fred's mailbox also gets a new modseq, for CONDSTORE.
    let seen = format!("SEEN anna {}", uniqueid(&lab.master, "user.fred.Sent"));
    let mut anna = Imap::login(&lab.master, "anna").with_selected("user.fred.Sent");
    anna.ok("UID STORE 1 +FLAGS (\\Seen)");
    anna.ok("UNSELECT");
    let both = ["-u", "anna", "fred"];
    let expected = ["USER anna", &seen, "USER fred", "MAILBOX user.fred.Sent"];
    assert_eq!(replicate(&lab, &both), expected);
    anna.ok("SELECT user.fred.Sent");
    anna.ok("UID STORE 1 -FLAGS (\\Seen)");
    anna.ok("UID STORE 2:3 +FLAGS (\\Seen)");
    anna.ok("UNSELECT");
    assert_eq!(replicate(&lab, &both), expected);

    // The owner's seen state is stored in the mailbox itself.
    fred.ok("SELECT INBOX.Sent");
    fred.ok("UID STORE 1 +FLAGS (\\Seen)");
    expect(&lab, "fred", &["USER fred", "MAILBOX user.fred.Sent"]);
}

#[test]
fn changes_to_scripts_arrive() {
    let lab = family();
    let mut sieve = Sieve::login(&lab.master, "fred");
    let changed = |what: &str| {
        let done = replicate(&lab, &["-u", "fred"]);
        assert!(done.len() > 1, "{what} sent nothing");
        // Scripts are messages in the mailbox `#sieve`. No other mailbox may be sent.
        let apart: Vec<&String> = done.iter().filter(|l| l.starts_with("MAILBOX ")).collect();
        assert!(apart.iter().all(|l| *l == "MAILBOX user.fred.#sieve"), "{what}: {done:#?}");
    };
    assert_eq!(sieve.put("main", "keep;\r\n").0, Status::Ok);
    changed("a new script");
    assert_eq!(sieve.activate("main").0, Status::Ok);
    changed("activating");
    assert_eq!(sieve.put("main", "discard;\r\n").0, Status::Ok);
    changed("a changed script");
    assert_eq!(sieve.put("second", "stop;\r\n").0, Status::Ok);
    assert_eq!(sieve.activate("second").0, Status::Ok);
    changed("another active script");
    assert_eq!(sieve.activate("").0, Status::Ok);
    changed("deactivating");
    assert_eq!(sieve.delete("main").0, Status::Ok);
    changed("deleting");
    assert_eq!(sieve.delete("second").0, Status::Ok);
    changed("deleting the last");
}

#[test]
fn all_users_and_shared_mailboxes_go_with_all_mode() {
    let lab = Lab::new(Options { conversations: true, ..Options::default() });
    create(&lab.master, &["user.fred", "user.anna", "user.fred.Sent", "lists", "lists.rust"]);
    for user in ["fred", "anna"] {
        let mut imap = Imap::login(&lab.master, user);
        for number in 0..4 {
            append(&mut imap, "INBOX", &format!("message {number} to all"));
        }
    }
    Imap::admin(&lab.master).ok("SETACL lists.rust anna lrswipt");
    append(&mut Imap::login(&lab.master, "anna"), "lists.rust", "a post");
    let admin = Imap::admin(&lab.master).set_metadata("", "/shared/vendor/lab/server", Some(b"hi"));
    assert!(admin.is_ok(), "{admin:?}");
    let done = replicate_as_cyrus_would(&lab, &["-A"]);
    for line in ["USER anna", "USER fred", "MAILBOX user.fred.Sent", "MAILBOX lists.rust"] {
        assert!(done.iter().any(|l| l == line), "{line}: {done:#?}");
    }

    let mut fred = Imap::login(&lab.master, "fred").with_selected("INBOX");
    fred.ok("UID STORE 1 +FLAGS (\\Seen)");
    let users = ["USER anna", "USER fred", "MAILBOX user.fred", "MAILBOXES lists lists.rust"];
    assert_eq!(actions(&lab, &["-A"]), users);
    assert_equal(&lab);
}
