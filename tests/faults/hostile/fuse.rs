//! Tests repairs that would copy harmful changes from the replica to the master. The changes follow
//! the protocol: an attacker who controls the replica can make them by IMAP and ManageSieve. The
//! repair refuses them unless an option allows them for one run.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use cyrsync_lab::{Imap, Run, Sieve, Status, compare, describe, quote, sync_client};

use super::repair::message;
use super::{OURS, World};

impl World {
    fn ours(&self, args: &[&str]) -> Run {
        sync_client(OURS, &self.lab.master, &[&["-o", "-v"][..], args].concat())
    }

    /// Returns all files of the master's mail, annotations.db and mailboxes.db.
    fn all(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut all = self.mail();
        for name in ["annotations.db", "mailboxes.db"] {
            let path = self.lab.master.config_dir().join(name);
            all.insert(path.clone(), fs::read(path).expect("it is there"));
        }
        all
    }

    /// Asserts that a run for this mailbox fails, logs these words, and changes nothing on the
    /// master. Then runs with the `--allow-repair` option that the log line names, and asserts that
    /// both sides are equal.
    #[track_caller]
    fn refused_and_allowed(&self, mailbox: &str, would: &str, word: &str) {
        let before = self.all();
        let run = self.ours(&["-m", mailbox]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        let line =
            run.log.lines().find(|line| line.contains("SYNCERROR: do_folders(): update failed"));
        let line = line.unwrap_or_else(|| panic!("no line: {run}"));
        let allow = format!("--allow-repair={word} -m '{mailbox}'");
        for part in [mailbox, would, "nothing was changed", &allow] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(run.stderr.contains(would) && run.stderr.contains(&allow), "{run}");
        assert!(!run.stdout.contains("on the master"), "{run}");
        assert!(self.all() == before, "the master was written to");
        let others = ["expunge", "annotations", "scripts", "uids"].map(str::to_owned);
        let others: Vec<String> = others.into_iter().filter(|other| other != word).collect();
        let others = format!("--allow-repair={}", others.join(","));
        assert_eq!(self.ours(&[&others, "-m", mailbox]).status.code(), Some(1));
        assert!(self.all() == before, "the master was written to");
        let allow = format!("--allow-repair={word}");
        self.ours(&[&allow, "-m", mailbox]).ok();
        self.are_one();
    }

    #[track_caller]
    fn are_one(&self) {
        let mut differences = compare(&self.lab.master, &self.lab.replica);
        // Each side keeps its own records of expunged messages.
        differences.retain(|difference| !difference.path.contains(" RECORD "));
        assert!(differences.is_empty(), "{}", describe(&differences, 20));
    }

    fn expunge_there(&self, uids: &str) {
        let mut there = Imap::login(&self.lab.replica, "fred").with_selected("INBOX.victim");
        there.ok(&format!("UID STORE {uids} +FLAGS.SILENT (\\Deleted)"));
        there.ok("EXPUNGE");
    }
}

const VICTIM: &str = "user.fred.victim";

#[test]
fn many_expunges_of_the_replica_are_refused_unless_allowed() {
    let world = World::with_victim();
    world.expunge_there("1:*");
    world.refused_and_allowed(VICTIM, "expunge 150 of 150 messages", "expunge");
    assert_eq!(Imap::login(&world.lab.master, "fred").with_selected("INBOX.victim").uids(), [0; 0]);
}

#[test]
fn after_a_refusal_other_mailboxes_are_replicated_and_a_channel_can_raise_the_limit() {
    let world = World::with_victim();
    world.expunge_there("1:110");
    let mut fred = Imap::login(&world.lab.master, "fred");
    assert!(fred.append("INBOX.honest", "", &message(300)).is_ok());
    let before = world.all();
    assert_eq!(world.ours(&["-u", "fred"]).status.code(), Some(1));
    assert!(world.all() == before, "the master was written to");
    let found = Imap::login(&world.lab.replica, "fred").with_selected("INBOX.honest").uids();
    assert_eq!(found, [1]);
    // The default limit is 100 expunged messages. An option of a channel is valid only for that
    // channel.
    let set = |option, value| world.lab.master.set_config(option, value);
    set("other_sync_repair_max_expunge", Some("110"));
    assert_eq!(world.ours(&["-u", "fred"]).status.code(), Some(1));
    set("other_sync_repair_max_expunge", Some("109"));
    let run = world.ours(&["-n", "other", "-u", "fred"]);
    assert!(run.stderr.contains("sync_client -n other --allow-repair=expunge"), "{run}");
    assert!(world.all() == before, "the master was written to");
    set("other_sync_repair_max_expunge", Some("110"));
    world.ours(&["-n", "other", "-u", "fred"]).ok();
    world.are_one();
}

#[test]
fn a_switch_turns_the_fuse_off() {
    let world = World::with_victim();
    world.expunge_there("1:*");
    world.lab.master.set_config("sync_repair_fuse", Some("no"));
    world.ours(&["-u", "fred"]).ok();
    world.are_one();
}

#[test]
fn a_hundred_messages_are_expunged_without_permission() {
    let world = World::with_victim();
    world.expunge_there("1:100");
    world.ours(&["-u", "fred"]).ok();
    world.are_one();
}

#[test]
fn many_deleted_flags_of_the_replica_are_refused_unless_allowed() {
    let world = World::with_victim();
    let mut there = Imap::login(&world.lab.replica, "fred").with_selected("INBOX.victim");
    there.ok("UID STORE 1:120 +FLAGS.SILENT (\\Deleted)");
    drop(there);
    world.refused_and_allowed(VICTIM, "mark 120 of 150 messages \\Deleted", "expunge");
}

#[test]
fn annotations_that_expire_or_archive_mail_are_refused_unless_allowed() {
    let world = World::with_victim();
    let plant = |entry: &str, value: &str| {
        let mut there = Imap::admin(&world.lab.replica);
        let entry = format!("/shared/vendor/cmu/cyrus-imapd/{entry}");
        let answer = there.set_metadata(VICTIM, &entry, Some(value.as_bytes()));
        assert!(answer.is_ok(), "{entry}: {answer:?}");
    };
    plant("expire", "1");
    let would = "set /vendor/cmu/cyrus-imapd/expire to \"1\"";
    world.refused_and_allowed(VICTIM, would, "annotations");
    plant("archive", "0");
    world.refused_and_allowed(VICTIM, "set /vendor/cmu/cyrus-imapd/archive to", "annotations");
    // The repair copies harmless annotations.
    let mut there = Imap::login(&world.lab.replica, "fred");
    assert!(there.set_metadata("INBOX.victim", "/shared/comment", Some(b"hello")).is_ok());
    world.ours(&["-m", VICTIM]).ok();
    world.are_one();
}

#[test]
fn scripts_of_the_replica_are_refused_unless_allowed() {
    let world = World::with_victim();
    let put = |cyrus, text: &str| {
        let (status, said) = Sieve::login(cyrus, "fred").put("rules", text);
        assert!(status == Status::Ok, "{said}");
    };
    put(&world.lab.master, "keep;\r\n");
    world.ours(&["-u", "fred"]).ok();
    put(&world.lab.replica, "discard;\r\n");
    let sieve = "user.fred.#sieve";
    world.refused_and_allowed(sieve, "change sieve scripts", "scripts");
    let (_, script) = Sieve::login(&world.lab.master, "fred").command("GETSCRIPT \"rules\"");
    assert!(script.contains("discard"), "{script}");
    // The repair also refuses to activate a script on the master.
    Sieve::login(&world.lab.replica, "fred").activate("rules");
    world.refused_and_allowed(sieve, "change sieve scripts", "scripts");
}

#[test]
fn acls_of_the_replica_are_never_copied_to_the_master() {
    let world = World::with_victim();
    let mut admin = Imap::admin(&world.lab.replica);
    admin.ok(&format!("SETACL {} anyone lrswipkxtea", quote(VICTIM)));
    let mut there = Imap::login(&world.lab.replica, "fred");
    assert!(there.append("INBOX.victim", "", &message(300)).is_ok());
    world.ours(&["-u", "fred"]).ok();
    world.are_one();
    let rights = Imap::admin(&world.lab.master).ok(&format!("GETACL {}", quote(VICTIM)));
    assert!(!rights.lines().iter().any(|line| line.contains("anyone")), "{rights:?}");
}

#[test]
fn mailboxes_created_or_deleted_on_the_replica_change_nothing_on_the_master() {
    let world = World::with_victim();
    let mailboxes = ["INBOX", "INBOX.honest", "INBOX.victim"];
    let mut there = Imap::login(&world.lab.replica, "fred");
    there.ok("CREATE INBOX.planted");
    assert!(there.append("INBOX.planted", "", &message(300)).is_ok());
    there.ok("DELETE INBOX.honest");
    there.ok("RENAME INBOX.victim INBOX.elsewhere");
    drop(there);
    world.ours(&["-u", "fred"]).ok();
    let mut here = Imap::login(&world.lab.master, "fred");
    assert_eq!(here.list("*"), mailboxes);
    assert_eq!(here.with_selected("INBOX.victim").uids(), (1..=150).collect::<Vec<_>>());
    let found = Imap::login(&world.lab.replica, "fred").list("*");
    assert_eq!(found, ["INBOX", "INBOX.honest", "INBOX.planted", "INBOX.victim"]);
}

#[test]
fn the_configuration_can_forbid_repairs_and_copyback_allows_them_for_one_run() {
    let world = World::with_victim();
    let mut there = Imap::login(&world.lab.replica, "fred");
    assert!(there.append("INBOX.victim", "", &message(300)).is_ok());
    let before = world.all();
    world.lab.master.set_config("other_sync_no_copyback", Some("yes"));
    let run = world.ours(&["-n", "other", "-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("--copyback"), "{run}");
    assert!(world.all() == before, "the master was written to");
    let last_wins = world.ours(&["-n", "other", "--copyback", "-O", "-u", "fred"]);
    assert_eq!(last_wins.status.code(), Some(1), "{last_wins}");
    assert!(world.all() == before, "the master was written to");
    world.ours(&["-n", "other", "--copyback", "-u", "fred"]).ok();
    world.are_one();
}
