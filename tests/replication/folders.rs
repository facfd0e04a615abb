//! Tests folders that are renamed, deleted and created again, and folders with difficult names.

use cyrsync_lab::{Imap, Lab, Options, quote, tools};

use crate::common::{
    append, assert_cyrus_idle, assert_equal, create, errors, ours, replicate,
    replicate_as_cyrus_would, sent, uniqueid,
};

/// Starts a lab with fred and these mailboxes. Each has two messages, which are replicated.
fn fred_with(options: Options, mailboxes: &[&str]) -> Lab {
    let lab = Lab::new(options);
    create(&lab.master, &["user.fred"]);
    create(&lab.master, mailboxes);
    let mut fred = Imap::login(&lab.master, "fred");
    for mailbox in mailboxes {
        let own = lab.master.own_name(mailbox);
        append(&mut fred, &own, &format!("{mailbox} 1"));
        append(&mut fred, &own, &format!("{mailbox} 2"));
    }
    replicate(&lab, &["-u", "fred"]);
    lab
}

fn fred(lab: &Lab) -> Imap {
    Imap::login(&lab.master, "fred")
}

/// Returns the rest of the actions that begin with `word`.
fn those<'a>(actions: &'a [String], word: &str) -> Vec<&'a str> {
    actions.iter().filter_map(|l| l.strip_prefix(word)).collect()
}

#[test]
fn a_renamed_folder_is_renamed_and_not_sent_again() {
    let lab = fred_with(Options::default(), &["user.fred.a"]);
    fred(&lab).ok("RENAME INBOX.a INBOX.b");
    let run = ours(&lab, &["-v", "-v", "-u", "fred"]).ok();
    let renamed = run.stdout.contains("RENAME user.fred.a -> user.fred.b (default)\n");
    assert!(renamed, "{run}");
    let uploads: Vec<_> = sent(&run).into_iter().filter(|l| l.contains("MESSAGE")).collect();
    assert_eq!(uploads, [""; 0], "{run}");
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
}

#[test]
fn a_chain_of_renames_is_followed() {
    let lab = fred_with(Options::default(), &["user.fred.a", "user.fred.b", "user.fred.c"]);
    let mut fred = fred(&lab);
    // Each folder gets the name that the previous one had.
    for (from, to) in [("c", "d"), ("b", "c"), ("a", "b")] {
        fred.ok(&format!("RENAME INBOX.{from} INBOX.{to}"));
    }
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    assert_eq!(those(&done, "RENAME ").len(), 3, "{done:#?}");
    // Rename one folder several times.
    for (from, to) in [("d", "e"), ("e", "f"), ("f", "g")] {
        fred.ok(&format!("RENAME INBOX.{from} INBOX.{to}"));
    }
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    assert_eq!(those(&done, "RENAME "), ["user.fred.d -> user.fred.g (default)"]);
}

#[test]
fn two_folders_change_places() {
    let lab = fred_with(Options::default(), &["user.fred.a", "user.fred.b", "user.fred.c"]);
    let mut fred = fred(&lab);
    for (from, to) in [("a", "tmp"), ("b", "a"), ("tmp", "b")] {
        fred.ok(&format!("RENAME INBOX.{from} INBOX.{to}"));
    }
    replicate(&lab, &["-u", "fred"]);
    // Three folders exchange names in a circle, and each gets a new message.
    for (from, to) in [("a", "tmp"), ("b", "a"), ("c", "b"), ("tmp", "c")] {
        fred.ok(&format!("RENAME INBOX.{from} INBOX.{to}"));
    }
    for mailbox in ["INBOX.a", "INBOX.b", "INBOX.c"] {
        append(&mut fred, mailbox, &format!("after the circle, in {mailbox}"));
    }
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
}

#[test]
fn folders_below_a_renamed_folder_are_renamed_too() {
    let below = ["user.fred.a", "user.fred.a.x", "user.fred.a.x.deep", "user.fred.a.y"];
    let lab = fred_with(Options::default(), &below);
    fred(&lab).ok("RENAME INBOX.a INBOX.new");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    assert_eq!(those(&done, "RENAME ").len(), 4, "{done:#?}");
}

#[test]
fn a_folder_moves_to_another_partition() {
    let lab = fred_with(Options::default(), &["user.fred.a"]);
    Imap::admin(&lab.master).ok("RENAME user.fred.a user.fred.a second");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    assert_eq!(those(&done, "RENAME "), ["user.fred.a -> user.fred.a (second)"]);
}

#[test]
fn a_folder_moves_to_another_user() {
    // The folder is missing for one user and new for the other. Test both orders of replication.
    for order in [["-u", "anna", "fred"], ["-u", "fred", "anna"]] {
        let lab = fred_with(Options::default(), &["user.fred.x", "user.fred.y"]);
        create(&lab.master, &["user.anna"]);
        replicate(&lab, &order);
        Imap::admin(&lab.master).ok("RENAME user.fred.x user.anna.x");
        let done = replicate_as_cyrus_would(&lab, &order);
        let renames = those(&done, "RENAME ");
        assert_eq!(renames, ["user.fred.x -> user.anna.x (default)"], "{order:?}");
    }
}

#[test]
fn deleted_folders_go_below_deleted() {
    let lab = fred_with(Options::default(), &["user.fred.a", "user.fred.b", "user.fred.b.c"]);
    let mut fred = fred(&lab);
    fred.ok("DELETE INBOX.a");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    let renames = those(&done, "RENAME user.fred.a -> DELETED.user.fred.a.");
    assert_eq!(renames.len(), 1, "{done:#?}");
    fred.ok("DELETE INBOX.b.c");
    fred.ok("DELETE INBOX.b");
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    // Each server runs its own cyr_expire. Afterwards there is nothing to replicate.
    for server in [&lab.master, &lab.replica] {
        tools::run(server, "cyr_expire", &["-E", "1", "-D", "0"]);
    }
    assert_eq!(replicate_as_cyrus_would(&lab, &["-u", "fred"]), ["USER fred"]);
}

/// Between two runs, a user is deleted by mistake and created again, and the old INBOX is restored
/// as a folder. Cyrus cannot rename an INBOX to a folder.
#[test]
fn an_inbox_that_became_a_folder_becomes_one_on_the_replica() {
    for words in [&["-u", "fred"][..], &["-1"]] {
        let lab = fred_with(Options::default(), &["user.fred.a"]);
        append(&mut fred(&lab), "INBOX", "of before");
        replicate(&lab, &["-u", "fred"]);
        let id = uniqueid(&lab.master, "user.fred");
        let mut admin = Imap::admin(&lab.master);
        admin.ok("SETACL user.fred admin lrswipkxtecdan");
        admin.ok("DELETE user.fred");
        let gone = admin.list("DELETED.user.fred.%");
        let inbox = gone.iter().find(|name| name.split('.').count() == 4).expect("it lies there");
        admin.ok("CREATE user.fred");
        admin.ok(&format!("RENAME {inbox} user.fred.old"));
        append(&mut fred(&lab), "INBOX", "of now");
        let run = ours(&lab, &[words, &["-v"]].concat()).ok();
        assert_eq!(errors(&run), [""; 0], "{run}");
        assert_equal(&lab);
        assert_cyrus_idle(&lab, &["-u", "fred"]);
        assert_eq!(uniqueid(&lab.replica, "user.fred.old"), id);
        let mut there = Imap::login(&lab.replica, "fred").with_selected("INBOX.old");
        assert_eq!(there.uids(), [1]);
    }
}

#[test]
fn folders_deleted_without_delay_are_deleted_on_the_replica() {
    let options = Options { delayed_delete: false, ..Options::default() };
    let lab = fred_with(options, &["user.fred.a", "user.fred.b", "user.fred.b.c"]);
    let mut fred = fred(&lab);
    fred.ok("DELETE INBOX.b.c");
    fred.ok("DELETE INBOX.a");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    assert_eq!(those(&done, "UNMAILBOX "), ["user.fred.a", "user.fred.b.c"]);
}

#[test]
fn a_folder_created_again_is_a_new_mailbox() {
    let lab = fred_with(Options::default(), &["user.fred.a"]);
    let mut fred = fred(&lab);
    fred.ok("DELETE INBOX.a");
    fred.ok("CREATE INBOX.a");
    append(&mut fred, "INBOX.a", "in the new one");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    assert_eq!(those(&done, "RENAME user.fred.a -> DELETED.").len(), 1, "{done:#?}");
}

#[test]
fn a_folder_deleted_without_delay_can_be_created_again() {
    let lab = fred_with(Options { delayed_delete: false, ..Options::default() }, &["user.fred.a"]);
    let mut fred = fred(&lab);
    fred.ok("DELETE INBOX.a");
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    fred.ok("CREATE INBOX.a");
    append(&mut fred, "INBOX.a", "in the new one");
    let done = replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    assert_eq!(those(&done, "MAILBOX "), ["user.fred.a"]);
}

#[test]
fn names_without_a_mailbox_are_replicated_as_names() {
    let lab = Lab::default();
    create(
        &lab.master,
        &[
            "user.fred",
            "user.fred.a.b.c",
            "user.fred.x.y",
            "user.fred.real",
            "user.fred.real.below",
        ],
    );
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    // A parent name without a mailbox disappears with the last mailbox below it.
    let mut fred = fred(&lab);
    fred.ok("DELETE INBOX.real.below");
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    fred.ok("DELETE INBOX.x.y");
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    fred.ok("RENAME INBOX.a.b.c INBOX.p.q.r");
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
}

#[test]
fn difficult_names_arrive_as_they_are() {
    let names = [
        "two words",
        " leading",
        "trailing ",
        "say \"hi\"",
        "back\\slash",
        "it's",
        "a&-b",
        "Entw&APw-rfe",
        "&ZeVnLIqe-",
        "v1.2",
        "(paren)",
        "{5}",
        "{5+}",
        "$dollar",
        "NIL",
        "^caret",
        "UPPER",
        "upper",
        "~home",
        "semi;colon",
        "eq=ual",
        "[brackets]",
        "tab'",
        "#hash",
        "!bang",
    ];
    let lab = Lab::new(Options::modern());
    create(&lab.master, &["user/fred", "user/anna.b"]);
    let mut made = 0;
    for user in ["fred", "anna.b"] {
        let mut imap = Imap::login(&lab.master, user);
        for name in names {
            if imap.command(&format!("CREATE {}", quote(name))).is_ok() {
                append(&mut imap, name, &format!("in {name}"));
                imap.ok(&format!("SUBSCRIBE {}", quote(name)));
                made += 1;
            }
        }
    }
    assert!(made > 30, "the master took only {made} names");
    replicate_as_cyrus_would(&lab, &["-u", "fred", "anna.b"]);
    let mut fred = fred(&lab);
    for (from, to) in [("two words", "say more"), ("&ZeVnLIqe-", "v1.2/&ZeVnLIqe-")] {
        fred.ok(&format!("RENAME {} {}", quote(from), quote(to)));
    }
    replicate_as_cyrus_would(&lab, &["-A"]);
}

#[test]
fn deep_and_wide_trees_arrive() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let mut fred = fred(&lab);
    let mut name = "INBOX".to_owned();
    for depth in 0..30 {
        name.push_str(&format!(".level{depth}"));
        fred.ok(&format!("CREATE {name}"));
    }
    append(&mut fred, &name, "far down");
    for number in 0..150 {
        fred.ok(&format!("CREATE INBOX.wide.w{number}"));
    }
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    fred.ok("RENAME INBOX.level0 INBOX.wide.level0");
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
}

#[test]
fn shared_mailboxes_are_renamed_and_deleted_too() {
    for delayed_delete in [true, false] {
        let lab = Lab::new(Options { delayed_delete, ..Options::default() });
        let all = ["lists", "lists.rust", "lists.c", "press"];
        create(&lab.master, &[&["user.fred"], &all[..]].concat());
        let mut admin = Imap::admin(&lab.master);
        for mailbox in all {
            admin.ok(&format!("SETACL {mailbox} admin lrswipkxtecda"));
            append(&mut admin, mailbox, &format!("to {mailbox}"));
        }
        replicate_as_cyrus_would(&lab, &["-A"]);
        admin.ok("RENAME lists.c lists.cplusplus");
        replicate(&lab, &["-A"]);
        admin.ok("SETACL press admin c");
        admin.ok("DELETE press");
        replicate(&lab, &["-A"]);
        admin.ok("CREATE press");
        replicate(&lab, &["-A"]);
        assert_cyrus_idle(&lab, &["-A"]);
    }
}

#[test]
fn calendars_and_address_books_keep_their_type() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let mut admin = Imap::admin(&lab.master);
    for (name, kind) in [("#calendars", "CALENDAR"), ("#addressbooks", "ADDRESSBOOK")] {
        admin.ok(&format!("CREATE user.fred.{name} (TYPE {kind})"));
        admin.ok(&format!("CREATE user.fred.{name}.Default (TYPE {kind})"));
    }
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
}
