//! Tests a replica whose server is killed in the middle of a run, as in a restart or crash.

use std::time::Duration;

use cyrsync_lab::fill::{Bulk, bulk};
use cyrsync_lab::{Lab, Proxy};

use crate::common::{assert_equal, assert_idle, kill_sync_servers, start_ours, until};

#[test]
fn a_user_is_tried_again_in_the_same_run_after_a_lost_connection() {
    let lab = Lab::default();
    bulk(&lab.master, Bulk { users: 6, folders: 3, messages: 40, seed: 9 });
    // Make the run slow enough to kill the server in the middle.
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::from_millis(20), false);
    lab.master.use_port(proxy.port());
    lab.master.set_config("sync_jobs", Some("1"));
    let running = start_ours(&lab, &["-v", "-A"]);
    let running = until(running, |[stdout, ..]| stdout.contains("USER u002"));
    running.signal(libc::SIGSTOP);
    assert!(kill_sync_servers(&lab.replica) > 0, "nobody was serving");
    running.signal(libc::SIGCONT);
    let run = running.wait();
    assert!(run.status.success(), "{run}");
    assert!(run.log.contains("trying again"), "{run}");
    assert_equal(&lab);
    assert_idle(&lab, &["-A"]);
}
