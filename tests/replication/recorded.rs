//! A master of Cyrus 3.13 as it was recorded, with its server stopped, and a real replica of the
//! installed version.

use std::path::Path;
use std::process::Command;

use cyrsync_lab::{Lab, Options, SyncServer, Value};

use crate::common::{actions, ours, sync_client_itself};

/// A lab whose master has the files of `tests/fixtures/master/master-1`.
fn recorded() -> Lab {
    let options = Options {
        unixhierarchysep: true,
        altnamespace: true,
        conversations: true,
        users: ["fred", "anna", "bert"].map(str::to_owned).to_vec(),
        ..Options::default()
    };
    let mut lab = Lab::new(options);
    lab.master.stop_server();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/master/master-1");
    let sh = |script: String| {
        let status = Command::new("sh").args(["-ec", &script]).status().expect("there is a shell");
        assert!(status.success(), "{script}");
    };
    let (from, conf) = (from.display(), lab.master.config_dir());
    let (conf, spool) = (conf.display(), lab.master.partition_dir("default"));
    let (spool, sieve) = (spool.display(), lab.master.dir().join("sieve"));
    let sieve = sieve.display();
    sh(format!(
        "rm -rf {conf}/mailboxes.db {conf}/annotations.db {conf}/user {conf}/quota {spool}
         mkdir -p {spool} {sieve}
         cp -r {from}/conf/. {conf}/; cp -r {from}/spool/. {spool}/; cp -r {from}/sieve/. {sieve}/
         chown -R cyrus:mail {conf} {spool} {sieve}; chmod -R u+rwX {conf} {spool} {sieve}"
    ));
    lab
}

#[test]
fn a_recorded_master_of_3_13_is_replicated_and_verified() {
    let lab = recorded();
    let run = ours(&lab, &["-A", "-v"]).ok();
    assert!(run.stdout.contains("MAILBOX user.fred.Archive"), "{run}");
    let looked = ["USER anna", "USER bert", "USER fred", "MAILBOXES shared shared.lists"];
    assert_eq!(actions(&lab, &["-A"]), looked);
    let run = sync_client_itself(&lab, &["--verify=messages", "-A"]).ok();
    assert!(run.stdout.ends_with(": equal\n"), "{run}");
    let name = Value::text("user.fred");
    let told = format!("{:?}", SyncServer::spawn(&lab.replica).get("FULLMAILBOX", &name));
    for entry in ["internaldate.nsec", "basethrid"] {
        let entry = Value::text(format!("/vendor/cmu/cyrus-imapd/{entry}"));
        assert!(told.contains(&format!("{entry:?}")), "{entry:?}");
    }
}
