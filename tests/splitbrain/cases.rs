//! Tests repairs of mailboxes that were changed on both sides. Afterwards both sides must be equal.

use std::fs;
use std::time::Duration;

use cyrsync_lab::run::copy_program;
use cyrsync_lab::{Cyrus, Imap, Options, Proxy, Sieve, cyrus_sync_client, quote};

use crate::check::{assert_one, copy_of, replicated, subjects};
use crate::common::{
    actions, append, create, errors, mailbox_field, message_file, ours, replicate, start_ours,
    until,
};

/// The subjects of fred's messages at the beginning of every scenario.
const COMMON: [&str; 3] = ["common 1", "common 2", "common 3"];

#[test]
fn messages_appended_on_both_sides_are_merged() {
    for conversations in [false, true] {
        let lab = replicated(Options { conversations, ..Options::default() });
        append(&mut Imap::login(&lab.master, "fred"), "INBOX", "from the master");
        append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
        append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "and another one");
        let run = ours(&lab, &["-v", "-u", "fred"]).ok();
        assert!(
            run.stdout.contains("SYNCERROR: guid mismatch: mailbox=<user.fred> uid=<4>"),
            "{run}"
        );
        assert!(errors(&run).iter().any(|line| line.contains("guid mismatch")), "{run}");
        assert_one(&lab, &["user.fred"]);
        let all = [
            "and another one",
            "common 1",
            "common 2",
            "common 3",
            "from the master",
            "from the replica",
        ];
        assert_eq!(subjects(&lab.master, "fred"), all);
        assert_eq!(subjects(&lab.replica, "fred"), all);
    }
}

#[test]
fn a_message_appended_only_on_the_replica_keeps_its_uid() {
    let lab = replicated(Options::default());
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    actions(&lab, &["-u", "anna"]);
    let run = ours(&lab, &["-v", "-v", "-u", "fred"]).ok();
    // The printed traffic contains no fetched messages, like it contains no sent ones.
    assert!(run.stderr.contains(" bytes]") && !run.stderr.contains("Subject: from"), "{run}");
    assert_one(&lab, &["user.fred"]);
    let uids = Imap::login(&lab.master, "fred").with_selected("INBOX").uids();
    assert_eq!(uids, [1, 2, 3, 4]);
}

#[test]
fn flags_and_expunges_of_both_sides_are_merged() {
    let lab = replicated(Options::default());
    let mut here = Imap::login(&lab.master, "fred").with_selected("INBOX");
    here.ok("UID STORE 1 +FLAGS (\\Flagged)");
    here.ok("UID STORE 2 +FLAGS (\\Deleted)");
    here.ok("EXPUNGE");
    let mut there = Imap::login(&lab.replica, "fred").with_selected("INBOX");
    for _ in 0..3 {
        there.ok("UID STORE 1 +FLAGS (\\Answered OnReplica)");
        there.ok("UID STORE 1 -FLAGS (\\Answered)");
    }
    there.ok("UID STORE 3 +FLAGS (\\Deleted)");
    there.ok("EXPUNGE");
    ours(&lab, &["-u", "fred"]).ok();
    assert_one(&lab, &["user.fred"]);
    assert_eq!(subjects(&lab.master, "fred"), ["common 1"]);
}

#[test]
fn a_repair_is_logged_for_other_channels() {
    let channels = ["", "second"].map(str::to_owned).to_vec();
    let lab = replicated(Options { sync_log_channels: channels, ..Options::default() });
    let log = |name: &str| lab.master.config_dir().join("sync").join(name);
    for name in ["log", "second/log"] {
        std::fs::remove_file(log(name)).expect("the daemons wrote it");
    }
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    ours(&lab, &["-u", "fred"]).ok();
    let second = std::fs::read_to_string(log("second/log")).expect("it is there");
    assert_eq!(second, "MAILBOX user.fred\n");
    assert!(!log("log").exists(), "the replica of this channel has it");
}

/// A sync_server that ends instead of confirming the third command: it has agreed on capabilities,
/// taken a message, and applied the update.
const UNCONFIRMED: &str = r#"#!/bin/sh
exec 3<&0
replies=$(mktemp -u) && mkfifo "$replies"
/usr/lib/cyrus/bin/sync_server "$@" <&3 >"$replies" &
confirmed=0
while IFS= read -r line; do
    case $line in "OK "*) confirmed=$((confirmed + 1)) ;; esac
    [ $confirmed -lt 3 ] || break
    printf '%s\n' "$line"
done <"$replies"
rm "$replies"
kill $!
"#;

#[test]
fn a_repair_is_logged_for_other_channels_even_if_its_confirmation_is_lost() {
    let channels = ["", "second"].map(str::to_owned).to_vec();
    let lab = replicated(Options { sync_log_channels: channels, ..Options::default() });
    let second = lab.master.config_dir().join("sync/second/log");
    fs::remove_file(&second).expect("the daemons wrote it");
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    let program = lab.master.scratch().join("unconfirmed");
    let draft = program.with_extension("draft");
    fs::write(&draft, UNCONFIRMED).expect("own directory");
    copy_program(&draft, &program);
    lab.master.set_config("sync_server_path", Some(&program.display().to_string()));
    let run = ours(&lab, &["-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(subjects(&lab.master, "fred").contains(&"from the replica".to_owned()), "{run}");
    let logged = fs::read_to_string(&second).unwrap_or_default();
    assert!(logged.contains("MAILBOX user.fred\n"), "{logged}{run}");
    lab.master.set_config("sync_server_path", None);
    ours(&lab, &["-u", "fred"]).ok();
    assert_one(&lab, &["user.fred"]);
}

#[test]
fn a_repair_that_must_change_the_master_is_an_error_with_no_copyback() {
    let lab = replicated(Options::default());
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    let run = ours(&lab, &["-O", "-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert_eq!(subjects(&lab.master, "fred"), COMMON);
    assert!(subjects(&lab.replica, "fred").contains(&"from the replica".to_owned()));
}

/// Appends a message on each side, both with the same UID. Then each side may expunge its own
/// message. Asserts the messages of both sides after the repair.
#[track_caller]
fn one_more_each(expunged: [bool; 2], expected: &[&str], uid: Option<u32>) {
    let lab = replicated(Options::default());
    for (cyrus, expunged, subject) in
        [(&lab.master, expunged[0], "of the master"), (&lab.replica, expunged[1], "of the replica")]
    {
        let mut imap = Imap::login(cyrus, "fred");
        append(&mut imap, "INBOX", subject);
        if expunged {
            let mut imap = imap.with_selected("INBOX");
            imap.ok("UID STORE 4 +FLAGS (\\Deleted)");
            imap.ok("EXPUNGE");
        }
    }
    let run = ours(&lab, &["-v", "-u", "fred"]).ok();
    let mismatch =
        run.log.contains("SYNCERROR: guid mismatch: mailbox=<user.fred> uid=<4> rguid=<");
    assert_eq!(mismatch, expunged != [true, true], "{run}");
    if expunged == [true, false] {
        // The replica detects this mismatch, because its modseq and last UID are not higher than
        // the master's. Otherwise the client would detect the mismatch before it sends anything.
        assert!(lab.replica.log().contains("SYNCNOTICE: guid mismatch"), "{}", lab.replica.log());
    }
    assert_one(&lab, &["user.fred"]);
    for cyrus in [&lab.master, &lab.replica] {
        assert_eq!(subjects(cyrus, "fred"), [&COMMON, expected].concat(), "{run}");
        let last = Imap::login(cyrus, "fred").with_selected("INBOX").uids().pop();
        assert!(uid.is_none() || uid == last, "{uid:?} {last:?}");
    }
}

#[test]
fn two_messages_with_one_uid_are_both_kept() {
    one_more_each([false, false], &["of the master", "of the replica"], Some(6));
}

#[test]
fn of_two_messages_with_one_uid_the_masters_was_expunged() {
    one_more_each([true, false], &["of the replica"], Some(5));
}

#[test]
fn of_two_messages_with_one_uid_the_replicas_was_expunged() {
    one_more_each([false, true], &["of the master"], Some(5));
}

#[test]
fn two_messages_with_one_uid_were_both_expunged() {
    one_more_each([true, true], &[], None);
}

#[test]
fn a_mailbox_with_messages_appended_and_expunged_on_the_replica_is_repaired() {
    let lab = replicated(Options::default());
    let mut here = Imap::login(&lab.master, "anna");
    for value in [Some(b"foo".as_slice()), None, Some(b"foo"), None] {
        assert!(here.set_metadata("INBOX", "/shared/comment", value).is_ok());
    }
    let mut there = Imap::login(&lab.replica, "anna");
    append(&mut there, "INBOX", "to be deleted");
    let mut there = there.with_selected("INBOX");
    there.ok("UID STORE 1 +FLAGS (\\Deleted)");
    there.ok("EXPUNGE");
    ours(&lab, &["-u", "anna"]).ok();
    assert_one(&lab, &["user.anna"]);
    // The UID of the replica's message is not used again.
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "later");
    assert_eq!(Imap::login(&lab.master, "anna").with_selected("INBOX").uids(), [2]);
}

#[test]
fn annotations_and_rights_changed_on_the_replica_follow_the_higher_modseq() {
    let lab = replicated(Options::default());
    let comment = |imap: &mut Imap, value: &str| {
        let answer = imap.set_metadata("INBOX", "/shared/comment", Some(value.as_bytes()));
        assert!(answer.is_ok(), "{answer:?}");
    };
    comment(&mut Imap::login(&lab.master, "fred"), "here");
    let mut there = Imap::login(&lab.replica, "fred");
    for n in 0..5 {
        comment(&mut there, &format!("there {n}"));
    }
    for rights in ["lrs", "lr"] {
        there.ok(&format!("SETACL INBOX anna {rights}"));
    }
    let run = ours(&lab, &["-v", "-u", "fred"]).ok();
    assert!(run.log.contains("SYNCNOTICE: highestmodseq higher on replica, updating: "), "{run}");
    assert!(run.stdout.contains("annotations differ, keeping those of the replica"), "{run}");
    assert_one(&lab, &["user.fred"]);
    let acl = mailbox_field(&lab.replica, "user.fred", "ACL");
    assert!(!acl.contains("anna"), "rights are the master's: {acl}");
    let found = Imap::login(&lab.master, "fred").ok("GETMETADATA INBOX /shared/comment");
    assert!(found.lines().iter().any(|line| line.contains("there 4")), "{found:?}");
}

#[test]
fn subscriptions_seen_state_scripts_and_quotas_become_the_masters() {
    let mut lab = replicated(Options::default());
    create(&lab.master, &["user.fred.work"]);
    let mut admin = Imap::admin(&lab.master);
    assert!(admin.set_quota("user.fred", "STORAGE 1000").is_ok());
    admin.ok(&format!("SETACL {} anna lrs", quote("user.fred")));
    Sieve::login(&lab.master, "fred").put("rules", "keep;\r\n");
    replicate(&lab, &["-A"]);
    // Change all of this data on the replica.
    let mut fred = Imap::login(&lab.replica, "fred");
    fred.ok("SUBSCRIBE INBOX.work");
    assert!(Imap::admin(&lab.replica).set_quota("user.fred", "STORAGE 2000").is_ok());
    let mut sieve = Sieve::login(&lab.replica, "fred");
    sieve.put("rules", "discard;\r\n");
    sieve.put("another", "keep;\r\n");
    let mut anna = Imap::login(&lab.replica, "anna").with_selected("user.fred");
    anna.ok("UID STORE 2 +FLAGS (\\Seen)");
    drop(anna.command("LOGOUT"));
    // Change anna's seen state also on the master, so that the master's is newer.
    let mut anna = Imap::login(&lab.master, "anna").with_selected("user.fred");
    anna.ok("UID STORE 1 +FLAGS (\\Seen)");
    drop(anna.command("LOGOUT"));
    drop((admin, fred, sieve));
    let copy = copy_of(&mut lab, Options::default());
    // Allow the repair to copy the replica's scripts to the master: see
    // tests/faults/hostile/fuse.rs.
    lab.master.set_config("sync_repair_fuse", Some("no"));
    ours(&lab, &["-A"]).ok();
    assert_one(&lab, &["user.fred", "user.fred.#sieve"]);
    cyrus_sync_client(&copy.master, &["-A"]).ok();
    // Scripts are messages of a mailbox, so the repair copies the replica's scripts to the master.
    let scripts = |cyrus: &Cyrus| {
        let mut sieve = Sieve::login(cyrus, "fred");
        ["LISTSCRIPTS", "GETSCRIPT \"rules\"", "GETSCRIPT \"another\""]
            .map(|command| sieve.command(command).1)
    };
    let here = scripts(&lab.master);
    assert!(here[1].contains("discard") && here[2].contains("keep"), "{here:?}");
    for cyrus in [&lab.replica, &copy.master, &copy.replica] {
        assert_eq!(scripts(cyrus), here, "{}", cyrus.name());
    }
    let subscribed = Imap::login(&lab.replica, "fred").ok("LSUB \"\" *").lines();
    assert!(!subscribed.iter().any(|line| line.contains("work")), "{subscribed:?}");
}

#[test]
fn cyrus_own_client_agrees_after_a_repair() {
    let lab = replicated(Options::default());
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "from the master");
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    ours(&lab, &["-u", "fred"]).ok();
    let theirs = cyrus_sync_client(&lab.master, &["-v", "-u", "fred"]).ok();
    assert!(!theirs.stdout.contains("MAILBOX user.fred\n"), "{theirs}");
}

#[test]
fn a_wrong_message_file_of_the_replica_is_refused() {
    let lab = replicated(Options::default());
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    let file = message_file(&lab.replica, "user.fred", 4);
    let good = fs::read(&file).expect("the file is there");
    for bad in [vec![b'x'; good.len()], good[1..].to_vec()] {
        fs::write(&file, bad).expect("root writes everything");
        let run = ours(&lab, &["-v", "-u", "fred"]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        let reported =
            "SYNCNOTICE: failed to prepare update: mailbox=<user.fred> error=<fetch message";
        assert!(run.log.contains(reported) && run.stderr.contains("reconstruct"), "{run}");
        assert_eq!(subjects(&lab.master, "fred"), COMMON);
    }
    fs::write(&file, good).expect("root writes everything");
    ours(&lab, &["-u", "fred"]).ok();
    assert_one(&lab, &["user.fred"]);
}

/// Returns how many deleted files a process has open. Temporary files have no names, so they count.
fn open_files_without_names(pid: u32) -> usize {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    targets.filter(|target| target.to_string_lossy().ends_with(" (deleted)")).count()
}

#[test]
fn a_failed_repair_keeps_no_fetched_messages_on_disk() {
    let lab = replicated(Options::default());
    let mut there = Imap::login(&lab.replica, "fred");
    for number in 4..=6 {
        let long = format!("Subject: {number}\r\n\r\n{}", "long\r\n".repeat(300_000));
        assert!(there.append("INBOX", "", long.as_bytes()).is_ok());
    }
    let file = message_file(&lab.replica, "user.fred", 4);
    let size = fs::metadata(&file).expect("the file is there").len();
    fs::write(&file, vec![b'x'; size as usize]).expect("root writes everything");
    for (option, value) in [("sync_jobs", "1"), ("sync_repeat_interval", "0")] {
        lab.master.set_config(option, Some(value));
    }
    let running = start_ours(&lab, &["-R", "-v"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "of the master");
    let running = until(running, |so_far| so_far[2].contains("error=<fetch message"));
    // The session still works. With the next replies it drops those that nobody waits for.
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "of the master");
    let pid = running.pid();
    let running = until(running, |so_far| {
        so_far[0].contains("MAILBOX user.anna\n") && open_files_without_names(pid) == 0
    });
    running.signal(libc::SIGTERM);
    running.wait();
}

#[test]
fn changes_during_a_repair_are_kept() {
    for which in [0, 1] {
        let lab = replicated(Options::default());
        append(&mut Imap::login(&lab.master, "fred"), "INBOX", "of the master");
        append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "of the replica");
        // Hold the repair back after it has read both sides, before it changes the master or the
        // replica.
        let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
        lab.master.use_port(proxy.port());
        let side = match which {
            0 => {
                proxy.hold_at(b"GET FETCH");
                &lab.master
            }
            _ => {
                proxy.hold_after(b"GET FETCH");
                &lab.replica
            }
        };
        let running = start_ours(&lab, &["-v", "-u", "fred"]);
        let running = until(running, |[stdout, ..]| {
            proxy.is_holding() && (which == 0 || stdout.contains("(on the master)"))
        });
        append(&mut Imap::login(side, "fred"), "INBOX", "meanwhile");
        proxy.release();
        let run = running.wait().ok();
        assert!(run.log.contains("comparing again"), "{run}");
        assert_one(&lab, &["user.fred"]);
        let all = [
            &["common 1", "common 2", "common 3", "meanwhile"][..],
            &["of the master", "of the replica"],
        ];
        assert_eq!(subjects(&lab.master, "fred"), all.concat(), "{run}");
        assert_eq!(subjects(&lab.replica, "fred"), all.concat(), "{run}");
    }
}

#[test]
fn a_message_that_a_killed_repair_copied_to_both_sides_is_not_copied_again() {
    let lab = replicated(Options::default());
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "expunged");
    let mut here = Imap::login(&lab.master, "fred").with_selected("INBOX");
    here.ok("UID STORE 4 +FLAGS (\\Deleted)");
    here.ok("EXPUNGE");
    // With the higher HIGHESTMODSEQ, the replica does not get the master's record of UID 4. So it
    // accepts the copy, and only then finds that the checksum is wrong.
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "of the replica");
    let mut there = Imap::login(&lab.replica, "fred").with_selected("INBOX");
    for sign in ["+", "-", "+", "-"] {
        there.ok(&format!("UID STORE 1 {sign}FLAGS (\\Seen)"));
    }
    // The first run changes the master, but its update of the replica never arrives.
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    proxy.hold_after(b"GET FETCH");
    let running = start_ours(&lab, &["-v", "-u", "fred"]);
    let uids = |cyrus| Imap::login(cyrus, "fred").with_selected("INBOX").uids();
    let running = until(running, |_| uids(&lab.master) == [1, 2, 3, 5]);
    running.signal(libc::SIGKILL);
    running.wait();
    drop(proxy);
    assert_eq!(uids(&lab.replica), [1, 2, 3, 4]);
    let all = [&COMMON[..], &["of the replica"]].concat();

    lab.master.use_port(lab.replica.csync_port());
    let run = ours(&lab, &["-v", "-u", "fred"]).ok();
    assert!(run.log.contains("CRC failure on sync for user.fred"), "{run}");
    assert_one(&lab, &["user.fred"]);
    for cyrus in [&lab.master, &lab.replica] {
        assert_eq!(subjects(cyrus, "fred"), all, "{run}");
    }
}
