//! Tests spools and servers of other versions of Cyrus: 3.2.6, 3.10.2 and 3.12, installed by
//! `scripts/trees`. Each master is replicated twice: by our client, and by the client of its own
//! version.
//!
//! `make versions` makes the trees and runs these tests.

mod connection;
mod groups;
mod held_still;
mod layouts;
mod pairs;
mod recent;
mod recorded;
mod scripts;

use std::collections::HashSet;

use cyrsync_lab::run::{Run, cyrus_sync_client, sync_client};
use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{
    Cyrus, Difference, Imap, Lab, Options, Sieve, Status, Value, another_replica, compare,
    describe, quote, random_changes, tools,
};

const OPERATIONS: usize = 120;
const ROUNDS: u64 = 3;

fn ours(lab: &Lab, args: &[&str]) -> Run {
    sync_client(env!("CARGO_BIN_EXE_sync_client"), &lab.master, args)
}

/// Adds data that the random changes do not touch: quotas, annotations of mailboxes, messages and
/// the server, scripts, seen state in others' mailboxes.
fn furnish(master: &Cyrus, round: u64) {
    let user = |local: &str| master.admin_name(&format!("user.{local}"));
    let (fred, anna) = (user("fred"), user("anna"));
    let mut admin = Imap::admin(master);
    if round == 0 {
        admin.ok(&format!("CREATE {}", quote(&fred)));
        admin.ok(&format!("CREATE {}", quote(&anna)));
        admin.ok(&format!("SETACL {} anna lrs", quote(&fred)));
    }
    let comment = format!("round {round}");
    assert!(admin.set_quota(&fred, &format!("STORAGE {}", 90_000 + round)).is_ok());
    assert!(admin.set_metadata(&anna, "/shared/comment", Some(comment.as_bytes())).is_ok());
    assert!(admin.set_metadata("", "/shared/comment", Some(comment.as_bytes())).is_ok());
    let mut imap = Imap::login(master, "fred");
    let text = format!("Subject: {round}\r\nMessage-ID: <{round}@example.com>\r\n\r\nround\r\n");
    assert!(imap.append("INBOX", "\\Flagged Work", text.as_bytes()).is_ok());
    imap.ok("SELECT INBOX");
    assert!(imap.annotate_messages("1", "/comment", true, Some(comment.as_bytes())).is_ok());
    imap.ok("UNSELECT");
    let mut imap = Imap::login(master, "anna");
    let inbox = quote(&master.others_name("user.fred"));
    imap.ok(&format!("SUBSCRIBE {inbox}"));
    imap.ok(&format!("SELECT {inbox}"));
    imap.ok("UID STORE 1:* +FLAGS (\\Seen)");
    imap.ok("UNSELECT");
    if master.release().has_groups() {
        let (user, group) =
            [("fred", "staff"), ("anna", "staff"), ("fred", "board")][round as usize % 3];
        admin.ok(&format!("SETUSERGROUP {user} group:{group}"));
    }
    let mut sieve = Sieve::login(master, "fred");
    assert_eq!(sieve.put("main", &format!("# {round}\r\nkeep;\r\n")).0, Status::Ok);
    assert_eq!(sieve.activate("main").0, Status::Ok);
}

#[track_caller]
fn assert_equal(left: &Cyrus, right: &Cyrus, what: &str, excused: impl Fn(&Difference) -> bool) {
    let mut differences = compare(left, right);
    differences.retain(|difference| !excused(difference));
    assert!(differences.is_empty(), "{what}: {}", describe(&differences, 40));
}

/// Returns whether a path is about scripts. If the master has no mailbox for scripts, each replica
/// creates its own. Its messages contain the replica's name, so their sizes also differ.
fn is_of_scripts(path: &str) -> bool {
    path.contains(".#sieve")
        || path.starts_with("mailboxes.db I ")
        || (path.starts_with("QUOTA ") && path.ends_with(" FILE"))
        || (path.contains(" SIEVE ") && path.ends_with(" LAST_UPDATE"))
        // Each server compiles its own bytecode.
        || path.contains(".bc ")
}

/// Returns whether the server computes its CRCs from thread ids with leading zeros.
fn pads(server: &Cyrus) -> bool {
    server.release().version() >= (3, 13)
}

/// Returns whether a quota differs only by the size of annotations.
fn is_nanoseconds(Difference { path, master, replica }: &Difference) -> bool {
    let without = |quota: &Option<String>| {
        let quota = quota.clone().unwrap_or_default();
        let (before, after) = quota.split_once(" AS (").unwrap_or((&quota, ")"));
        let (_, after) = after.split_once(')').unwrap_or_default();
        format!("{before}{after}")
    };
    path.starts_with("QUOTA ") && without(master) == without(replica)
}

/// Returns whether only one side reports this value. Such values are: user flags of a mailbox,
/// which 3.12 always reports and earlier versions only with records (each side numbers them
/// itself); groups of users, which only 3.12 has; and the modseq of reverse ACLs, which a group
/// raises on the master and which no replica accepts without `reverseacls`.
fn is_of_one_side(lab: &Lab, difference: &Difference) -> bool {
    let Difference { path, master, replica } = difference;
    let is = |keys: &[&str]| keys.iter().any(|key| path.ends_with(key));
    if pads(&lab.master) != pads(&lab.replica) {
        // A server of 3.13 creates the JMAP ids of mailboxes itself, and each version writes thread
        // ids in its own way.
        let id = path.starts_with("mailboxes.db ") && is(&[" J"]);
        let one = (master.is_none() || replica.is_none()) && (id || is(&[" JMAPID", " VERSION"]));
        // Before index version 20, the nanoseconds of dates count as annotations.
        if one || is(&[" SYNC_CRC_ANNOT"]) || is_nanoseconds(difference) {
            return true;
        }
    }
    let of = |server: &Cyrus| server.release().has_groups();
    let words = |value: &Option<String>| -> HashSet<String> {
        let value = value.iter().flat_map(|value| value.trim_matches(['(', ')']).split(' '));
        value.map(str::to_owned).collect()
    };
    match (of(&lab.master), of(&lab.replica)) {
        (false, false) => false,
        (false, true) => master.is_none() && is(&[" USERFLAGS"]),
        (true, false) => {
            let keys = [" USERFLAGS", " USERGROUPS", " RACLMODSEQ"];
            replica.is_none() && (is(&keys) || path.starts_with("mailboxes.db U G"))
        }
        (true, true) => {
            (is(&[" USERFLAGS"]) && words(master) == words(replica))
                || (is(&[" RACLMODSEQ"]) && replica.is_none())
        }
    }
}

/// Replicates a master over several rounds of random changes.
#[track_caller]
fn follow(options: Options, seed: u64) {
    follow_changes(&options, |master, round| {
        random_changes(master, seed * 100 + round, OPERATIONS);
        furnish(master, round);
    });
}

/// Replicates a master over several rounds. Calls `change` before each.
#[track_caller]
fn follow_changes(options: &Options, change: impl Fn(&Cyrus, u64)) {
    let lab = Lab::new(options.clone());
    let theirs = another_replica(&lab, "theirs", options);
    // If both sides compute CRCs of thread ids in different ways, Cyrus's client always fails.
    let mut can_theirs = !options.conversations || pads(&lab.master) == pads(&lab.replica);
    for round in 0..ROUNDS {
        change(&lab.master, round);
        tools::run(&lab.master, "quota", &["-f"]);
        let run = ours(&lab, &["-v", "-A"]).ok();
        assert!(!run.log.contains("ERR "), "round {round}: {run}");
        if can_theirs {
            lab.master.use_replica(&theirs);
            let run = cyrus_sync_client(&lab.master, &["-A"]);
            // Cyrus's client fails at some renames in a ring. Its replica cannot be compared after
            // two failures: the client of 3.2 gives up a deleted mailbox whose name is used again,
            // and the client of 3.10 cannot read some answers of 3.8.1.
            let is_moved =
                lab.master.release() == Release::Bullseye && run.log.contains("IMAP_MAILBOX_MOVED");
            can_theirs = !is_moved && !run.log.contains("received bad response");
            let excused = ["failed to order folders", "failed to rename"]
                .iter()
                .any(|why| run.log.contains(why))
                || !can_theirs;
            assert!(run.status.success() || excused, "{run}");
            lab.master.use_replica(&lab.replica);
        }
        let excused = |difference: &Difference| {
            lab.master.release() == Release::Bullseye && is_of_scripts(&difference.path)
        };
        assert_equal(&lab.master, &lab.replica, "master and replica", |difference| {
            excused(difference) || is_of_one_side(&lab, difference)
        });
        let run = ours(&lab, &["--verify", "-A"]);
        assert!(run.status.success() && run.stdout.lines().count() == 1, "round {round}: {run}");
        assert_eq!(sent(&ours(&lab, &["-v", "-A"]).ok()), [""; 0], "round {round}");
        if !can_theirs {
            continue;
        }
        // Cyrus's client does not replicate some data: server annotations, mailboxes of which only
        // the name is left, users whose renames it cannot order.
        let left: HashSet<String> =
            compare(&lab.master, &theirs).into_iter().map(|difference| difference.path).collect();
        assert_equal(&theirs, &lab.replica, "what the two clients made", |difference| {
            // A mailbox that was an intermediate before has the id `NIL` on one of the replicas.
            let id = difference.path.starts_with("mailboxes.db N ")
                && difference.path.ends_with(" J")
                && (pads(&lab.master) != pads(&lab.replica));
            // Some versions report an empty list.
            let none = difference.master.is_none() && difference.replica.as_deref() == Some("()");
            let flags = none && difference.path.ends_with(" USERFLAGS");
            excused(difference) || left.contains(&difference.path) || id || flags
        });
    }
    if !can_theirs {
        return;
    }
    let mut left = sent(&cyrus_sync_client(&lab.master, &["-v", "-A"]).ok());
    if lab.master.release() == Release::Bullseye {
        // Cyrus's client removes intermediate mailboxes that its master has.
        left.retain(|line| !line.starts_with("UNMAILBOX "));
    }
    assert_eq!(left, [""; 0]);
}

/// Replicates only the entries that the master logs, and asserts that this is enough.
#[track_caller]
fn follow_log(options: Options, seed: u64) {
    let lab = Lab::new(options);
    let release = lab.master.release();
    furnish(&lab.master, 0);
    ours(&lab, &["-A"]).ok();
    for round in 1..=ROUNDS {
        random_changes(&lab.master, seed * 100 + round, OPERATIONS / 2);
        furnish(&lab.master, round);
        let run = ours(&lab, &["-1"]).ok();
        assert!(!run.log.contains("ERR "), "round {round}: {run}");
        assert!(!lab.master.config_dir().join("sync/log").exists(), "{run}");
        // Correct quotas with the master's own tool, which logs nothing.
        tools::run(&lab.master, "quota", &["-f"]);
        assert_equal(&lab.master, &lab.replica, "followed by its log", |difference| {
            (release == Release::Bullseye && is_of_scripts(&difference.path))
                || is_of_one_side(&lab, difference)
        });
    }
}

fn by_master(release: Release) -> Options {
    Options { master_tree: Some(Tree::of(release)), ..Options::default() }
}

/// Tests entries as Cyrus wrote them before 2.5: type, partition and ACL, without a uniqueid. Cyrus
/// 3.2 reads and keeps them.
#[test]
#[ignore = "needs scripts/trees: make versions"]
fn entries_of_mailboxes_db_in_the_text_of_early_versions() {
    let options = Options { master_tree: Some(Tree::of(Release::Bullseye)), ..Options::default() };
    let mut lab = Lab::new(options);
    furnish(&lab.master, 0);
    Imap::login(&lab.master, "fred").ok("CREATE INBOX.Sent");
    lab.master.stop_server();
    let mut count = 0;
    for (name, entry) in tools::dump(&lab.master, "mailboxes.db", "twoskip") {
        let (entry, _) = Value::parse(entry.as_bytes()).expect("a list");
        let Some(acl) = entry.get("A").filter(|_| name.starts_with("user.")) else { continue };
        let rights = acl.clone().into_map();
        let rights: String =
            rights.iter().map(|(who, what)| format!("{who}\t{}\t", what.show())).collect();
        let text = format!("0 {} {rights}", entry.str("P"));
        tools::set_record(&lab.master, "mailboxes.db", &name, &text);
        count += 1;
    }
    assert_eq!(count, 3);
    lab.master.start_server();
    let run = ours(&lab, &["-A"]).ok();
    assert!(!run.log.contains("WARNING ") && !run.log.contains("ERR "), "{run}");
    // The replica gave each mailbox a modseq. The master stores it, as with Cyrus's client.
    ours(&lab, &["-A"]).ok();
    assert_eq!(sent(&ours(&lab, &["-v", "-A"]).ok()), [""; 0]);
    let mut fred = Imap::login(&lab.master, "fred");
    assert!(fred.append("INBOX.Sent", "", b"Subject: later\r\n\r\nlater\r\n").is_ok());
    assert_eq!(sent(&ours(&lab, &["-v", "-A"]).ok()), ["MAILBOX user.fred.Sent"]);
    assert_equal(&lab.master, &lab.replica, "early entries", |it| {
        // The master's entry still has no uniqueid.
        is_of_scripts(&it.path) || it.path.starts_with("mailboxes.db N ")
    });
}

/// Tests repairs: the master's own version must write changes of the replica to the master.
#[track_caller]
fn repair(options: Options) {
    let lab = Lab::new(options);
    let release = lab.master.release();
    furnish(&lab.master, 0);
    ours(&lab, &["-A"]).ok();
    for server in [&lab.master, &lab.replica] {
        let mut fred = Imap::login(server, "fred");
        let text = format!("Subject: split\r\n\r\narrived at {}\r\n", server.name());
        assert!(fred.append("INBOX", "", text.as_bytes()).is_ok());
        fred.ok("SELECT INBOX");
        fred.ok("UID STORE 1 +FLAGS (\\Answered)");
        fred.ok("UNSELECT");
    }
    ours(&lab, &["-A"]).ok();
    tools::run(&lab.master, "quota", &["-f"]);
    assert_equal(&lab.master, &lab.replica, "after the repair", |it| {
        // UID 2, which two messages had, is expunged on both sides and not compared.
        it.path.starts_with("user.fred RECORD 2 ")
            || (release == Release::Bullseye && is_of_scripts(&it.path))
            || is_of_one_side(&lab, it)
    });
    assert_eq!(sent(&ours(&lab, &["-v", "-A"]).ok()), [""; 0]);
    let mut fred = Imap::login(&lab.master, "fred").with_selected("INBOX");
    assert_eq!(fred.uids(), [1, 3, 4], "one from before, one of each side with a new UID");
    assert_eq!(tools::reconstruct_complaints(&lab.master, "user.*"), [""; 0]);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_repair_on_3_2() {
    repair(Options { master_tree: Some(Tree::of(Release::Bullseye)), ..conversations() });
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_repair_on_3_10() {
    repair(Options { master_tree: Some(Tree::of(Release::Trixie)), ..conversations() });
}

/// Returns the changes that a run with `-v` printed.
fn sent(run: &Run) -> Vec<String> {
    let asks = |line: &str| {
        ["USER ", "MAILBOXES ", "ENABLE ", "SUMMARY "].iter().any(|w| line.starts_with(w))
    };
    run.stdout.lines().filter(|line| !asks(line)).map(str::to_owned).collect()
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_6_to_3_12() {
    let replica_tree = Some(Tree::of(Release::Forky));
    follow(Options { replica_tree, ..Options::default() }, 9);
}

fn conversations() -> Options {
    Options { conversations: true, ..Options::modern() }
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_2_to_3_6() {
    let master_tree = Some(Tree::of(Release::Bullseye));
    follow(Options { master_tree, ..Options::default() }, 1);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_2_to_3_6_with_conversations_and_slashes() {
    let master_tree = Some(Tree::of(Release::Bullseye));
    follow(Options { master_tree, hashimapspool: false, ..conversations() }, 4);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_10_to_3_6() {
    let master_tree = Some(Tree::of(Release::Trixie));
    follow(Options { master_tree, ..Options::default() }, 2);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_10_to_3_6_with_conversations_and_slashes() {
    let master_tree = Some(Tree::of(Release::Trixie));
    follow(Options { master_tree, ..conversations() }, 5);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_12_to_3_6() {
    let master_tree = Some(Tree::of(Release::Forky));
    follow(Options { master_tree, ..Options::default() }, 10);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_12_to_3_12() {
    let tree = Some(Tree::of(Release::Forky));
    let (master_tree, replica_tree) = (tree.clone(), tree);
    follow(Options { master_tree, replica_tree, ..conversations() }, 14);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_6_to_3_10() {
    let replica_tree = Some(Tree::of(Release::Trixie));
    follow(Options { replica_tree, ..Options::default() }, 3);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_6_to_3_10_with_conversations_and_slashes() {
    let replica_tree = Some(Tree::of(Release::Trixie));
    follow(Options { replica_tree, ..conversations() }, 6);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_2_to_3_6_by_the_log() {
    follow_log(by_master(Release::Bullseye), 7);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_10_to_3_6_by_the_log() {
    follow_log(by_master(Release::Trixie), 8);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_12_to_3_6_by_the_log() {
    follow_log(by_master(Release::Forky), 12);
}
