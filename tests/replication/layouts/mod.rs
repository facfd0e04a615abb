//! Tests every layout that the spool of Cyrus 3.6.1 can have, on master and replica.
//! `docs/layouts.md` lists them.

mod combined;
mod domains;
mod legacy;
mod names;
mod partitions;
mod spools;
// Not through a host: a host reports which users exist, not where their files are.
#[cfg(not(through_host))]
mod users;

use cyrsync_lab::{Imap, Lab, Options, Sieve, Status, quote, tools};

use crate::common::{append, create};

/// Starts a lab with these options and additional lines of imapd.conf for each server.
fn lab(options: Options, master: &str, replica: &str) -> Lab {
    Lab::new(Options { master_conf: master.into(), replica_conf: replica.into(), ..options })
}

/// Returns the userid of the owner of an INBOX: `fred.smith@example.com` for
/// `example.com!user.fred^smith`.
fn user_of(inbox: &str) -> String {
    let (domain, local) = match inbox.split_once('!') {
        Some((domain, local)) => (format!("@{domain}"), local),
        None => (String::new(), inbox),
    };
    let user = local.strip_prefix("user.").expect("an INBOX").replace('^', ".");
    format!("{user}{domain}")
}

/// Creates a user with all data that has its own place on disk: two folders, mail, annotations of
/// mailbox and messages, a quota, a subscription, a script, and seen state of `reader`. `reader`
/// must have an INBOX in the same domain.
fn populate(lab: &Lab, inbox: &str, reader: &str) {
    let master = &lab.master;
    let [sent, old] = ["Sent", "Sent.old"].map(|folder| format!("{inbox}.{folder}"));
    create(
        master,
        &[inbox, &sent, &old].map(|name| master.admin_name(name)).each_ref().map(|n| &**n),
    );
    let mut admin = Imap::admin(master);
    assert!(admin.set_quota(&master.admin_name(inbox), "STORAGE 90000 MESSAGE 900").is_ok());
    admin.ok(&format!("SETACL {} admin lrswipkxtecda", quote(&master.admin_name(inbox))));
    let user = user_of(inbox);
    let mut imap = Imap::login(master, &user);
    let own = [inbox, &sent, &old].map(|name| master.own_name(name));
    for mailbox in &own {
        for number in 1..=3 {
            append(&mut imap, mailbox, &format!("{number} of {user} in {mailbox}"));
        }
    }
    let comment = Some(&b"ours"[..]);
    assert!(admin.set_metadata(&master.admin_name(&sent), "/shared/comment", comment).is_ok());
    imap.ok(&format!("SUBSCRIBE {}", quote(&own[1])));
    imap.ok(&format!("SETACL {} {} lrs", quote(&own[1]), quote(&user_of(reader))));
    imap.ok(&format!("SELECT {}", quote(&own[1])));
    assert!(imap.annotate_messages("2", "/comment", false, Some(b"a note")).is_ok());
    imap.ok("UNSELECT");
    let mut imap = Imap::login(master, &user_of(reader));
    let others = quote(&master.others_name(&sent));
    imap.ok(&format!("SELECT {others}"));
    imap.ok("UID STORE 2 +FLAGS (\\Seen)");
    imap.ok(&format!("SUBSCRIBE {others}"));
    imap.ok("UNSELECT");
    let mut sieve = Sieve::login(master, &user);
    assert_eq!(sieve.put("main", "keep;\r\n").0, Status::Ok);
    assert_eq!(sieve.activate("main").0, Status::Ok);
}

/// Creates shared mailboxes with a message each. Returns their names as the administrator writes
/// them.
fn shared(lab: &Lab, mailboxes: &[&str]) -> Vec<String> {
    let mut admin = Imap::admin(&lab.master);
    let named = |mailbox: &&str| {
        let name = lab.master.admin_name(mailbox);
        admin.ok(&format!("CREATE {}", quote(&name)));
        admin.ok(&format!("SETACL {} admin lrswipkxtecda", quote(&name)));
        append(&mut admin, &name, &format!("to {name}"));
        name
    };
    mailboxes.iter().map(named).collect()
}

/// Changes mail, folders and files of a user that [`populate`] created.
fn change(lab: &Lab, inbox: &str, reader: &str) {
    let master = &lab.master;
    let mut imap = Imap::login(master, &user_of(inbox));
    let own = |folder: &str| quote(&master.own_name(&format!("{inbox}.{folder}")));
    let subject = format!("later for {inbox}");
    append(&mut imap, "INBOX", &subject);
    imap.ok("SELECT INBOX");
    imap.ok("UID STORE 1 +FLAGS (\\Deleted)");
    imap.ok("UID EXPUNGE 1");
    imap.ok(&format!("UID COPY 2 {}", own("Sent")));
    imap.ok(&format!("RENAME {} {}", own("Sent.old"), own("Sent.older")));
    imap.ok(&format!("SUBSCRIBE {}", own("Sent.older")));
    imap.ok(&format!("SELECT {}", own("Sent")));
    assert!(imap.annotate_messages("1", "/comment", true, Some(b"mine")).is_ok());
    imap.ok("UNSELECT");
    let mut imap = Imap::login(master, &user_of(reader));
    imap.ok(&format!("SELECT {}", quote(&master.others_name(&format!("{inbox}.Sent")))));
    imap.ok("UID STORE 1 +FLAGS (\\Seen)");
    imap.ok("UNSELECT");
    let mut sieve = Sieve::login(master, &user_of(inbox));
    assert_eq!(sieve.put("second", "discard;\r\n").0, Status::Ok);
}

/// Asserts that Cyrus's own tools find nothing wrong with either spool.
fn assert_sound(lab: &Lab) {
    for server in [&lab.master, &lab.replica] {
        assert_eq!(tools::reconstruct_complaints(server, "*"), [""; 0], "{}", server.name());
        assert_eq!(tools::quota_complaints(server), [""; 0], "{}", server.name());
    }
}
