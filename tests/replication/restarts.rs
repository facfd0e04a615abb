//! The replica's server dies in the middle of a run, as when it is restarted or crashes.

use std::time::Duration;

use cyrsync_lab::fill::{Bulk, bulk};
use cyrsync_lab::{Lab, Proxy};

use crate::common::{assert_equal, assert_idle, kill_sync_servers, start_ours, until};

#[test]
fn a_user_whose_connection_dies_is_tried_once_more_in_the_same_run() {
    let lab = Lab::default();
    bulk(&lab.master, Bulk { users: 6, folders: 3, messages: 40, seed: 9 });
    // Slow enough to be caught in the middle.
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::from_millis(20), false);
    lab.master.use_port(proxy.port());
    lab.master.set_config("sync_jobs", Some("1"));
    let running = start_ours(&lab, &["-v", "-A"]);
    let running = until(running, |[stdout, ..]| stdout.contains("USER u002"));
    assert!(kill_sync_servers(&lab.replica) > 0, "nobody was serving");
    let run = running.wait();
    assert!(run.status.success(), "{run}");
    assert!(run.log.contains("trying again"), "{run}");
    assert_equal(&lab);
    assert_idle(&lab, &["-A"]);
}
