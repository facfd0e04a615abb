//! Tests that step rolling replication by hand.

use std::time::Duration;

use super::daemon::Daemon;
use super::rules::Rules;
use super::stepping::{Stepper, names};
use crate::names::Namespace;
use crate::settings::{Jobs, Persistence};

pub const RULES: Rules = Rules {
    waiting_since: None,
    sync_repeat_interval: Duration::ZERO,
    timeout: Duration::ZERO,
    has_shutdown_file: false,
    rolling_once: false,
    persistence: Persistence {
        connect_once: false,
        sync_reconnect_maxwait: None,
        even_if_refused: false,
    },
    is_blind: false,
    jobs: Jobs::Number(1),
    open: None,
};

pub type Script<'s> = &'s [(&'s str, &'s [&'s str])];

fn daemon(rules: Rules, names: &Namespace) -> Daemon<'_> {
    Daemon::new(rules, names, &"replica".into(), "log-run".into())
}

/// Plays a script from the first input.
fn play_all(rules: Rules, script: Script<'_>) {
    let names = names();
    Stepper::new(daemon(rules, &names)).play(script);
}

/// Plays a script that starts after a log was taken over.
pub fn taken_over(rules: Rules, script: Script<'_>) {
    let begin: Script<'_> = &[("logged", &["take"]), ("taken 0..0", &["read 0..0"])];
    play(rules, &[begin, script].concat());
}

/// Plays a script that starts with a connection and nothing to do.
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
fn what_is_logged_is_taken_over_done_and_noted() {
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
fn nothing_is_read_before_there_is_a_connection() {
    for (asked, ended) in
        [("Stop", "end Stopped"), ("WakeUp", "end Woken"), ("ShutdownFile", "end ShutdownFile")]
    {
        play_all(
            Rules { has_shutdown_file: true, ..RULES },
            &[
                ("start", &["connect 0"]),
                ("connected 0 Connect", &["tell: Connect", "tell: again in 15 s", "wait 1.1 s"]),
                ("at 15", &[]),
                ("over", &["connect 0"]),
                (
                    "connected 0 Auth",
                    &["tell: Auth", "tell: all the same", "tell: again in 30 s", "wait 1.1 s"],
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
    assert_eq!(pauses.last().unwrap(), "tell: again in 120 s");
    assert_eq!(step("connected 0 Connect"), ["tell: again in 240 s", "wait 10 s"]);
    step("at 300");
    assert_eq!(step("over"), ["count, work: true"]);
    let told = "tell: still unreachable after 300 s, 5, 7 entries of 1 users";
    assert_eq!(step("counted 7"), [told, "wait 10 s"]);
    step("at 465");
    assert_eq!(step("over"), ["connect 0"]);
    assert_eq!(step("connected 0")[0], "tell: reachable after 465 s, 5");
}

#[test]
fn one_that_tries_once_to_connect_or_works_once_gives_up() {
    let persistence = Persistence { connect_once: true, ..Persistence::default() };
    play_all(
        Rules { persistence, ..RULES },
        &[
            ("start", &["connect 0"]),
            ("connected 0 Connect", &["tell: Connect", "end with Connect"]),
        ],
    );
    play_all(
        Rules { rolling_once: true, ..RULES },
        &[("start", &["connect 0"]), ("connected 0 Auth", &["tell: Auth", "end with Auth"])],
    );
}

#[test]
fn a_goodbye_is_the_end_of_one_that_connects_once() {
    let persistence = Persistence { connect_once: true, ..Persistence::default() };
    taken_over(
        Rules { persistence, ..RULES },
        &[
            ("read USER a", &["run 0: USER a"]),
            ("lost 0 Bye", &["tell: trying again, Bye", "connect 0"]),
            ("connected 0 Connect", &["tell: replica gone", "restore USER a;"]),
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
            ("lost 0 Closed", &["tell: trying again, Closed", "connect 0"]),
            ("connected 0 Connect", &["tell: Connect", "tell: again in 15 s", "wait 10 s"]),
            ("at 15", &[]),
            ("over", &["connect 0"]),
            ("connected 0", &["tell: reachable after 15 s, 1", "run 0: USER a"]),
            ("lost 0 Closed", &["tell: USER a left, try 1, next in 15 s", "connect 0"]),
            ("connected 0", &["run 0: USER b"]),
            ("done 0", &["note USER a;"]),
            ("noted", &["take USER a;"]),
            ("taken nothing", &["wait 10 s or log"]),
        ],
    );
}

#[test]
fn what_fails_waits_longer_each_time_and_news_of_it_hasten_it_once() {
    taken_over(
        RULES,
        &[
            ("read MAILBOX user.a", &["run 0: MAILBOX user.a"]),
            (
                "failed 0 Corrupt USER a",
                &["tell: USER a left, try 1, next in 15 s", "note USER a;"],
            ),
            ("noted", &["take USER a;"]),
            ("taken nothing", &["wait 10 s or log"]),
            ("at 15", &[]),
            ("over", &["take USER a;"]),
            ("taken nothing", &["run 0: USER a"]),
            (
                "failed 0 Corrupt USER a",
                &["tell: USER a left, try 2, next in 30 s", "wait 10 s or log"],
            ),
            ("at 16", &[]),
            ("logged", &["take USER a;"]),
            ("taken 7..14", &["read 7..14"]),
            // The entry is deferred already. Now it is due 15 s after it failed.
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
            ("failed 0 Locked USER a", &["tell: USER a left, try 1, next in 1 s", "take USER a;"]),
            ("taken nothing", &["wait 1 s or log"]),
        ],
    );
}

#[test]
fn what_waits_for_another_try_is_put_back_on_disk_if_another_client_took_it_away() {
    taken_over(
        RULES,
        &[
            ("read USER a", &["run 0: USER a"]),
            (
                "failed 0 Corrupt USER a",
                &["tell: USER a left, try 1, next in 15 s", "take USER a;"],
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
        // The work file already holds both entries.
        ("stopped 0", &["restore USER a; USER b;"]),
        ("noted", &["end Stopped"]),
    ];
    play(RULES, stopped);
}

#[test]
fn what_cannot_be_noted_at_the_end_is_told_and_stays_as_it_is() {
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
fn a_full_disk_is_told_and_tried_again_after_a_pause_and_nothing_unread_is_replaced() {
    play(
        RULES,
        &[
            ("logged", &["take"]),
            ("taken Io", &["tell: log not taken, Io", "wait 10 s"]),
            ("logged", &["wait 10 s"]),
            ("at 10", &[]),
            ("over", &["take"]),
            ("taken 0..0", &["read 0..0"]),
            ("read Io", &["tell: log not taken, Io", "wait 10 s"]),
            ("at 20", &[]),
            // The entries are in the work file already. They must be read before the file is
            // overwritten.
            ("over", &["read 0..0"]),
            ("read USER a", &["run 0: USER a"]),
            ("done 0", &["note"]),
            ("noted Io", &["tell: not noted, Io", "take"]),
            ("taken nothing", &["wait 10 s or log"]),
            ("asked Stop", &["note"]),
            ("noted", &["end Stopped"]),
        ],
    );
    taken_over(
        RULES,
        &[("asked Stop", &[]), ("read Io", &["tell: log not taken, Io", "end Stopped"])],
    );
    play_all(
        Rules { open: Some(Duration::ZERO), ..RULES },
        &[("start", &["reprocess 0..0"]), ("read Io", &["end with Io"])],
    );
}

#[test]
fn the_work_file_of_another_client_is_left_alone_and_read_when_nobody_works_on_it() {
    taken_over(
        RULES,
        &[
            ("read USER a", &["run 0: USER a"]),
            ("failed 0 Locked USER a", &["tell: USER a left, try 1, next in 1 s", "take USER a;"]),
            ("taken others", &["put back USER a;"]),
            ("back", &["tell: lent", "wait 1 s or log"]),
            // The undone entries are in the log already.
            ("at 1", &[]),
            ("over", &["run 0: USER a"]),
            (
                "failed 0 Locked USER a",
                &["tell: USER a left, try 2, next in 2 s", "wait 2 s or log"],
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
            ("noted log", &["tell: lent", "run 0: USER b"]),
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
        ("failed 0 Locked USER a", &["tell: USER a left, try 1, next in 1 s", "run 0: USER b"]),
        (
            "failed 0 Corrupt USER b",
            &["tell: USER b left, try 1, next in 15 s", "put back USER a; USER b;"],
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
    let rules = Rules { timeout: Duration::from_secs(3), ..RULES };
    play(
        rules,
        &[
            ("logged", &["take"]),
            ("taken nothing", &["wait 3 s or log"]),
            ("at 3", &[]),
            ("over", &["release 0"]),
            ("released 0", &["tell: released", "wait 3 s or log"]),
            ("at 6", &[]),
            ("over", &["release 0"]),
            ("released 0 Closed", &["tell: not released, Closed", "wait 10 s or log"]),
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
            // Until then notifications of the log are not needed.
            ("noted", &["wait 1.5 s"]),
            ("at 2", &[]),
            ("over", &["take"]),
            ("taken nothing", &["wait 10 s or log"]),
            ("logged", &["wait 0.005 s or log"]),
            ("logged", &["wait 0.005 s or log"]),
            ("logged", &["wait 0.005 s or log"]),
            // If entries keep arriving, do not wait any longer.
            ("logged", &["take"]),
        ],
    );
}

#[test]
fn what_is_left_of_a_long_log_is_noted_now_and_then() {
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
