//! Makes differences outside of cyrus.index, by the protocol or with Cyrus's own tools.
//! Verification must find and name each of them.

use cyrsync_lab::{Imap, Lab, Options, SyncServer, Value, tools};

use super::world::{settle, verify, verify_equal, world};
use crate::common::{message, sync_client_itself, uniqueid};

/// Verifies everything. Asserts that the report has exactly these lines, in any order.
#[track_caller]
fn found(lab: &Lab, mut expected: Vec<&str>) {
    let found = verify(lab, &["-A"]);
    let mut lines = found.lines.clone();
    lines.sort();
    expected.sort_unstable();
    assert_eq!(lines, expected, "{}", found.run);
    assert_eq!(found.code, 2, "{}", found.run);
}

/// Sends a command to the replica. Asserts that it succeeds.
#[track_caller]
fn apply(lab: &Lab, name: &str, items: &[(&str, Value)]) {
    let items = items.iter().map(|(key, value)| (*key, value.clone()));
    SyncServer::spawn(&lab.replica).apply(name, &Value::keyed(items)).ok();
}

fn text(text: &str) -> Value {
    Value::text(text)
}

#[test]
fn subscriptions_quotas_and_annotations_are_found() {
    let lab = world(Options::default());
    let sub = |name: &str| [("USERID", text("fred")), ("MBOXNAME", text(name))];
    apply(&lab, "UNSUB", &sub("lists.rust"));
    found(
        &lab,
        vec!["user fred: SUB lists.rust is subscribed on the master and missing on the replica"],
    );
    apply(&lab, "SUB", &sub("lists.rust"));
    apply(&lab, "SUB", &sub("user.fred.Open"));
    found(
        &lab,
        vec![
            "user fred: SUB user.fred.Open is missing on the master and subscribed on the replica",
        ],
    );
    settle(&lab);

    let limits = "STORAGE 5000 MESSAGE 200 X-ANNOTATION-STORAGE 30 X-NUM-FOLDERS 20";
    let mut admin = Imap::admin(&lab.replica);
    for (limit, other) in [
        ("STORAGE 5000", "STORAGE 5001"),
        ("MESSAGE 200", "MESSAGE 201"),
        ("X-ANNOTATION-STORAGE 30", "X-ANNOTATION-STORAGE 31"),
        ("X-NUM-FOLDERS 20", "X-NUM-FOLDERS 21"),
    ] {
        assert!(admin.set_quota("user.fred", &limits.replace(limit, other)).is_ok());
        let (name, here) = limit.split_once(' ').expect("two words");
        let there = other.split_once(' ').expect("two words").1;
        found(
            &lab,
            vec![&format!(
                "quota root user.fred: {name} is {here} on the master and {there} on the replica"
            )],
        );
    }
    assert!(admin.set_quota("user.fred", "STORAGE 5000 MESSAGE 200 X-NUM-FOLDERS 20").is_ok());
    found(
        &lab,
        vec![
            "quota root user.fred: X-ANNOTATION-STORAGE is 30 on the master and unlimited on the \
             replica",
        ],
    );
    assert!(admin.set_quota("user.fred", limits).is_ok());
    assert!(admin.set_quota("lists", "STORAGE 901").is_ok());
    found(&lab, vec!["quota root lists: STORAGE is 900 on the master and 901 on the replica"]);
    settle(&lab);

    let note = |value: &str| {
        [
            ("MBOXNAME", text("")),
            ("ENTRY", text("/comment")),
            ("USERID", text("")),
            ("VALUE", text(value)),
        ]
    };
    apply(&lab, "ANNOTATION", &note("another"));
    found(
        &lab,
        vec![
            "the server: ANNOTATION /comment is a server on the master and another on the replica",
        ],
    );
    apply(&lab, "ANNOTATION", &note("a server"));
    verify_equal(&lab, &["-A"]);
}

#[test]
fn each_field_of_seen_state_is_found() {
    let lab = world(Options::default());
    let id = uniqueid(&lab.master, "user.fred.Open");
    let items = SyncServer::spawn(&lab.master).get("META", &text("anna")).ok();
    let seen = items.into_iter().find(|(name, one)| name == "SEEN" && one.str("UNIQUEID") == id);
    let seen = seen.expect("anna has read it").1;
    let number = |key: &str, more: u64| Value::number(seen.num(key) + more);
    let with = |changed: &str| {
        let mut items = vec![("USERID", text("anna")), ("UNIQUEID", text(&id))];
        for key in ["LASTREAD", "LASTUID", "LASTCHANGE"] {
            items.push((key, number(key, u64::from(key == changed))));
        }
        let uids = if changed == "SEENUIDS" { "1,3:5" } else { "1,3:4" };
        items.push(("SEENUIDS", text(uids)));
        items
    };
    assert_eq!(seen.str("SEENUIDS"), "1,3:4");
    for field in ["LASTREAD", "LASTUID", "LASTCHANGE", "SEENUIDS"] {
        apply(&lab, "SEEN", &with(field));
        let found = verify(&lab, &["-s", "anna"]);
        assert_eq!((found.code, found.lines.len()), (2, 1), "{}", found.run);
        let start = format!("seen state of anna in user.fred.Open: {field} is ");
        assert!(found.lines[0].starts_with(&start), "{}", found.run);
        assert_eq!(verify(&lab, &["-A"]).lines, found.lines);
    }
    apply(&lab, "SEEN", &with(""));
    verify_equal(&lab, &["-A"]);
    // Give the replica seen state of anna for a mailbox that she has not read.
    let other = uniqueid(&lab.master, "user.fred");
    let mut items = with("");
    items[1] = ("UNIQUEID", text(&other));
    apply(&lab, "SEEN", &items);
    found(
        &lab,
        vec![
            "seen state of anna in user.fred: SEEN is missing on the master and there on the replica",
        ],
    );
}

#[test]
fn mailboxes_on_one_side_or_with_other_names_are_found() {
    let lab = world(Options { delayed_delete: false, ..Options::default() });
    SyncServer::spawn(&lab.replica).apply("UNMAILBOX", &text("user.fred.Gone2")).ok();
    found(&lab, vec!["user.fred.Gone2 is only on the master"]);
    settle(&lab);
    SyncServer::spawn(&lab.replica).apply("UNMAILBOX", &text("lists.rust")).ok();
    found(&lab, vec!["lists.rust is only on the master"]);
    settle(&lab);
    // Delete a mailbox on the master, which leaves a tombstone there.
    SyncServer::spawn(&lab.master).apply("UNMAILBOX", &text("user.fred.Gone2")).ok();
    found(&lab, vec!["user.fred.Gone2 is only on the replica"]);
    settle(&lab);
    Imap::admin(&lab.replica).ok("CREATE user.fred.Stray");
    found(&lab, vec!["user.fred.Stray is only on the replica"]);
    Imap::admin(&lab.replica).ok("SETACL user.fred.Stray admin lrswipkxtecda");
    Imap::admin(&lab.replica).ok("DELETE user.fred.Stray");
    // Give the replica another mailbox with the same name.
    SyncServer::spawn(&lab.replica).apply("UNMAILBOX", &text("user.fred.Open")).ok();
    Imap::admin(&lab.replica).ok("CREATE user.fred.Open");
    let ids = [&lab.master, &lab.replica].map(|server| uniqueid(server, "user.fred.Open"));
    found(
        &lab,
        vec![&format!(
            "user.fred.Open: UNIQUEID is {} on the master and {} on the replica",
            ids[0], ids[1]
        )],
    );
    SyncServer::spawn(&lab.replica).apply("UNMAILBOX", &text("user.fred.Open")).ok();
    settle(&lab);
    // Rename the mailbox on the master.
    Imap::admin(&lab.master).ok("RENAME user.fred.Open user.fred.Closed");
    found(
        &lab,
        vec![
            "user.fred.Closed: MBOXNAME is user.fred.Closed on the master and user.fred.Open on \
             the replica",
        ],
    );
}

#[test]
fn differences_in_mailboxes_db_and_cyrus_header_are_found() {
    let mut lab = world(Options::default());
    let entry = |lab: &mut Lab, name: &str, from: &str, to: &str| {
        lab.replica.stop_server();
        tools::set_entry(&lab.replica, name, |entry| {
            assert!(entry.contains(from), "{entry}");
            entry.replace(from, to)
        });
        lab.replica.start_server();
    };
    entry(&mut lab, "user.fred.Open", "anna lrs", "anna lr");
    found(
        &lab,
        vec![
            "user.fred.Open: ACL is fred\\tlrswipkxtecdan\\tanna\\tlrs\\t on the master and \
             fred\\tlrswipkxtecdan\\tanna\\tlr\\t on the replica",
        ],
    );
    entry(&mut lab, "user.fred.Open", "anna lr", "anna lrs");
    entry(&mut lab, "user.fred.Open", "T e ", "T b ");
    found(&lab, vec!["user.fred.Open: MBOXTYPE is e on the master and b on the replica"]);
    entry(&mut lab, "user.fred.Open", "T b ", "T e ");
    for name in ["user.fred.Open", "user.fred.a"] {
        let modseq = SyncServer::spawn(&lab.replica)
            .get("MAILBOXES", &Value::texts([name]))
            .ok()
            .first()
            .map(|(_, found)| found.num("FOLDERMODSEQ"));
        let modseq = modseq.expect("it is there");
        let (here, there) = (format!("F {modseq} "), format!("F {} ", modseq - 1));
        entry(&mut lab, name, &here, &there);
        found(
            &lab,
            vec![&format!(
                "{name}: FOLDERMODSEQ is {modseq} on the master and {} on the replica",
                modseq - 1
            )],
        );
        entry(&mut lab, name, &there, &here);
    }
    verify_equal(&lab, &["-A"]);
}

/// When a mail client changes a flag on the replica, the modseqs differ too.
#[test]
fn changes_of_a_mail_client_on_the_replica_are_found_with_their_modseqs() {
    let lab = world(Options::default());
    let fields = |lab: &Lab, subject: &str| {
        let found = verify(lab, &["-u", "fred"]);
        assert_eq!(found.code, 2, "{}", found.run);
        let of = |line: &String| Some(line.strip_prefix(subject)?.split(' ').next()?.to_owned());
        let mut fields: Vec<String> = found.lines.iter().filter_map(of).collect();
        fields.sort();
        (fields, found.lines.len())
    };
    let mut fred = Imap::login(&lab.replica, "fred").with_selected("INBOX.Sent");
    fred.ok("UID STORE 3 +FLAGS (\\Flagged)");
    let (changed, lines) = fields(&lab, "UID 3 of user.fred.Sent: ");
    assert!(changed.contains(&"FLAGS".to_owned()), "{changed:?}");
    assert!(changed.contains(&"MODSEQ".to_owned()), "{changed:?}");
    assert!(lines <= changed.len() + 3, "{lines}: {changed:?}");
    assert!(fred.annotate_messages("2", "/comment", false, Some(b"another note")).is_ok());
    let (changed, _) = fields(&lab, "UID 2 of user.fred.Sent: ");
    assert!(changed.contains(&"ANNOTATION".to_owned()), "{changed:?}");
    assert!(fred.set_metadata("INBOX.Sent", "/shared/comment", Some(b"other")).is_ok());
    let (changed, _) = fields(&lab, "user.fred.Sent: ");
    assert!(changed.contains(&"ANNOTATION".to_owned()), "{changed:?}");
    assert!(fred.append("INBOX.Sent", "", &message("there only")).is_ok());
    let found = verify(&lab, &["-m", "user.fred.Sent"]);
    let line = "UID 7 of user.fred.Sent is only on the replica".to_owned();
    assert!(found.lines.contains(&line), "{}", found.run);
}

#[test]
fn an_unreadable_entry_is_an_error_and_no_difference() {
    let lab = world(Options::default());
    for key in ["Nlists\u{1f}rust", "Nuser\u{1f}fred\u{1f}Sent"] {
        let intact = tools::dump(&lab.master, "mailboxes.db", "twoskip");
        let (_, value) = intact.iter().find(|(k, _)| k == key).expect("the record");
        tools::set_record(&lab.master, "mailboxes.db", key, "%(T ? torn");
        let run = sync_client_itself(&lab, &["--verify", "-A"]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        let torn = |line: &&str| {
            line.contains("could not be compared: ") && line.contains("read mailboxes.db ")
        };
        assert!(run.stdout.lines().any(|line| torn(&line)), "{run}");
        assert!(!run.stdout.contains("only on the replica"), "{run}");
        let last = run.stdout.lines().last().unwrap_or_default();
        assert!(last.starts_with("compared "), "{run}");
        assert!(run.stdout.contains(key.rsplit('\u{1f}').next().unwrap_or_default()), "{run}");
        tools::set_record(&lab.master, "mailboxes.db", key, value);
    }
    verify_equal(&lab, &["-A"]);
}
