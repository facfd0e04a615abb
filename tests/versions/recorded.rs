//! Replicates a recorded spool of a Cyrus 3.13 master, which does not run, to a replica of 3.12.

use cyrsync_lab::recorded::install;
use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Lab, Options};

use super::groups::are_in;
use super::{ours, sent};

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_recorded_3_13_to_3_12() {
    let mut lab = Lab::new(Options {
        unixhierarchysep: true,
        altnamespace: true,
        conversations: true,
        replica_tree: Some(Tree::of(Release::Forky)),
        ..Options::default()
    });
    let from = cyrsync_lab::checkout().join("tests/fixtures/master/master-1");
    install(&mut lab.master, &from);
    ours(&lab, &["-A"]).ok();
    assert_eq!(sent(&ours(&lab, &["-v", "-A"]).ok()), [""; 0]);
    let run = ours(&lab, &["--verify=messages", "-A"]).ok();
    assert!(run.stdout.ends_with(": equal\n"), "{run}");
    are_in(&lab.replica, [&["group:board", "group:staff"], &[]]);
}
