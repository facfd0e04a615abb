//! Tests each database of Cyrus in every format that Cyrus allows for it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use cyrsync_lab::fill::{Bulk, bulk};
use cyrsync_lab::tools::{convert_databases, database_type, set_entry, set_record};
use cyrsync_lab::{Difference, Imap, Lab, Options, another_replica, compare, describe};

use crate::common::{
    actions, append, assert_equal, assert_idle, create, errors, ours, replicate,
    replicate_as_cyrus_would, sync_client_itself,
};

/// Creates a user with data in each database, and another user who reads the user's mail.
fn set_up(lab: &Lab) {
    let master = &lab.master;
    create(master, &["user.fred", "user.fred.Sent", "user.fred.Old", "user.anna", "lists"]);
    assert!(Imap::admin(master).set_quota("user.fred", "STORAGE 100000 MESSAGE 500").is_ok());
    let mut fred = Imap::login(master, "fred");
    for number in 0..6 {
        append(&mut fred, "INBOX", &format!("{number}"));
        append(&mut fred, "INBOX.Sent", &format!("{}", number % 2));
    }
    fred.ok("SELECT INBOX");
    assert!(fred.annotate_messages("1:3", "/comment", true, Some(b"a note")).is_ok());
    assert!(fred.set_metadata("INBOX.Sent", "/shared/comment", Some(b"ours")).is_ok());
    fred.ok("SETACL INBOX.Sent anna lrs");
    fred.ok("SUBSCRIBE INBOX.Sent");
    let server = Imap::admin(master).set_metadata("", "/shared/vendor/lab/server", Some(b"hi"));
    assert!(server.is_ok());
    see_as_anna(lab, 2);
}

fn see_as_anna(lab: &Lab, uid: u32) {
    let mut anna = Imap::login(&lab.master, "anna");
    anna.ok("SELECT user.fred.Sent");
    anna.ok(&format!("UID STORE {uid} +FLAGS (\\Seen)"));
    anna.ok("SUBSCRIBE user.fred.Sent");
    anna.ok("UNSELECT");
}

/// Changes something in each database.
fn change(lab: &Lab) {
    let mut fred = Imap::login(&lab.master, "fred");
    append(&mut fred, "INBOX", "later");
    fred.ok("SELECT INBOX");
    fred.ok("UID STORE 1:2 +FLAGS (\\Seen \\Flagged)");
    assert!(fred.annotate_messages("2", "/comment", true, None).is_ok());
    assert!(fred.annotate_messages("4", "/comment", false, Some(b"shared")).is_ok());
    assert!(fred.set_metadata("INBOX.Sent", "/shared/comment", Some(b"changed")).is_ok());
    fred.ok("SUBSCRIBE INBOX");
    fred.ok("UNSUBSCRIBE INBOX.Sent");
    fred.ok("RENAME INBOX.Old INBOX.Older");
    fred.ok("CREATE INBOX.New");
    assert!(Imap::admin(&lab.master).set_quota("user.fred", "STORAGE 200000").is_ok());
    see_as_anna(lab, 5);
}

fn all_of_type(types: &[(&str, &str)]) {
    let options = Options { conversations: true, reverseacls: true, ..Options::default() };
    let mut lab = Lab::new(options);
    set_up(&lab);
    replicate_as_cyrus_would(&lab, &["-A"]);
    lab.master.stop_server();
    for (option, kind) in types {
        convert_databases(&lab.master, option, kind);
        assert_eq!(database_type(&lab.master, option), *kind);
    }
    lab.master.start_server();
    replicate_as_cyrus_would(&lab, &["-A"]);
    change(&lab);
    let done = replicate_as_cyrus_would(&lab, &["-A"]);
    for wanted in ["MAILBOX user.fred", "SUB fred user.fred", "UNSUB fred user.fred.Sent"] {
        assert!(done.iter().any(|line| line == wanted), "{wanted}: {done:#?}");
    }
    for wanted in ["RENAME user.fred.Old", "SEEN anna", "QUOTA user.fred"] {
        assert!(done.iter().any(|line| line.starts_with(wanted)), "{wanted}: {done:#?}");
    }
    Imap::login(&lab.master, "fred").ok("DELETE INBOX.New");
    replicate_as_cyrus_would(&lab, &["-u", "fred", "anna"]);
}

const TWOSKIP: [(&str, &str); 3] =
    [("subscription_db", "twoskip"), ("quota_db", "twoskip"), ("conversations_db", "twoskip")];
const SKIPLIST: [(&str, &str); 5] = [
    ("mboxlist_db", "skiplist"),
    ("annotation_db", "skiplist"),
    ("seenstate_db", "skiplist"),
    ("subscription_db", "skiplist"),
    ("quota_db", "skiplist"),
];
const FLAT: [(&str, &str); 3] =
    [("mboxlist_db", "flat"), ("seenstate_db", "flat"), ("quota_db", "flat")];

#[test]
fn all_databases_are_twoskip() {
    all_of_type(&TWOSKIP);
}

#[test]
fn all_databases_are_skiplist() {
    all_of_type(&SKIPLIST);
}

#[test]
fn all_databases_are_flat_if_possible() {
    all_of_type(&FLAT);
}

/// Two of Cyrus's servers that create quota roots in one database can refuse each other's locks.
/// Then the usage of a root is wrong on the replica (`quota_changelock` in `imap/quota_db.c`).
#[test]
fn several_connections_create_and_delete_quota_roots_in_one_database() {
    let lab = Lab::default();
    lab.master.set_config("sync_jobs", Some("4"));
    bulk(&lab.master, Bulk { users: 30, folders: 4, messages: 2, seed: 3 });
    let set_all = |limits: &str| {
        let mut admin = Imap::admin(&lab.master);
        let set = |user| admin.set_quota(&format!("user.u{user:03}"), limits).is_ok();
        assert!((0..30).all(set));
    };
    let log = lab.master.scratch().join("log");
    let entries: String = (0..30).map(|user| format!("QUOTA user.u{user:03}\n")).collect();
    fs::write(&log, entries).expect("own directory");
    let log = log.to_str().expect("its name is plain");
    for types in [&TWOSKIP[..], &SKIPLIST, &FLAT] {
        let kind = types[0].1;
        let replica_conf = types.iter().map(|(option, kind)| format!("{option}: {kind}\n"));
        let options = Options { replica_conf: replica_conf.collect(), ..Options::default() };
        let replica = another_replica(&lab, kind, &options);
        lab.master.use_replica(&replica);
        let equal_with = |limits: &str, args: &[&str]| {
            set_all(limits);
            ours(&lab, args).ok();
            let differences = compare(&lab.master, &replica);
            assert!(differences.is_empty(), "{kind}: {}", describe(&differences, 20));
        };
        equal_with("STORAGE 100000 MESSAGE 500", &["-A"]);
        equal_with("", &["-A"]);
        for limits in ["STORAGE 100000", "STORAGE 200000 MESSAGE 500", ""] {
            equal_with(limits, &["-R", "-f", log]);
        }
    }
}

#[test]
fn a_transaction_of_a_killed_process_is_not_replicated() {
    for kind in ["twoskip", "skiplist"] {
        let mut lab = Lab::default();
        create(&lab.master, &["user.fred", "user.fred.Sent", "lists"]);
        replicate(&lab, &["-A"]);
        append(&mut Imap::login(&lab.master, "fred"), "INBOX.Sent", "not replicated yet");
        lab.master.stop_server();
        if kind == "skiplist" {
            convert_databases(&lab.master, "mboxlist_db", kind);
        }
        let path = lab.master.config_dir().join("mailboxes.db");
        let before = fs::metadata(&path).unwrap().len();
        let mut tool = lab.master.program("cyr_dbtool");
        tool.arg("-n").arg(&path).args([kind, "batch"]);
        let mut writer = tool.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = writer.stdin.take().unwrap();
        writeln!(input, "BEGIN\nDELETE {{10+}}\r\nNuser\x1ffred\nSET a b\nGET a").unwrap();
        let mut line = String::new();
        BufReader::new(writer.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "a b\n");
        writer.kill().unwrap();
        writer.wait().unwrap();
        assert!(fs::metadata(&path).unwrap().len() > before);

        let done = actions(&lab, &["-A"]);
        assert!(done.iter().any(|line| line == "MAILBOX user.fred.Sent"), "{kind}: {done:#?}");
        assert_idle(&lab, &["-A"]);
        lab.master.start_server();
        create(&lab.master, &["user.anna"]);
        replicate_as_cyrus_would(&lab, &["-A"]);
    }
}

#[test]
fn the_file_and_not_imapd_conf_determines_the_format() {
    let mut lab = Lab::default();
    set_up(&lab);
    // Stop Cyrus, because it would convert a database to the configured format when it opens it.
    lab.master.stop_server();
    for word in ["skiplist", "twom"] {
        for option in ["mboxlist_db", "annotation_db", "seenstate_db", "sync_cache_db"] {
            lab.master.set_config(option, Some(word));
        }
        ours(&lab, &["-A"]).ok();
    }
    lab.master.set_config("sync_cache_db", None);
    for option in ["mboxlist_db", "annotation_db", "seenstate_db"] {
        lab.master.set_config(option, None);
    }
    assert_equal(&lab);
    // subscription_db is flat. A flat file has no header, so it cannot be read as another format.
    lab.master.set_config("subscription_db", Some("twoskip"));
    let run = ours(&lab, &["-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("sub.db") && run.stderr.contains("flat"), "{run}");
    lab.master.set_config("subscription_db", None);
    replicate(&lab, &["-A"]);
}

#[test]
fn unsupported_databases_are_refused_with_a_hint() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    replicate(&lab, &["-A"]);
    for (option, word) in [
        ("mboxlist_db", "sql"),
        ("annotation_db", "zeroskip"),
        ("seenstate_db", "zeroskip"),
        ("subscription_db", "zeroskip"),
        ("quota_db", "sql"),
        ("conversations_db", "sql"),
    ] {
        lab.master.set_config(option, Some(word));
        let run = ours(&lab, &["-A"]);
        lab.master.set_config(option, None);
        assert_eq!(run.status.code(), Some(78), "{run}");
        let [line] = run.stderr.lines().collect::<Vec<_>>()[..] else { panic!("{run}") };
        let asked = ["Fatal error: ", option, word, "cvt_cyrusdb", "twoskip"];
        assert!(asked.iter().all(|part| line.contains(part)), "{line}");
        assert_eq!(errors(&run).len(), 1, "{run}");
    }

    // Here imapd.conf does not name the unsupported format; only the file shows it.
    let path = lab.master.config_dir().join("mailboxes.db");
    let aside = path.with_extension("aside");
    fs::rename(&path, &aside).unwrap();
    let refused = |what: &str| {
        let run = ours(&lab, &["-A"]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        for part in ["mailboxes.db", what, "cvt_cyrusdb"] {
            assert!(run.stderr.contains(part), "{part}: {run}");
        }
    };
    fs::write(&path, b"\xa1\x02\x8b\x0da later file\0\0\0\0\0\0\0").unwrap();
    refused("newer backend");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    File::create(path.join(".zsdb")).unwrap();
    refused("zeroskip");
    fs::remove_dir_all(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    replicate(&lab, &["-A"]);
}

/// Unknown fields and keys are ignored, as in Cyrus, and reported once.
#[test]
fn data_of_a_later_cyrus_is_reported_once_and_all_other_data_is_replicated() {
    let mut lab = Lab::new(Options::default());
    set_up(&lab);
    lab.master.stop_server();
    for mailbox in ["user.fred", "user.anna", "lists"] {
        set_entry(&lab.master, mailbox, |entry| entry.replacen("%(T ", "%(Z later T ", 1));
    }
    set_record(&lab.master, "mailboxes.db", "Xfred", "later");
    lab.master.start_server();
    let run = sync_client_itself(&lab, &["-A"]).ok();
    let said = run.log.lines().filter(|line| line.contains("a newer Cyrus"));
    let said: Vec<&str> = said
        .filter_map(|line| line.split_once("unknown data of a newer Cyrus is not replicated: "))
        .map(|it| it.1)
        .collect();
    assert_eq!(said.len(), 2, "{run}");
    assert!(said[0].starts_with("mailboxes.db, keys: X"), "{run}");
    assert!(said[1].starts_with("mailboxes.db, fields of entries: Z"), "{run}");
    let master_side = |difference: &Difference| difference.path.starts_with("mailboxes.db ");
    let mut differences = compare(&lab.master, &lab.replica);
    differences.retain(|difference| !master_side(difference));
    assert!(differences.is_empty(), "{}", describe(&differences, 10));
}
