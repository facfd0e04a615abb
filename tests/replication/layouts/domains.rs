//! Tests virtual domains: users and shared mailboxes in several domains, in the default domain, and
//! without a domain.

use cyrsync_lab::{Imap, Lab, Options, cyrus_sync_client, places};

use super::{assert_sound, change, lab, populate};
use crate::common::{
    actions, append, create, differing, replicate, replicate_as_cyrus_would, uniqueid,
};

fn with_domains(virtdomains: &str, defaultdomain: &str, options: Options) -> Lab {
    let conf = format!("virtdomains: {virtdomains}\n{defaultdomain}");
    lab(options, &conf, &conf)
}

const USERS: [&str; 3] = ["user.fred", "example.com!user.fred", "example.com!user.j^r"];

/// Replicates the same local name in two domains, and shared mailboxes with and without a domain.
fn round(lab: &Lab) {
    let master = &lab.master;
    let shared = ["lists", "example.com!lists", "example.com!lists.dev", "b^c.example!x"];
    let readers = ["user.reader", "example.com!user.reader"];
    create(master, &readers.map(|name| master.admin_name(name)).each_ref().map(|n| &**n));
    let names = super::shared(lab, &shared);
    let reader = |inbox: &str| readers[usize::from(inbox.contains('!'))];
    for inbox in USERS {
        populate(lab, inbox, reader(inbox));
    }
    let mut admin = Imap::admin(master);
    replicate_as_cyrus_would(lab, &["-A"]);
    assert_ne!(uniqueid(master, USERS[0]), uniqueid(master, USERS[1]));

    for inbox in USERS {
        change(lab, inbox, reader(inbox));
    }
    let done = replicate(
        lab,
        &["-u", "fred@example.com", "j.r@example.com", "fred", "reader", "reader@example.com"],
    );
    assert!(done.iter().any(|l| l == "USER fred@example.com"), "{done:#?}");
    for name in &names {
        append(&mut admin, name, &format!("again to {name}"));
    }
    let args: Vec<&str> = ["-m"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let done = replicate_as_cyrus_would(lab, &args);
    assert_eq!(done.iter().filter(|l| l.starts_with("MAILBOX ")).count(), 4, "{done:#?}");
    let mut fred = Imap::login(master, "fred@example.com");
    fred.ok("UNSUBSCRIBE INBOX");
    let sent = cyrsync_lab::quote(&master.own_name("user.fred.Sent"));
    fred.ok(&format!("UNSUBSCRIBE {sent}"));
    replicate_as_cyrus_would(lab, &["-s", "fred@example.com"]);
    let older = master.admin_name(&format!("{}.Sent.older", USERS[2]));
    admin.ok(&format!("SETACL {older} admin lrswipkxtecda"));
    admin.ok(&format!("DELETE {older}"));
    replicate_as_cyrus_would(lab, &["-A"]);
    assert_sound(lab);
}

#[test]
fn users_and_shared_mailboxes_with_slashes() {
    round(&with_domains("userid", "", Options::modern()));
}

#[test]
fn users_and_shared_mailboxes_with_dots() {
    let options = Options { hashimapspool: false, ..Options::default() };
    round(&with_domains("userid", "defaultdomain: example.org\nfulldirhash: yes\n", options));
}

#[test]
fn domains_derived_from_the_servers_address() {
    // All clients connect to 127.0.0.1, whose host name has no domain.
    round(&with_domains("on", "", Options { conversations: true, ..Options::modern() }));
}

#[test]
fn users_of_the_default_domain_have_names_without_a_domain() {
    let lab = with_domains("userid", "defaultdomain: example.org\n", Options::modern());
    create(&lab.master, &["user/fred@example.org", "user/anna", "lists@example.org"]);
    assert!(places::places(&lab.master, ["user.fred", "lists"]).len() == 2);
    let mut fred = Imap::login(&lab.master, "fred@example.org");
    append(&mut fred, "INBOX", "one");
    fred.ok("SUBSCRIBE INBOX");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "two");
    replicate_as_cyrus_would(&lab, &["-A"]);
    append(&mut fred, "INBOX", "three");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred@example.org", "anna@example.org"]);
    assert!(done.iter().any(|l| l == "MAILBOX user.fred"), "{done:#?}");
    append(&mut fred, "INBOX", "four");
    replicate_as_cyrus_would(&lab, &["-m", "user/fred@example.org", "lists@example.org"]);
    fred.ok("UNSUBSCRIBE INBOX");
    replicate_as_cyrus_would(&lab, &["-s", "fred@example.org"]);
}

#[test]
fn names_with_an_at_sign_without_virtual_domains() {
    for options in [Options::default(), Options::modern()] {
        let lab = lab(options, "", "");
        let inbox = lab.master.admin_name("user.fred@example^com");
        create(&lab.master, &[&inbox, &lab.master.admin_name("lists@example^com")]);
        let mut admin = Imap::admin(&lab.master);
        admin.ok(&format!("SETACL {inbox} admin lrswipkxtecda"));
        append(&mut admin, &inbox, "one");
        // -A skips this mailbox. Its name has an owner in a domain, whose INBOX would be another
        // mailbox.
        let run = cyrus_sync_client(&lab.master, &["-A"]).ok();
        assert_eq!(run.stderr, "", "{run}");
        let passed_by = differing(&lab);
        assert!(passed_by.iter().any(|path| path.contains("@example")), "{passed_by:#?}");
        actions(&lab, &["-A"]);
        assert_eq!(differing(&lab), passed_by);
        replicate_as_cyrus_would(&lab, &["-m", &inbox]);
        append(&mut admin, &inbox, "two");
        replicate_as_cyrus_would(&lab, &["-m", &inbox]);
    }
}
