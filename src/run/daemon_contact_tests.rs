//! Tests what the [`daemon`](super::daemon) does when a connection cannot be made or is lost.

use super::daemon_tests::{RULES, daemon, play_all, taken_over};
use super::rules::Rules;
use super::stepping::{Stepper, names};
use crate::settings::RetryPolicy;

#[test]
fn nothing_is_read_before_there_is_a_connection() {
    for (asked, ended) in
        [("Stop", "end Stopped"), ("WakeUp", "end Woken"), ("ShutdownFile", "end ShutdownFile")]
    {
        play_all(
            Rules { has_shutdown_file: true, ..RULES },
            &[
                ("start", &["connect 0"]),
                ("connected 0 Connect", &["event: Connect", "event: again in 15 s", "wait 1.1 s"]),
                ("at 15", &[]),
                ("over", &["connect 0"]),
                (
                    "connected 0 Auth",
                    &["event: Auth", "event: all the same", "event: again in 30 s", "wait 1.1 s"],
                ),
                (&format!("asked {asked}"), &[ended]),
            ],
        );
    }
}

#[test]
fn a_replica_that_stays_away_is_reported_every_five_minutes_with_what_waits() {
    let names = names();
    let mut stepper = Stepper::new(daemon(RULES, &names));
    let mut step = |input: &str| stepper.step(input);
    assert_eq!(step("start"), ["connect 0"]);
    let mut pauses = Vec::new();
    for at in ["15", "45", "105", "225"] {
        let lines = step("connected 0 Connect");
        pauses.extend(lines.iter().find(|line| line.contains("again in")).cloned());
        step(&format!("at {at}"));
        assert_eq!(step("over"), ["connect 0"], "{at}");
    }
    assert_eq!(pauses.last().unwrap(), "event: again in 120 s");
    assert_eq!(step("connected 0 Connect"), ["event: again in 240 s", "wait 10 s"]);
    step("at 300");
    assert_eq!(step("over"), ["count, work: true"]);
    let reported = "event: still unreachable after 300 s, 5, 7 entries of 1 users";
    assert_eq!(step("counted 7"), [reported, "wait 10 s"]);
    step("at 465");
    assert_eq!(step("over"), ["connect 0"]);
    assert_eq!(step("connected 0")[0], "event: reachable after 465 s, 5");
}

#[test]
fn with_connect_once_or_rolling_once_a_failed_connection_ends_the_daemon() {
    let retry_policy = RetryPolicy { connect_once: true, ..RetryPolicy::default() };
    play_all(
        Rules { retry_policy, ..RULES },
        &[
            ("start", &["connect 0"]),
            ("connected 0 Connect", &["event: Connect", "end with Connect"]),
        ],
    );
    play_all(
        Rules { rolling_once: true, ..RULES },
        &[("start", &["connect 0"]), ("connected 0 Auth", &["event: Auth", "end with Auth"])],
    );
}

#[test]
fn a_configuration_that_worked_is_tried_again_and_one_that_never_did_ends_the_daemon() {
    play_all(
        RULES,
        &[("start", &["connect 0"]), ("connected 0 Config", &["event: Config", "end with Config"])],
    );
    // In a later call of a client that was connected before, the first attempt may fail too.
    play_all(
        Rules { was_connected: true, ..RULES },
        &[
            ("start", &["connect 0"]),
            (
                "connected 0 Config",
                &["event: Config", "event: all the same", "event: again in 15 s", "wait 10 s"],
            ),
        ],
    );
    for kind in ["Config", "Unsupported"] {
        let reported = format!("event: {kind}");
        let lines = [&reported, "event: all the same", "event: again in 15 s", "wait 10 s"];
        taken_over(
            RULES,
            &[
                ("read USER a", &["run 0: USER a"]),
                ("lost 0 Closed", &["event: trying again, Closed", "connect 0"]),
                (&format!("connected 0 {kind}"), &lines),
                ("at 15", &[]),
                ("over", &["connect 0"]),
                ("connected 0", &["event: reachable after 15 s, 1", "run 0: USER a"]),
            ],
        );
    }
}

#[test]
fn a_goodbye_is_the_end_of_one_that_connects_once() {
    let retry_policy = RetryPolicy { connect_once: true, ..RetryPolicy::default() };
    taken_over(
        Rules { retry_policy, ..RULES },
        &[
            ("read USER a", &["run 0: USER a"]),
            ("lost 0 Bye", &["event: trying again, Bye", "connect 0"]),
            ("connected 0 Connect", &["event: replica gone", "restore USER a;"]),
            ("noted", &["end Goodbye"]),
        ],
    );
}

#[test]
fn a_connection_that_is_lost_twice_over_a_task_defers_it_and_stops_no_other() {
    taken_over(
        RULES,
        &[
            ("read USER a, USER b", &["run 0: USER a"]),
            ("lost 0 Closed", &["event: trying again, Closed", "connect 0"]),
            ("connected 0 Connect", &["event: Connect", "event: again in 15 s", "wait 10 s"]),
            ("at 15", &[]),
            ("over", &["connect 0"]),
            ("connected 0", &["event: reachable after 15 s, 1", "run 0: USER a"]),
            ("lost 0 Closed", &["event: USER a left, try 1, next in 15 s", "connect 0"]),
            ("connected 0", &["run 0: USER b"]),
            ("done 0", &["note USER a;"]),
            ("noted", &["take USER a;"]),
            ("taken nothing", &["wait 10 s or log"]),
        ],
    );
}
