//! Runs our client and Cyrus's in turn on the same pair of servers. After one of them has
//! replicated, the other must find nothing to do.

use cyrsync_lab::fill::{Bulk, Filler};
use cyrsync_lab::{Lab, Options, cyrus_sync_client, random_changes};

use crate::common::{assert_cyrus_idle, assert_equal, assert_idle, replicate};

#[test]
fn after_cyruss_client_ours_finds_nothing_to_do() {
    for (seed, options) in [
        (71, Options::default()),
        (72, Options { conversations: true, reverseacls: true, ..Options::modern() }),
    ] {
        let lab = Lab::new(options);
        Filler::new(&lab.master, seed).bulk(Bulk { users: 3, folders: 4, messages: 20, seed });
        random_changes(&lab.master, seed, 60);
        cyrus_sync_client(&lab.master, &["-A"]).ok();
        assert_idle(&lab, &["-A"]);
        assert_equal(&lab);
    }
}

#[test]
fn both_clients_take_turns() {
    let lab = Lab::new(Options::modern());
    for seed in [81, 82, 83] {
        random_changes(&lab.master, seed, 30);
        replicate(&lab, &["-A"]);
        random_changes(&lab.master, seed + 10, 30);
        cyrus_sync_client(&lab.master, &["-A"]).ok();
        assert_idle(&lab, &["-A"]);
    }
    assert_cyrus_idle(&lab, &["-A"]);
}
