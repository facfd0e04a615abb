//! Tests cyrus.index in every minor version that Cyrus 3.6.1 can give a mailbox (`reconstruct -V`).
//! Versions 18 and 19 belong to later servers: see `tests/versions`.

use std::collections::BTreeSet;
use std::fs;

use cyrsync_lab::{
    Cyrus, Imap, Lab, Options, Run, another_replica, compare, cyrus_sync_client, describe, places,
    tools,
};

use crate::common::{actions, append, assert_idle, create, differing, errors, ours};

/// The versions that our client can read.
const VERSIONS: std::ops::RangeInclusive<u8> = 12..=17;

fn folder(version: u8) -> String {
    format!("user.fred.v{version}")
}

/// Creates a folder for each version. The folders have all data in which the versions differ:
/// threads, times of saving and of creation, annotations, expunged and copied messages.
fn set_up(lab: &Lab, versions: impl Iterator<Item = u8>) {
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    for version in versions {
        let name = lab.master.own_name(&folder(version));
        fred.ok(&format!("CREATE {name}"));
        for number in 0..5 {
            append(&mut fred, &name, &format!("{number} of {version}"));
        }
        fred.ok(&format!("SELECT {name}"));
        assert!(fred.annotate_messages("1:2", "/comment", true, Some(b"a note")).is_ok());
        fred.ok("UID STORE 2 +FLAGS (\\Flagged $Label)");
        fred.ok("UID STORE 3 +FLAGS (\\Deleted)");
        fred.ok("UID EXPUNGE 3");
        fred.ok(&format!("UID COPY 1:2 {name}"));
        assert!(fred.set_metadata(&name, "/shared/comment", Some(b"ours")).is_ok());
        fred.ok("UNSELECT");
    }
}

fn set_version(cyrus: &Cyrus, version: u8) {
    tools::run(cyrus, "reconstruct", &["-V", &version.to_string(), &folder(version)]);
    assert_eq!(version_of(cyrus, version), version, "{}", folder(version));
}

/// Returns the version in a folder's cyrus.index.
fn version_of(cyrus: &Cyrus, version: u8) -> u8 {
    let index = places::place(cyrus, &folder(version)).meta.join("cyrus.index");
    fs::read(index).expect("there is an index")[11]
}

fn change(lab: &Lab) {
    let mut fred = Imap::login(&lab.master, "fred");
    for version in VERSIONS {
        let name = lab.master.own_name(&folder(version));
        append(&mut fred, &name, &format!("later in {version}"));
        fred.ok(&format!("SELECT {name}"));
        fred.ok("UID STORE 1 +FLAGS (\\Answered Work)");
        fred.ok("UID STORE 4 +FLAGS (\\Deleted)");
        fred.ok("UID EXPUNGE 4");
        assert!(fred.annotate_messages("2", "/comment", true, None).is_ok());
        assert!(fred.annotate_messages("5", "/comment", false, Some(b"shared")).is_ok());
        fred.ok("UNSELECT");
    }
}

fn theirs(lab: &Lab, replica: &Cyrus) -> Run {
    lab.master.use_replica(replica);
    let run = cyrus_sync_client(&lab.master, &["-v", "-A"]).ok();
    lab.master.use_replica(&lab.replica);
    run
}

/// Returns whether a path is a value that the replica sets itself, so that two replicas differ: the
/// time of saving, if the master's version has none.
fn is_of_the_replica(path: &str) -> bool {
    let mut old = VERSIONS.filter(|version| *version < 15);
    let in_it = |version| path.starts_with(&format!("{} RECORD", folder(version)));
    old.any(in_it) && path.contains("savedate")
}

#[test]
fn mailboxes_of_every_index_version_are_replicated_as_cyrus_does() {
    let options = Options { conversations: true, ..Options::default() };
    let lab = Lab::new(options.clone());
    let other = another_replica(&lab, "theirs", &options);
    set_up(&lab, VERSIONS);
    for round in 0..3 {
        if round == 0 {
            VERSIONS.for_each(|version| set_version(&lab.master, version));
        } else {
            change(&lab);
        }
        if round == 2 {
            // In the last round the replicas also have indexes of old versions.
            for replica in [&lab.replica, &other] {
                VERSIONS.for_each(|version| set_version(replica, version));
            }
        }
        actions(&lab, &["-A"]);
        theirs(&lab, &other);
        let mut differences = compare(&other, &lab.replica);
        differences.retain(|difference| !is_of_the_replica(&difference.path));
        assert!(differences.is_empty(), "round {round}: {}", describe(&differences, 40));
        // Differences that neither client can remove must be the same for both.
        let paths = |replica| -> BTreeSet<String> {
            compare(&lab.master, replica).into_iter().map(|difference| difference.path).collect()
        };
        assert_eq!(paths(&lab.replica), paths(&other), "round {round}");
        for version in VERSIONS {
            assert_eq!(version_of(&lab.master, version), version);
        }
    }
    assert_idle(&lab, &["-A"]);
    // After a conversion to the latest version both clients find no difference.
    for version in VERSIONS {
        tools::run(&lab.master, "reconstruct", &["-V", "max", &folder(version)]);
        tools::run(&lab.replica, "reconstruct", &["-V", "max", &folder(version)]);
    }
    actions(&lab, &["-A"]);
}

#[test]
fn a_mailbox_of_an_index_version_before_12_is_refused_with_advice_and_stops_no_other() {
    let lab = Lab::default();
    set_up(&lab, [9, 10, 12].into_iter());
    for version in [9, 10, 12] {
        set_version(&lab.master, version);
    }
    let run = ours(&lab, &["-v", "-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let lines = errors(&run);
    for version in [9, 10] {
        let index = places::place(&lab.master, &folder(version)).meta.join("cyrus.index");
        let reported = |line: &String| {
            line.contains(&*index.to_string_lossy()) && line.contains("reconstruct -V max")
        };
        assert!(lines.iter().any(reported), "{version}: {lines:#?}");
    }
    assert!(run.stdout.lines().any(|line| line == "MAILBOX user.fred.v12"), "{run}");
    for version in [9, 10] {
        tools::run(&lab.master, "reconstruct", &["-V", "max", &folder(version)]);
    }
    let done = actions(&lab, &["-A"]);
    for version in [9, 10] {
        assert!(done.contains(&format!("MAILBOX {}", folder(version))), "{done:#?}");
    }
    assert_idle(&lab, &["-A"]);
    // The old versions lack times and modseqs of creation, so each server made its own at the
    // conversion. Version 12 has no CRC of annotations.
    let mut left = differing(&lab);
    left.retain(|path| {
        let lost = ["savedate", "createdmodseq", "CREATEDMODSEQ", "v12 SYNC_CRC_ANNOT"];
        !lost.iter().any(|word| path.contains(word)) && !path.ends_with(" C")
    });
    assert_eq!(left, [""; 0]);
}
