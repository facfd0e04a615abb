//! Tests of [`daemon`](super::daemon) with several workers.

use std::time::Duration;

use super::daemon_tests::{RULES, taken_over};
use super::rules::Rules;
use crate::settings::Jobs;

#[test]
fn several_workers_run_what_is_independent_and_the_log_goes_on_meanwhile() {
    taken_over(
        Rules { jobs: Jobs::Number(2), ..RULES },
        &[
            ("read USER a, USER b", &["run 0: USER a", "connect 1"]),
            ("connected 1", &["run 1: USER b"]),
            ("done 1", &["take USER a;"]),
            ("taken 7..14", &["read 7..14"]),
            // USER a is running, so META a waits. More entries may arrive.
            ("read META a, META c", &["run 1: META c"]),
            ("done 0", &["run 0: META a"]),
            ("asked Stop", &[]),
            ("done 1", &[]),
            ("lost 0 Closed", &["tell: trying again, Closed", "note META a;"]),
            ("noted", &["end Stopped"]),
        ],
    );
}

#[test]
fn a_worker_that_cannot_connect_keeps_no_other_from_its_task_and_nobody_awake() {
    taken_over(
        Rules { jobs: Jobs::Number(2), ..RULES },
        &[
            ("read USER a, USER b", &["run 0: USER a", "connect 1"]),
            ("connected 1", &["run 1: USER b"]),
            ("lost 1 Closed", &["tell: trying again, Closed", "connect 1"]),
            ("connected 1 Connect", &[]),
            ("done 0", &["run 0: USER b"]),
            ("done 0", &["note"]),
            ("noted", &["take"]),
            ("taken nothing", &["wait 10 s or log"]),
            ("at 15", &[]),
            ("over", &["take"]),
            ("taken nothing", &["wait 10 s or log"]),
        ],
    );
}

#[test]
fn a_worker_that_has_nothing_to_do_for_long_says_goodbye_but_the_last() {
    taken_over(
        Rules { jobs: Jobs::Number(2), timeout: Duration::ZERO, ..RULES },
        &[
            ("read USER a, USER b", &["run 0: USER a", "connect 1"]),
            ("connected 1", &["run 1: USER b"]),
            ("done 1", &["take USER a;"]),
            ("taken nothing", &[]),
            ("done 0", &["note"]),
            ("noted", &["wait 10 s or log"]),
            ("at 30", &[]),
            ("over", &["take"]),
            ("taken nothing", &["leave 1", "wait 10 s or log"]),
        ],
    );
}

#[test]
fn who_helps_with_a_large_user_comes_back_for_others() {
    taken_over(
        Rules { jobs: Jobs::Number(2), ..RULES },
        &[
            ("read USER big, USER b", &["run 0: USER big", "connect 1"]),
            ("connected 1", &["run 1: USER b"]),
            ("offered 0", &["take USER big; USER b;"]),
            ("taken nothing", &[]),
            ("done 1", &["help 1: 0"]),
            ("logged", &["take USER big;"]),
            ("taken 7..14", &["read 7..14"]),
            ("read USER c, USER big, USER d", &["recall 1"]),
            // The helper finishes the part that it has taken first.
            ("done 1", &["run 1: USER c"]),
            ("done 1", &["run 1: USER d"]),
            ("done 1", &["take USER big; USER big;"]),
            ("taken nothing", &["help 1: 0"]),
            ("done 0", &["run 0: USER big"]),
        ],
    );
}
