//! Tests a master of another version whose names and files have unusual layouts.

use std::path::Path;

use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Cyrus, Imap, Options, quote, tools};

use super::{conversations, follow_changes};

/// Tests users and shared mailboxes in domains, names with dots, two partitions, partitions for
/// metadata and archived mail, and reverse ACLs.
#[track_caller]
fn follow_layouts(release: Release) {
    let conf = "fulldirhash: yes\nmetapartition-default: {dir}/meta\n\
                metapartition_files: header index cache\narchive_enabled: yes\n\
                archive_after: 1d\narchivepartition-default: {dir}/archive\n\
                archivepartition-second: {dir}/archive2\n";
    // Before 3.6 this option determines how a database sorts names with dots and blanks.
    let sort = match release {
        Release::Bullseye => "improved_mboxlist_sort: yes\nsubscription_db: skiplist\n",
        _ => "",
    };
    let options = Options {
        master_tree: Some(Tree::of(release)),
        virtdomains: true,
        reverseacls: true,
        master_conf: format!("{conf}{sort}"),
        ..conversations()
    };
    follow_changes(&options, change_layouts);
}

fn change_layouts(master: &Cyrus, round: u64) {
    let mut admin = Imap::admin(master);
    let message = |subject: &str| format!("Subject: {subject}\r\n\r\n{subject}\r\n").into_bytes();
    if round == 0 {
        for name in ["user/anna", "user/j.r@example.com", "lists@example.com", "lists/dev"] {
            admin.ok(&format!("CREATE {name}"));
        }
        admin.ok("CREATE user/anna/Second second");
        admin.ok("SETACL lists@example.com anyone lrsp");
        for own in ["lists/dev", "user/anna/Second"] {
            admin.ok(&format!("SETACL {own} admin lrswipkxtecda"));
        }
        assert!(admin.set_quota("user/j.r@example.com", "STORAGE 5000").is_ok());
    }
    let mut user = Imap::login(master, "j.r@example.com");
    let mut anna = Imap::login(master, "anna");
    match round {
        0 => {
            user.ok("CREATE \"A b/c.d\"");
            user.ok("SUBSCRIBE \"A b/c.d\"");
            // The order of these two depends on improved_mboxlist_sort.
            for name in ["Lists", "Lists/a", "Lists-b"] {
                user.ok(&format!("CREATE {name}"));
                user.ok(&format!("SUBSCRIBE {name}"));
            }
            user.ok("CREATE Old");
        }
        1 => {
            user.ok("RENAME \"A b/c.d\" \"A b/e&AOk-\"");
            user.ok("DELETE Old");
            admin.ok("RENAME user/anna/Second user/anna/Second default");
        }
        _ => {
            anna.ok("RENAME Second Third");
            assert!(admin.set_quota("user/j.r@example.com", "").is_ok());
        }
    }
    for (imap, mailboxes) in [(&mut user, ["INBOX", "A b"]), (&mut anna, ["INBOX", "Trash"])] {
        for mailbox in mailboxes {
            let _ = imap.command(&format!("CREATE {}", quote(mailbox)));
            for number in 0..3 {
                let text = message(&format!("{number} of {round} in {mailbox}"));
                assert!(imap.append(mailbox, "", &text).is_ok());
            }
        }
        imap.ok("SELECT INBOX");
        imap.ok(&format!("UID STORE {} +FLAGS (\\Seen $Work)", round + 1));
        imap.ok(&format!("UID MOVE {} {}", 2 * round + 1, quote(mailboxes[1])));
        imap.ok("UNSELECT");
    }
    // Archive all mail so far. Later mail is not archived yet.
    if round < 2 {
        tools::run(master, "cyr_expire", &["-E", "1000", "-A", "0"]);
        let archived = files_below(&master.archive_dir("default"));
        assert!(archived > 0, "nothing was archived: {}", master.log());
    }
}

fn files_below(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|e| if e.path().is_dir() { files_below(&e.path()) } else { 1 }).sum()
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_2_to_3_6_with_domains_partitions_and_archived_mail() {
    follow_layouts(Release::Bullseye);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_10_to_3_6_with_domains_partitions_and_archived_mail() {
    follow_layouts(Release::Trixie);
}
