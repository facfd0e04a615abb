//! Tests of [`daemon`](super::daemon) with several workers. The other tests of the daemon are in
//! [`daemon_tests`](super::daemon_tests).

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
            // META a must wait for USER a, which is running. Worker 1 gets the other task.
            ("read META a, META c", &["run 1: META c"]),
            ("done 0", &["run 0: META a"]),
            ("asked Stop", &[]),
            ("done 1", &[]),
            ("lost 0 Closed", &["event: trying again, Closed", "note META a;"]),
            ("noted", &["end Stopped"]),
        ],
    );
}

#[test]
fn a_worker_that_cannot_connect_stops_no_task_and_causes_no_wakeups() {
    taken_over(
        Rules { jobs: Jobs::Number(2), ..RULES },
        &[
            ("read USER a, USER b", &["run 0: USER a", "connect 1"]),
            ("connected 1", &["run 1: USER b"]),
            ("lost 1 Closed", &["event: trying again, Closed", "connect 1"]),
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
        Rules { jobs: Jobs::Number(2), release_staged_after: Duration::ZERO, ..RULES },
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
fn a_helper_of_a_large_user_returns_for_other_users() {
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
            // A recalled helper first completes the part of the task that it has begun.
            ("done 1", &["run 1: USER c"]),
            ("done 1", &["run 1: USER d"]),
            ("done 1", &["take USER big; USER big;"]),
            ("taken nothing", &["help 1: 0"]),
            ("done 0", &["run 0: USER big"]),
        ],
    );
}
