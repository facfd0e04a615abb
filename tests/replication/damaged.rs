//! Tests messages that cannot be sent. Everything else must be sent. When the messages are
//! restored, nothing may have been lost, moved or expunged.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use cyrsync_lab::{Cyrus, Imap, Lab, Options, Run, cyrus_sync_client, tools};

use crate::common::{
    append, assert_equal, create, differing, errors, mailbox_field, message_file, ours, replicate,
    start_ours, until,
};
use crate::kinds::made::Made;

/// A message file that was damaged, and its original content.
struct Hidden {
    file: PathBuf,
    intact: Vec<u8>,
}

impl Hidden {
    /// Damages a message of a mailbox. The UID determines the kind of damage.
    fn new(cyrus: &Cyrus, mailbox: &str, uid: u64) -> Hidden {
        let file = message_file(cyrus, mailbox, uid);
        let intact = fs::read(&file).expect("own file");
        let mut changed = intact.clone();
        changed[9] ^= 1;
        match uid % 5 {
            0 => fs::remove_file(&file).expect("own file"),
            1 => fs::write(&file, &intact[..9]).expect("own file"),
            2 => fs::write(&file, changed).expect("own file"),
            3 => {
                fs::remove_file(&file).expect("own file");
                fs::create_dir(&file).expect("own directory");
            }
            _ => {
                fs::remove_file(&file).expect("own file");
                let made = Command::new("mkfifo").arg(&file).status().expect("it is there");
                assert!(made.success());
            }
        }
        Hidden { file, intact }
    }

    fn put_right(&self) {
        let _ = fs::remove_file(&self.file).or_else(|_| fs::remove_dir(&self.file));
        fs::write(&self.file, &self.intact).expect("own directory");
        let chown = Command::new("chown").arg("cyrus:mail").arg(&self.file).status();
        assert!(chown.expect("it is there").success());
    }
}

/// Returns UIDs and flags of all messages of a mailbox as its owner sees them.
fn messages(cyrus: &Cyrus, user: &str, mailbox: &str) -> Vec<String> {
    let mut imap = Imap::login(cyrus, user).with_selected(mailbox);
    let mut found: Vec<String> = Vec::new();
    for line in imap.ok("UID FETCH 1:* (FLAGS)").lines() {
        let line = line.replace("\\Recent ", "").replace(" \\Recent", "").replace("\\Recent", "");
        found.push(line.split_once("FETCH ").map_or("", |(_, rest)| rest).to_owned());
    }
    found.retain(|line| !line.is_empty());
    found
}

/// Returns the only error line about a mailbox.
#[track_caller]
fn the_line_of(run: &Run, mailbox: &str) -> String {
    let start = format!("SYNCERROR: do_folders(): update failed: {mailbox} '");
    let lines: Vec<String> = errors(run).into_iter().filter(|l| l.contains(&start)).collect();
    assert_eq!(lines.len(), 1, "{mailbox}: {lines:#?}\n{run}");
    lines[0].clone()
}

fn last_uid(lab: &Lab, mailbox: &str) -> String {
    mailbox_field(&lab.replica, mailbox, "LAST_UID")
}

#[test]
fn a_damaged_message_delays_only_later_messages() {
    const CASES: [(&str, &[u64]); 5] = [
        ("first", &[1]),
        ("middle", &[3]),
        ("last", &[5]),
        ("several", &[2, 4]),
        ("all", &[1, 2, 3, 4, 5]),
    ];
    for batch in ["0", "1", "2", "100"] {
        let lab = Lab::default();
        lab.master.set_config("sync_batchsize", Some(batch));
        create(&lab.master, &["user.fred", "user.fred.well"]);
        let mut fred = Imap::login(&lab.master, "fred");
        let mut hidden = Vec::new();
        for (case, uids) in CASES {
            let (name, own) = (format!("user.fred.{case}"), format!("INBOX.{case}"));
            create(&lab.master, &[&name]);
            for number in 1..=5 {
                append(&mut fred, &own, &format!("{number} in {case}"));
            }
            hidden.extend(uids.iter().map(|uid| Hidden::new(&lab.master, &name, *uid)));
        }
        append(&mut fred, "INBOX.well", "one");
        let before: Vec<_> =
            CASES.map(|(case, _)| messages(&lab.master, "fred", &format!("INBOX.{case}"))).into();

        let run = ours(&lab, &["-A", "-v"]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        for (case, uids) in CASES {
            let name = format!("user.fred.{case}");
            let line = the_line_of(&run, &name);
            let list: Vec<String> = uids.iter().map(ToString::to_string).collect();
            assert!(line.contains(&format!("uids=<{}>", list.join(","))), "{line}");
            assert!(line.contains("hint: ") && line.contains("/spool/"), "{line}");
            assert_eq!(last_uid(&lab, &name), (uids[0] - 1).to_string(), "{name}, batch {batch}");
        }
        let others: Vec<String> = differing(&lab)
            .into_iter()
            .filter(|path| !CASES.iter().any(|(case, _)| path.contains(&format!("fred.{case}"))))
            .filter(|path| !path.starts_with("mailboxes.db I ") && !path.contains("SEEN"))
            .collect();
        assert!(others.is_empty(), "{others:#?}");

        // Changes of the mailbox itself, and of messages before the damaged one, must be
        // replicated.
        for (case, _) in CASES {
            let own = format!("INBOX.{case}");
            append(&mut fred, &own, &format!("behind in {case}"));
            Imap::admin(&lab.master).ok(&format!("SETACL user.fred.{case} anna lrs"));
            let comment = format!("of {case}");
            assert!(fred.set_metadata(&own, "/private/comment", Some(comment.as_bytes())).is_ok());
        }
        fred = fred.with_selected("INBOX.middle");
        fred.ok("UID STORE 2 +FLAGS (\\Flagged $label)");
        fred.ok("UID STORE 1 +FLAGS (\\Deleted)");
        fred.ok("UID EXPUNGE 1");
        let run = ours(&lab, &["-u", "fred", "-v"]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        let [deleted, flagged] = &messages(&lab.replica, "fred", "INBOX.middle")[..] else {
            panic!("{run}")
        };
        assert!(deleted.contains("UID 1)") && deleted.contains("\\Deleted"), "{deleted}");
        assert!(flagged.contains("UID 2)") && flagged.contains("\\Flagged $label"), "{flagged}");
        for (case, uids) in CASES {
            let name = format!("user.fred.{case}");
            the_line_of(&run, &name);
            assert!(mailbox_field(&lab.replica, &name, "ACL").contains("anna\tlrs\t"));
            assert_eq!(last_uid(&lab, &name), (uids[0] - 1).to_string(), "{name}");
            let mut imap = Imap::login(&lab.replica, "fred");
            let reported = imap.ok(&format!("GETMETADATA INBOX.{case} /private/comment")).lines();
            assert!(
                reported.iter().any(|line| line.contains(&format!("of {case}"))),
                "{reported:?}"
            );
        }

        hidden.iter().for_each(Hidden::put_right);
        replicate(&lab, &["-A"]);
        for ((case, _), before) in CASES.into_iter().zip(before) {
            let now = messages(&lab.master, "fred", &format!("INBOX.{case}"));
            let kept = if case == "middle" { 5 } else { 6 };
            assert_eq!(now.len(), kept, "{case}");
            if case != "middle" {
                assert_eq!(now[..5], before[..], "nothing was written to the master");
            }
        }
    }
}

#[test]
fn a_new_inbox_with_a_damaged_message_is_created_and_the_rest_follows() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.Sent", "user.anna", "user.anna.Sent"]);
    Imap::admin(&lab.master).ok("SETQUOTA user.fred (STORAGE 5000)");
    for user in ["fred", "anna"] {
        let mut imap = Imap::login(&lab.master, user);
        for (number, mailbox) in ["INBOX", "INBOX", "INBOX", "INBOX.Sent"].iter().enumerate() {
            append(&mut imap, mailbox, &format!("{number} for {user} in {mailbox}"));
        }
        imap.ok("SUBSCRIBE INBOX.Sent");
    }
    let first = Hidden::new(&lab.master, "user.fred", 1);
    let second = Hidden::new(&lab.master, "user.anna", 2);
    for args in [&["-u", "fred", "anna"][..], &["-A"], &["-m", "user.fred", "user.anna"]] {
        let run = ours(&lab, &[&["-v"], args].concat());
        assert_eq!(run.status.code(), Some(1), "{run}");
        assert!(the_line_of(&run, "user.fred").contains("uids=<1>"), "{run}");
        assert!(the_line_of(&run, "user.anna").contains("uids=<2>"), "{run}");
        assert_eq!(
            (last_uid(&lab, "user.fred"), last_uid(&lab, "user.anna")),
            ("0".into(), "1".into())
        );
        let left = differing(&lab);
        let of_inbox =
            |path: &String| path.starts_with("user.fred ") || path.starts_with("user.anna ");
        let others: Vec<_> = left.iter().filter(|path| !of_inbox(path)).collect();
        assert!(
            others.iter().all(|p| p.starts_with("QUOTA") || p.contains(" I ")),
            "{others:#?}\n{run}"
        );
    }
    [first, second].iter().for_each(Hidden::put_right);
    replicate(&lab, &["-A"]);
}

#[test]
fn a_new_inbox_without_readable_messages_is_created_empty() {
    let lab = Lab::new(Options { conversations: true, ..Options::default() });
    create(&lab.master, &["user.fred", "user.fred.Sent"]);
    let mut fred = Imap::login(&lab.master, "fred").with_selected("INBOX");
    append(&mut fred, "INBOX", "one");
    append(&mut fred, "INBOX.Sent", "two");
    assert!(fred.annotate_messages("1", "/comment", true, Some(b"a note")).is_ok());
    drop(fred);
    let notes = message_file(&lab.master, "user.fred", 1).with_file_name("cyrus.annotations");
    let intact = fs::read(&notes).expect("own file");
    fs::write(&notes, "no such thing").expect("own file");
    let run = ours(&lab, &["-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(the_line_of(&run, "user.fred").contains("cyrus.annotations"), "{run}");
    assert_eq!(
        (last_uid(&lab, "user.fred"), last_uid(&lab, "user.fred.Sent")),
        ("0".into(), "1".into())
    );
    fs::write(&notes, intact).expect("own file");
    replicate(&lab, &["-A"]);

    // An INBOX without its index cannot be created on the replica. One error line says this, and
    // that the user's other mailboxes wait.
    create(&lab.master, &["user.anna", "user.anna.Sent", "user.zoe"]);
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "one");
    let index = message_file(&lab.master, "user.anna", 1).with_file_name("cyrus.index");
    let intact = fs::read(&index).expect("own file");
    fs::write(&index, "no such thing").expect("own file");
    let run = ours(&lab, &["-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let line = the_line_of(&run, "user.anna");
    assert!(
        line.contains("the other mailboxes of anna wait until the INBOX is on the replica"),
        "{line}"
    );
    assert!(errors(&run).iter().all(|l| !l.contains("user.anna.Sent")), "{run}");
    assert_eq!(last_uid(&lab, "user.zoe"), "0");
    fs::write(&index, intact).expect("own file");
    replicate(&lab, &["-A"]);
}

#[test]
fn cyruss_client_continues_after_a_damaged_message_was_left_out() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred").with_selected("INBOX");
    for number in 1..=4 {
        append(&mut fred, "INBOX", &format!("number {number}"));
    }
    let hidden = Hidden::new(&lab.master, "user.fred", 3);
    // The modseqs order the changes: UID 4, then the damaged UID 3, then the changes of UIDs 1 and
    // 2.
    fred.ok("UID STORE 3 +FLAGS (\\Seen)");
    fred.ok("UID STORE 1 +FLAGS (\\Flagged)");
    fred.ok("UID STORE 2 +FLAGS (\\Deleted)");
    fred.ok("UID EXPUNGE 2");
    assert_eq!(ours(&lab, &["-A"]).status.code(), Some(1));
    let before = messages(&lab.master, "fred", "INBOX");
    // The replica can have only the state before the change of UID 3. UID 2 was expunged later, so
    // the replica shows it as \Deleted.
    let there = messages(&lab.replica, "fred", "INBOX");
    assert!(there.len() == 2 && there[1].contains("\\Deleted"), "{there:?}");
    hidden.put_right();
    cyrus_sync_client(&lab.master, &["-A"]).ok();
    assert_equal(&lab);
    assert_eq!(messages(&lab.master, "fred", "INBOX"), before);
}

#[test]
fn a_mailbox_changed_on_both_sides_is_repaired_around_a_damaged_message() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred").with_selected("INBOX");
    for number in 1..=3 {
        append(&mut fred, "INBOX", &format!("number {number}"));
    }
    replicate(&lab, &["-A"]);
    // Expunge on the master and remove the records with cyr_expire, so that the client must compare
    // all records.
    for number in 4..=7 {
        append(&mut fred, "INBOX", &format!("number {number}"));
    }
    fred.ok("UID STORE 2,6 +FLAGS (\\Deleted)");
    fred.ok("UID EXPUNGE 2,6");
    // cyr_expire removes records only if nobody has the mailbox open.
    fred.ok("UNSELECT");
    tools::run(&lab.master, "cyr_expire", &["-E", "1", "-X", "0"]);
    let hidden = Hidden::new(&lab.master, "user.fred", 5);
    let before = messages(&lab.master, "fred", "INBOX");
    for _ in 0..2 {
        let run = ours(&lab, &["-A"]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        assert!(the_line_of(&run, "user.fred").contains("uids=<5>"), "{run}");
        let there = messages(&lab.replica, "fred", "INBOX").join("\n");
        assert!(["UID 1)", "UID 3)", "UID 4)"].iter().all(|uid| there.contains(uid)), "{there}");
        assert!(["UID 2)", "UID 5)", "UID 7)"].iter().all(|uid| !there.contains(uid)), "{there}");
        assert_eq!(messages(&lab.master, "fred", "INBOX"), before);
    }
    // A mail client also writes to the replica. The repair must copy this change to the master.
    Imap::login(&lab.replica, "fred").with_selected("INBOX").ok("UID STORE 3 +FLAGS (\\Answered)");
    let run = ours(&lab, &["-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(the_line_of(&run, "user.fred").contains("uids=<5>"), "{run}");
    hidden.put_right();
    ours(&lab, &["-A"]).ok();
    let forgotten = ["RECORD 2 ", "RECORD 6 "].map(|record| format!("user.fred {record}"));
    let left = differing(&lab);
    assert!(left.iter().all(|p| forgotten.iter().any(|f| p.starts_with(f))), "{left:#?}");
    let after = messages(&lab.master, "fred", "INBOX");
    assert_eq!(after.len(), before.len());
    assert!(after[1].contains("UID 3)") && after[1].contains("\\Answered"), "{after:?}");
}

#[test]
fn the_replica_uses_its_own_copy_of_a_damaged_message() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.a", "user.fred.b"]);
    let mut fred = Imap::login(&lab.master, "fred");
    append(&mut fred, "INBOX.b", "the same");
    replicate(&lab, &["-A"]);
    append(&mut fred, "INBOX.a", "the same");
    append(&mut fred, "INBOX.a", "another");
    let hidden = Hidden::new(&lab.master, "user.fred.a", 1);
    ours(&lab, &["-u", "fred"]).ok();
    assert_eq!(last_uid(&lab, "user.fred.a"), "2");
    hidden.put_right();
    assert_equal(&lab);
    // The replica may also get the same file with another mailbox of the run, or have it in this
    // mailbox.
    for mailbox in ["INBOX.a", "INBOX.a", "INBOX.b"] {
        append(&mut fred, mailbox, "once more");
        append(&mut fred, mailbox, &format!("after it in {mailbox}"));
    }
    let hidden = [3, 5].map(|uid| Hidden::new(&lab.master, "user.fred.a", uid));
    ours(&lab, &["-u", "fred"]).ok();
    assert_eq!(last_uid(&lab, "user.fred.a"), "6");
    hidden.iter().for_each(Hidden::put_right);
    assert_equal(&lab);
}

#[test]
fn an_expunge_keeps_its_modseq_on_the_replica() {
    // Test in batches, and without batches but with a damaged message.
    for batch in ["2", "0"] {
        let lab = Lab::default();
        lab.master.set_config("sync_batchsize", Some(batch));
        create(&lab.master, &["user.fred"]);
        let mut fred = Imap::login(&lab.master, "fred").with_selected("INBOX");
        for number in 1..=6 {
            append(&mut fred, "INBOX", &format!("number {number}"));
        }
        fred.ok("UID STORE 1,4 +FLAGS (\\Deleted)");
        fred.ok("UID EXPUNGE 1,4");
        if batch == "0" {
            let hidden = Hidden::new(&lab.master, "user.fred", 5);
            assert_eq!(ours(&lab, &["-A"]).status.code(), Some(1));
            assert_eq!(last_uid(&lab, "user.fred"), "4");
            hidden.put_right();
        }
        replicate(&lab, &["-A"]);
    }
}

#[test]
fn a_damaged_message_delays_later_messages_of_the_same_modseq() {
    for modseq in [1, 100] {
        let lab = Lab::default();
        create(&lab.master, &["user.fred"]);
        let texts =
            ["one", "two", "three"].map(|text| format!("Subject: {text}\r\n\r\n{text}\r\n"));
        let messages = texts.map(|text| (text, &[][..], Vec::new())).into();
        let name = "user.fred.old";
        Made { name, modseq, messages, ..Made::default() }.put(&lab.master);
        let hidden = Hidden::new(&lab.master, name, 2);
        for options in [&["-A"][..], &["-O", "-A"], &["-A"]] {
            assert_eq!(ours(&lab, options).status.code(), Some(1));
            assert_eq!(last_uid(&lab, name), "1");
            let highest = mailbox_field(&lab.replica, name, "HIGHESTMODSEQ");
            // The replica stores 1 instead of 0.
            assert_eq!(highest, (modseq - 1).max(1).to_string());
            assert_eq!(tools::reconstruct_complaints(&lab.replica, name), [""; 0]);
        }
        hidden.put_right();
        replicate(&lab, &["-A"]);
    }
}

#[test]
fn after_reconstruct_removes_a_missing_message_the_rest_is_replicated() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    for number in 1..=3 {
        append(&mut fred, "INBOX", &format!("number {number}"));
    }
    drop(fred);
    fs::remove_file(message_file(&lab.master, "user.fred", 2)).expect("own file");
    assert_eq!(ours(&lab, &["-A"]).status.code(), Some(1));
    assert_eq!(last_uid(&lab, "user.fred"), "1");
    tools::run(&lab.master, "reconstruct", &["user.fred"]);
    replicate(&lab, &["-A"]);
    assert_eq!(messages(&lab.replica, "fred", "INBOX").len(), 2);
}

#[test]
fn rolling_replication_continues_around_a_damaged_message() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.Sent"]);
    let mut fred = Imap::login(&lab.master, "fred");
    append(&mut fred, "INBOX", "one");
    replicate(&lab, &["-A"]);
    append(&mut fred, "INBOX", "two");
    let hidden = Hidden::new(&lab.master, "user.fred", 2);
    let running = start_ours(&lab, &["-R", "-v", "-d", "1"]);
    let left = "left for later: items=<USER fred>";
    let mut running = until(running, |so_far| so_far[2].contains(left));
    for number in 1..=5 {
        append(&mut fred, "INBOX", &format!("behind {number}"));
        append(&mut fred, "INBOX.Sent", &format!("elsewhere {number}"));
        running = until(running, |so_far| {
            so_far[0].matches("MAILBOX user.fred.Sent\n").count() >= number
        });
    }
    let so_far = running.so_far();
    let first = |line: &&str| line.contains(left) && line.contains(" tries=<1> ");
    assert_eq!(so_far[2].lines().filter(first).count(), 1, "{so_far:#?}");
    fred = fred.with_selected("INBOX");
    fred.ok("UID STORE 1 +FLAGS (\\Flagged)");
    let flagged = || messages(&lab.replica, "fred", "INBOX")[0].contains("\\Flagged");
    let running = until(running, |_| flagged());
    hidden.put_right();
    running.signal(libc::SIGHUP);
    let running = until(running, |_| last_uid(&lab, "user.fred") == "7");
    running.signal(libc::SIGTERM);
    assert_eq!(running.wait().status.code(), Some(75));
    assert_equal(&lab);
}
