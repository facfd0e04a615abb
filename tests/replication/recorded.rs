//! Replicates a recorded spool of a Cyrus 3.13 master, which does not run, to a real replica of the
//! installed version.

use std::process::Command;

use cyrsync_lab::recorded::install;
use cyrsync_lab::{Lab, Options, SyncServer, Value};

use crate::common::{actions, ours, sync_client_itself};

/// Starts a lab whose master has the files of `tests/fixtures/master/master-1`.
fn recorded() -> Lab {
    let options = Options {
        unixhierarchysep: true,
        altnamespace: true,
        conversations: true,
        users: ["fred", "anna", "bert"].map(str::to_owned).to_vec(),
        ..Options::default()
    };
    let mut lab = Lab::new(options);
    let from = cyrsync_lab::checkout().join("tests/fixtures/master/master-1");
    install(&mut lab.master, &from);
    lab
}

/// Asserts that everything is replicated, that a second run finds nothing to do, and that both
/// sides are equal.
fn replicated_and_verified(lab: &Lab) {
    let run = ours(lab, &["-A", "-v"]).ok();
    assert!(run.stdout.contains("MAILBOX user.fred.Archive"), "{run}");
    let looked = ["USER anna", "USER bert", "USER fred", "MAILBOXES shared shared.lists"];
    assert_eq!(actions(lab, &["-A"]), looked);
    let run = sync_client_itself(lab, &["--verify=messages", "-A"]).ok();
    assert!(run.stdout.ends_with(": equal\n"), "{run}");
    let name = Value::text("user.fred");
    let reported = format!("{:?}", SyncServer::spawn(&lab.replica).get("FULLMAILBOX", &name));
    for entry in ["internaldate.nsec", "basethrid"] {
        let entry = Value::text(format!("/vendor/cmu/cyrus-imapd/{entry}"));
        assert!(reported.contains(&format!("{entry:?}")), "{entry:?}");
    }
}

#[test]
fn a_recorded_master_of_3_13_is_replicated_and_verified() {
    replicated_and_verified(&recorded());
}

/// Tests the same master with all databases except quotas in format twom.
#[test]
fn a_recorded_master_whose_databases_are_twom_is_replicated_and_verified() {
    let lab = recorded();
    let converted = cyrsync_lab::checkout().join("tests/fixtures/twom/converted");
    let master = lab.master.dir().to_owned();
    for file in std::fs::read_dir(converted).expect("fixtures").map(|file| file.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap().replace(',', "/");
        if !name.ends_with(".b64") {
            std::fs::copy(&file, master.join(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
    let chown = Command::new("chown").args(["-R", "cyrus:mail"]).arg(&master).status();
    assert!(chown.expect("chown runs").success());
    for database in ["mboxlist", "annotation", "seenstate", "subscription", "conversations"] {
        lab.master.set_config(&format!("{database}_db"), Some("twom"));
    }
    replicated_and_verified(&lab);
}
