//! Tests of [`daemon`](super::daemon). A test passes inputs to the daemon step by step. A script
//! has each input with the actions that must follow ([`stepping`](super::stepping) lists the
//! words).

use std::time::Duration;

use super::daemon::Daemon;
use super::rules::Rules;
use super::stepping::{Stepper, names};
use crate::names::Namespace;
use crate::settings::{Jobs, RetryPolicy};

pub const RULES: Rules = Rules {
    was_connected: false,
    waiting_since: None,
    sync_repeat_interval: Duration::ZERO,
    release_staged_after: Duration::ZERO,
    has_shutdown_file: false,
    rolling_once: false,
    retry_policy: RetryPolicy {
        connect_once: false,
        sync_reconnect_maxwait: None,
        even_if_refused: false,
    },
    is_blind: false,
    jobs: Jobs::Number(1),
    open: None,
};

pub type Script<'s> = &'s [(&'s str, &'s [&'s str])];

pub fn daemon(rules: Rules, names: &Namespace) -> Daemon<'_> {
    Daemon::new(rules, names, &"replica".into(), "log-run".into())
}

/// Plays a script that begins with the first input.
pub fn play_all(rules: Rules, script: Script<'_>) {
    let names = names();
    Stepper::new(daemon(rules, &names)).play(script);
}

/// Plays a script that begins after the daemon has taken over a log.
pub fn taken_over(rules: Rules, script: Script<'_>) {
    let begin: Script<'_> = &[("logged", &["take"]), ("taken 0..0", &["read 0..0"])];
    play(rules, &[begin, script].concat());
}

/// Plays a script that begins when the daemon is connected and has nothing to do.
fn play(rules: Rules, script: Script<'_>) {
    let names = names();
    let mut stepper = Stepper::new(daemon(Rules { open: Some(Duration::ZERO), ..rules }, &names));
    stepper.step("start");
    let looks = stepper.step("read none");
    assert_eq!(looks, ["take"]);
    if !rules.rolling_once {
        let rests = stepper.step("taken nothing");
        assert!(rests.iter().all(|line| line.starts_with("wait")), "{rests:?}");
    }
    stepper.play(script);
}

#[test]
fn logged_entries_are_taken_over_replicated_and_removed() {
    play_all(
        RULES,
        &[
            ("start", &["connect 0"]),
            ("connected 0", &["reprocess 0..0"]),
            ("read MAILBOX user.a", &["run 0: MAILBOX user.a"]),
            ("done 0 staged", &["note"]),
            ("noted", &["release 0"]),
            ("released 0", &["take"]),
            ("taken nothing", &["wait 10 s or log"]),
            ("logged", &["take"]),
            ("taken 0..0", &["read 0..0"]),
            ("read MAILBOX user.b, SEEN a 6a5b, USER b", &["run 0: MAILBOX user.b, USER b"]),
            ("done 0", &["run 0: SEEN a 6a5b"]),
            ("done 0", &["note"]),
            ("noted", &["take"]),
            ("taken nothing", &["wait 10 s or log"]),
        ],
    );
}

#[test]
fn a_failing_task_waits_longer_each_time_and_a_new_entry_shortens_the_wait_once() {
    taken_over(
        RULES,
        &[
            ("read MAILBOX user.a", &["run 0: MAILBOX user.a"]),
            (
                "failed 0 Corrupt USER a",
                &["event: USER a left, try 1, next in 15 s", "note USER a;"],
            ),
            ("noted", &["take USER a;"]),
            ("taken nothing", &["wait 10 s or log"]),
            ("at 15", &[]),
            ("over", &["take USER a;"]),
            ("taken nothing", &["run 0: USER a"]),
            (
                "failed 0 Corrupt USER a",
                &["event: USER a left, try 2, next in 30 s", "wait 10 s or log"],
            ),
            ("at 16", &[]),
            ("logged", &["take USER a;"]),
            ("taken 7..14", &["read 7..14"]),
            // The entry is deferred already. A new log entry reduces its pause to 15 s after the
            // failure.
            ("read USER a", &["take USER a;"]),
            ("taken nothing", &["wait 10 s or log"]),
            ("at 30", &[]),
            ("over", &["take USER a;"]),
            ("taken nothing", &["run 0: USER a"]),
        ],
    );
    taken_over(
        RULES,
        &[
            ("read USER a", &["run 0: USER a"]),
            ("failed 0 Locked USER a", &["event: USER a left, try 1, next in 1 s", "take USER a;"]),
            ("taken nothing", &["wait 1 s or log"]),
        ],
    );
}

#[test]
fn pending_entries_are_written_again_if_another_client_removed_them() {
    taken_over(
        RULES,
        &[
            ("read USER a", &["run 0: USER a"]),
            (
                "failed 0 Corrupt USER a",
                &["event: USER a left, try 1, next in 15 s", "take USER a;"],
            ),
            ("taken nothing", &["wait 10 s or log"]),
            ("at 10", &[]),
            ("over", &["take USER a;"]),
            ("taken nothing", &["restore USER a;"]),
            ("noted", &["wait 5 s or log"]),
            ("asked Stop", &["restore USER a;"]),
            ("noted", &["end Stopped"]),
        ],
    );
}

#[test]
fn a_request_to_end_waits_for_the_task_and_leaves_the_rest_on_disk() {
    for (asked, ended) in
        [("Stop", "end Stopped"), ("WakeUp", "end Woken"), ("ShutdownFile", "end ShutdownFile")]
    {
        taken_over(
            RULES,
            &[
                ("read USER a, USER b", &["run 0: USER a"]),
                (&format!("asked {asked}"), &[]),
                ("done 0 staged", &["release 0"]),
                ("released 0", &["note USER b;"]),
                ("noted", &[ended]),
            ],
        );
    }
    let stopped: Script<'_> = &[
        ("logged", &["take"]),
        ("taken 0..0", &["read 0..0"]),
        ("read USER a, USER b", &["run 0: USER a"]),
        ("asked WakeUp", &[]),
        ("asked Stop", &[]),
        ("asked WakeUp", &[]),
        // The work file already has both entries, so the daemon only checks that it still exists.
        ("stopped 0", &["restore USER a; USER b;"]),
        ("noted", &["end Stopped"]),
    ];
    play(RULES, stopped);
}

#[test]
fn an_error_of_the_last_write_of_the_work_file_ends_the_daemon() {
    taken_over(
        RULES,
        &[
            ("read USER a, USER b", &["run 0: USER a"]),
            ("asked Stop", &[]),
            ("done 0", &["note USER b;"]),
            ("noted Io", &["end with Io"]),
        ],
    );
}

#[test]
fn a_stop_that_ends_a_wait_for_the_files_is_no_error() {
    for (asked, end) in [("Stop", "end Stopped"), ("ShutdownFile", "end ShutdownFile")] {
        let script: Script<'_> = &[
            ("read USER a, USER b", &["run 0: USER a"]),
            (&format!("asked {asked}"), &[]),
            ("done 0", &["note USER b;"]),
            ("noted Cancelled", &[end]),
        ];
        taken_over(RULES, script);
    }
    play(RULES, &[("logged", &["take"]), ("taken Cancelled", &["end Stopped"])]);
    let once = Rules { rolling_once: true, ..RULES };
    play(once, &[("taken Cancelled", &["end Stopped"])]);
    let left: Script<'_> = &[
        ("taken 0..0", &["read 0..0"]),
        ("read USER a", &["run 0: USER a"]),
        (
            "failed 0 Corrupt USER a",
            &["event: USER a left, try 1, next in 15 s", "put back USER a;"],
        ),
        ("back Cancelled", &["restore USER a;"]),
    ];
    play(once, &[left, &[("noted Cancelled", &["end Stopped"])]].concat());
    play(once, &[left, &[("noted Io", &["end with Io"])]].concat());
}

#[test]
fn a_full_disk_is_reported_and_retried_and_no_unread_entry_is_overwritten() {
    play(
        RULES,
        &[
            ("logged", &["take"]),
            ("taken Io", &["event: log not taken, Io", "wait 10 s"]),
            ("logged", &["wait 10 s"]),
            ("at 10", &[]),
            ("over", &["take"]),
            ("taken 0..0", &["read 0..0"]),
            ("read Io", &["event: log not taken, Io", "wait 10 s"]),
            ("at 20", &[]),
            // The work file has these entries. They must be read before the file is overwritten.
            ("over", &["read 0..0"]),
            ("read USER a", &["run 0: USER a"]),
            ("done 0", &["note"]),
            ("noted Io", &["event: not noted, Io", "take"]),
            ("taken nothing", &["wait 10 s or log"]),
            ("asked Stop", &["note"]),
            ("noted", &["end Stopped"]),
        ],
    );
    taken_over(
        RULES,
        &[("asked Stop", &[]), ("read Io", &["event: log not taken, Io", "end Stopped"])],
    );
    play_all(
        Rules { open: Some(Duration::ZERO), ..RULES },
        &[("start", &["reprocess 0..0"]), ("read Io", &["end with Io"])],
    );
}

#[test]
fn the_work_file_of_another_client_is_read_only_when_no_client_uses_it() {
    taken_over(
        RULES,
        &[
            ("read USER a", &["run 0: USER a"]),
            ("failed 0 Locked USER a", &["event: USER a left, try 1, next in 1 s", "take USER a;"]),
            ("taken others", &["put back USER a;"]),
            ("back", &["event: lent", "wait 1 s or log"]),
            // The pending entries were put back into the log, so the work file needs no check.
            ("at 1", &[]),
            ("over", &["run 0: USER a"]),
            (
                "failed 0 Locked USER a",
                &["event: USER a left, try 2, next in 2 s", "wait 2 s or log"],
            ),
            ("logged", &["take"]),
            ("taken others", &["wait 2 s or log"]),
            ("at 600", &[]),
            ("logged", &["take"]),
            ("taken others", &["read 0..0"]),
            ("read USER b", &["run 0: USER b"]),
        ],
    );
    taken_over(
        RULES,
        &[
            ("read USER a, USER b", &["run 0: USER a"]),
            ("at 2", &[]),
            ("done 0", &["note USER b;"]),
            ("noted log", &["event: lent", "run 0: USER b"]),
            ("done 0", &["take"]),
        ],
    );
}

#[test]
fn a_single_run_takes_the_log_once_and_puts_back_what_is_left() {
    let once = Rules { rolling_once: true, ..RULES };
    play(once, &[("taken nothing", &["end Once { deferred: 0, failed: 0 }"])]);
    play(once, &[("taken Io", &["end with Io"])]);
    let script: Script<'_> = &[
        ("taken 0..0", &["read 0..0"]),
        ("read USER a, USER b", &["run 0: USER a"]),
        ("failed 0 Locked USER a", &["event: USER a left, try 1, next in 1 s", "run 0: USER b"]),
        (
            "failed 0 Corrupt USER b",
            &["event: USER b left, try 1, next in 15 s", "put back USER a; USER b;"],
        ),
    ];
    let put_back: Script<'_> =
        &[("back", &["note"]), ("noted", &["end Once { deferred: 1, failed: 1 }"])];
    play(once, &[script, put_back].concat());
    let full: Script<'_> =
        &[("back Io", &["restore USER a; USER b;"]), ("noted", &["end with Io"])];
    play(once, &[script, full].concat());
}

#[test]
fn the_replica_releases_what_is_staged_now_and_then_and_one_that_is_gone_is_not_missed() {
    let rules = Rules { release_staged_after: Duration::from_secs(3), ..RULES };
    play(
        rules,
        &[
            ("logged", &["take"]),
            ("taken nothing", &["wait 3 s or log"]),
            ("at 3", &[]),
            ("over", &["release 0"]),
            ("released 0", &["event: released", "wait 3 s or log"]),
            ("at 6", &[]),
            ("over", &["release 0"]),
            ("released 0 Closed", &["event: not released, Closed", "wait 10 s or log"]),
            ("at 10", &[]),
            ("logged", &["take"]),
            ("taken 0..0", &["read 0..0"]),
            ("read USER a", &["connect 0"]),
            ("connected 0", &["run 0: USER a"]),
        ],
    );
    play(
        rules,
        &[("at 3", &[]), ("over", &["release 0"]), ("released 0 Cancelled", &["end Stopped"])],
    );
}

#[test]
fn the_log_is_looked_for_when_something_is_logged_and_now_and_then() {
    play(
        RULES,
        &[
            ("at 9", &[]),
            ("over", &["wait 10 s or log"]),
            ("at 10", &[]),
            ("over", &["take"]),
            ("taken nothing", &["wait 10 s or log"]),
            ("logged", &["take"]),
        ],
    );
    play(
        Rules { is_blind: true, ..RULES },
        &[("at 0.1", &[]), ("over", &["take"]), ("taken nothing", &["wait 0.1 s or log"])],
    );
}

#[test]
fn entries_that_come_together_go_together_and_no_sooner_than_the_interval() {
    play(
        Rules { sync_repeat_interval: Duration::from_secs(2), ..RULES },
        &[
            ("logged", &["wait 0.005 s or log"]),
            ("logged", &["wait 0.005 s or log"]),
            ("over", &["take"]),
            ("taken 0..0", &["read 0..0"]),
            ("read USER a", &["run 0: USER a"]),
            ("at 0.5", &[]),
            ("done 0", &["note"]),
            // The interval of 2 s is not over. Until then a change of the log does not end the
            // wait.
            ("noted", &["wait 1.5 s"]),
            ("at 2", &[]),
            ("over", &["take"]),
            ("taken nothing", &["wait 10 s or log"]),
            ("logged", &["wait 0.005 s or log"]),
            ("logged", &["wait 0.005 s or log"]),
            ("logged", &["wait 0.005 s or log"]),
            // Entries keep arriving, so the daemon does not wait for more.
            ("logged", &["take"]),
        ],
    );
}

#[test]
fn the_rest_of_a_long_log_is_written_in_intervals() {
    taken_over(
        RULES,
        &[
            ("read USER a, USER b, USER c, USER d", &["run 0: USER a"]),
            ("at 1.9", &[]),
            ("done 0", &["run 0: USER b"]),
            ("at 2", &[]),
            ("done 0", &["note USER c; USER d;"]),
            ("noted", &["run 0: USER c"]),
            ("at 3.9", &[]),
            ("done 0", &["run 0: USER d"]),
            ("done 0", &["note"]),
        ],
    );
}

#[test]
fn a_log_with_nothing_in_it_leaves_no_work_file() {
    taken_over(
        RULES,
        &[("read ", &["note"]), ("noted", &["take"]), ("taken nothing", &["wait 10 s or log"])],
    );
}
