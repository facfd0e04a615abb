//! Tests every combination of hashed spools, separators, namespaces, conversations and reverse
//! ACLs.

use cyrsync_lab::{Imap, Lab, Lmtp, Options, Sieve, Status, tools};

use crate::common::{append, create, message, replicate, replicate_as_cyrus_would};

/// Replicates a user with folders, a reader and a shared mailbox. They are created, changed,
/// renamed and deleted.
fn round(options: &Options) {
    let lab = Lab::new(options.clone());
    let master = &lab.master;
    let mailboxes = ["user.fred", "user.anna", "lists", "user.fred.Sent", "user.fred.Sent.old"];
    let names = mailboxes.map(|name| master.admin_name(name));
    create(master, &names.each_ref().map(String::as_str));
    let (sent, old) = (master.own_name("user.fred.Sent"), master.own_name("user.fred.Sent.old"));

    let mut fred = Imap::login(master, "fred");
    for mailbox in ["INBOX", &sent, &old] {
        for number in 1..=3 {
            append(&mut fred, mailbox, &format!("{number} in {mailbox}"));
        }
    }
    // Append a message once more. Both copies are one conversation, and the replica already has the
    // file.
    append(&mut fred, "INBOX", &format!("1 in {sent}"));
    fred.ok(&format!("SETACL {sent} anna lrs"));
    fred.ok(&format!("SUBSCRIBE {sent}"));
    assert!(fred.set_metadata(&sent, "/shared/comment", Some(b"ours")).is_ok());
    let mut anna = Imap::login(master, "anna");
    let others = cyrsync_lab::quote(&master.others_name("user.fred.Sent"));
    anna.ok(&format!("SELECT {others}"));
    anna.ok("UID STORE 2 +FLAGS (\\Seen)");
    anna.ok(&format!("SUBSCRIBE {others}"));
    anna.ok("UNSELECT");
    let mut sieve = Sieve::login(master, "fred");
    assert_eq!(sieve.put("main", "keep;\r\n").0, Status::Ok);
    assert_eq!(sieve.activate("main").0, Status::Ok);
    replicate_as_cyrus_would(&lab, &["-A"]);

    assert!(Lmtp::connect(master).deliver("fred", &message("later")).is_ok());
    fred.ok("SELECT INBOX");
    fred.ok("UID STORE 1:2 +FLAGS (\\Seen \\Deleted)");
    fred.ok("EXPUNGE");
    fred.ok(&format!("UID MOVE 3 {sent}"));
    replicate(&lab, &["-u", "fred", "anna"]);
    fred.ok(&format!("RENAME {old} {}", master.own_name("user.fred.older")));
    fred.ok(&format!("SETACL {sent} anna lrswi"));
    replicate(&lab, &["-u", "fred", "anna"]);
    fred.ok(&format!("DELETE {sent}"));
    replicate_as_cyrus_would(&lab, &["-A"]);
    for server in [&lab.master, &lab.replica] {
        let pattern = server.admin_name("user.*");
        assert_eq!(tools::reconstruct_complaints(server, &pattern), [""; 0], "{options:?}");
        assert_eq!(tools::quota_complaints(server), [""; 0], "{options:?}");
    }
}

/// Tests all layouts with this kind of spool and this separator.
fn rounds(hashimapspool: bool, unixhierarchysep: bool) {
    for (altnamespace, conversations) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        // Half of the layouts have reverse ACLs. The choice combines them with both values of each
        // other option.
        let reverseacls = altnamespace ^ conversations ^ unixhierarchysep;
        round(&Options {
            hashimapspool,
            unixhierarchysep,
            altnamespace,
            conversations,
            reverseacls,
            ..Options::default()
        });
    }
}

#[test]
fn hashed_spool_and_dots() {
    rounds(true, false);
}

#[test]
fn hashed_spool_and_slashes() {
    rounds(true, true);
}

#[test]
fn plain_spool_and_dots() {
    rounds(false, false);
}

#[test]
fn plain_spool_and_slashes() {
    rounds(false, true);
}

#[test]
fn users_with_domains() {
    let lab = Lab::new(Options { virtdomains: true, ..Options::modern() });
    create(&lab.master, &["user/fred@example.com", "user/fred", "user/fred/Sent@example.com"]);
    let mut fred = Imap::login(&lab.master, "fred@example.com");
    append(&mut fred, "INBOX", "in the domain");
    append(&mut fred, "Sent", "from the domain");
    fred.ok("SUBSCRIBE Sent");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "without one");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred@example.com", "fred"]);
    assert!(done.iter().any(|l| l == "MAILBOX example.com!user.fred.Sent"), "{done:#?}");
    append(&mut fred, "INBOX", "another one");
    fred.ok("RENAME Sent Sent2");
    let done = replicate_as_cyrus_would(&lab, &["-A"]);
    let renamed = "RENAME example.com!user.fred.Sent -> example.com!user.fred.Sent2 (default)";
    assert!(done.iter().any(|l| l == renamed), "{done:#?}");
}
