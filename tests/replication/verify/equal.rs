//! Tests that verification finds no difference if both sides are equal.

use cyrsync_lab::{Imap, Lab, Options, Value};

use super::world::{settle, verify, verify_equal, world};
use crate::common::{actions, append, create, sent, sync_client_itself};

#[test]
fn equal_sides_have_no_difference() {
    let immediate = Options {
        hashimapspool: false,
        delayed_delete: false,
        delayed_expunge: false,
        ..Options::default()
    };
    for options in [Options::default(), immediate] {
        let lab = world(options);
        for args in [
            &["-A"][..],
            &["-u", "fred", "anna"],
            &["-s", "fred", "anna"],
            &["-m", "user.fred.Sent", "user.anna", "lists.rust"],
            &["-A", "-j", "4"],
        ] {
            verify_equal(&lab, args);
        }
    }
}

#[test]
fn equal_sides_with_conversations_and_reverse_acls_have_no_difference() {
    let lab = world(Options { conversations: true, reverseacls: true, ..Options::default() });
    let found = verify_equal(&lab, &["-A"]);
    // The users are fred and anna. The mailboxes are INBOX, Sent, Open, a, a.b, Gone2, Gone,
    // #sieve, anna, lists and lists.rust.
    assert_eq!(
        found.summary, "compared 2 users, 11 mailboxes, 31 records, 0 message files: equal",
        "{}",
        found.run
    );
    let found = verify(&lab, &["-v", "-u", "fred"]);
    assert_eq!(found.code, 0, "{}", found.run);
    let equal = |line: &String| line == "user.fred: equal, 6 records";
    assert!(found.lines.iter().any(equal), "{}", found.run);
}

#[test]
fn verification_sends_only_queries() {
    let lab = world(Options::default());
    Imap::admin(&lab.replica).ok("SETQUOTA user.fred (STORAGE 7)");
    let found = verify(&lab, &["-v", "-v", "--verify=messages", "-A", "-j", "1"]).run;
    let sent = sent(&found);
    assert!(sent.iter().any(|line| line.starts_with("GET FETCH")), "{sent:#?}");
    let reported = sent.iter().filter(|line| !line.starts_with("GET "));
    let reported: Vec<&String> =
        reported.filter(|line| !line.starts_with("APPLY CAPABILITIES")).collect();
    assert!(
        reported.iter().all(|line| ["COMPRESS", "AUTHENTICATE", "EXIT", "STARTTLS"]
            .iter()
            .any(|word| line.starts_with(word))),
        "{reported:#?}"
    );
}

#[test]
fn a_user_deleted_on_both_sides_is_equal_and_a_missing_user_is_an_error() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.zoe", "user.zoe.Sent", "lists.old"]);
    append(&mut Imap::login(&lab.master, "zoe"), "INBOX", "one");
    settle(&lab);
    let mut admin = Imap::admin(&lab.master);
    for name in ["user.zoe", "lists.old"] {
        admin.ok(&format!("SETACL {name} admin lrswipkxtecda"));
        admin.ok(&format!("DELETE {name}"));
    }
    actions(&lab, &["-A"]);
    // Like Cyrus's client, -A does not delete a deleted user on the replica. Only a log names that
    // user.
    let found = verify(&lab, &["-A"]);
    assert_eq!(found.code, 2, "{}", found.run);
    assert_eq!(
        found.lines,
        ["user.zoe is only on the replica", "user.zoe.Sent is only on the replica"]
    );
    let mut server = cyrsync_lab::SyncServer::spawn(&lab.replica);
    server.apply("UNUSER", &Value::text("zoe")).ok();
    assert_eq!(verify(&lab, &["-A"]).lines, [""; 0]);
    for args in [&["-u", "nobody"][..], &["-m", "user.nobody"], &["-s", "nobody"]] {
        let found = verify(&lab, args);
        assert_eq!((found.code, found.lines.len()), (1, 1), "{}", found.run);
        assert!(found.lines[0].contains("neither side has such a"), "{}", found.run);
        assert!(found.summary.ends_with(": 1 could not be compared"), "{}", found.run);
    }
}

#[test]
fn differences_are_printed_as_json() {
    let lab = world(Options::default());
    Imap::admin(&lab.replica).ok("SETQUOTA lists (STORAGE 7)");
    let run = sync_client_itself(&lab, &["--verify", "--json", "-v", "-m", "lists.rust"]);
    assert_eq!(run.status.code(), Some(2), "{run}");
    let lines = run.stdout.lines().filter(|line| line.contains(r#""event":"verify""#));
    let lines: Vec<&str> = lines.collect();
    let [equal, finding, summary] = lines.as_slice() else { panic!("{run}") };
    assert_eq!(*equal, r#"{"event":"verify","what":"equal","mailbox":"lists.rust","records":6}"#);
    let limits = r#""field":"STORAGE","master":"900","replica":"7","pending":false}"#;
    assert!(finding.ends_with(limits), "{run}");
    assert!(summary.ends_with(r#""differences":1,"pending":0,"unknown":0,"verdict":"different"}"#));
    assert!(run.stdout.lines().all(|line| line.starts_with('{')), "{run}");
}

#[test]
fn an_unreadable_name_is_an_error_and_no_difference() {
    let lab = world(Options::default());
    let run = sync_client_itself(&lab, &["--verify", "-m", "user/fred", "user.fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let last = run.stdout.lines().last().unwrap_or_default();
    assert!(last.starts_with("compared 0 users, 1 mailboxes"), "{run}");
    assert!(last.ends_with(": 1 could not be compared"), "{run}");
    assert!(run.stderr.contains("user/fred"), "{run}");
}
