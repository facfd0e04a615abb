//! Tests that step batches by hand.

use std::time::Duration;

use super::batch::{Batch, Rules};
use super::retry::RetryPolicy;
use super::stepping::{Stepper, names};
use super::task::Goal;
use crate::settings::{Jobs, Persistence};

const RULES: Rules = Rules {
    policy: RetryPolicy { connect: None, reconnect: None, again: true },
    lost_ends_all: false,
    release: false,
    connect: false,
    jobs: Jobs::Number(1),
    open: None,
};

fn users(users: &[&str]) -> Vec<Goal> {
    users.iter().map(|user| Goal::User((*user).into())).collect()
}

fn play(goals: Vec<Goal>, rules: Rules, script: &[(&str, &[&str])]) {
    let names = names();
    Stepper::new(Batch::new(Box::new(goals.into_iter()), rules, &names, "replica".into()))
        .play(script);
}

#[test]
fn each_task_ends_by_itself_and_users_are_asked_for_ahead() {
    let mut goals = users(&["anna", "bert"]);
    goals.push(Goal::Mailboxes(vec!["shared.a".into(), "shared.b".into()]));
    goals.push(Goal::Annotations(None));
    play(
        goals,
        RULES,
        &[
            ("start", &["connect 0"]),
            ("connected 0", &["run 0: USER anna; ahead [\"bert\"]"]),
            ("failed 0 Corrupt USER anna", &["settled USER anna: [Corrupt]", "run 0: USER bert"]),
            ("done 0", &["settled USER bert: []", "run 0: MAILBOX shared.a, MAILBOX shared.b"]),
            (
                "failed 0 Locked MAILBOX shared.a, MAILBOX shared.b",
                &["settled MAILBOX shared.a, MAILBOX shared.b: [Locked]", "run 0: ANNOTATION \"\""],
            ),
            ("done 0", &["settled ANNOTATION \"\": []", "end ()"]),
        ],
    );
}

#[test]
fn a_task_that_loses_the_connection_is_tried_again_with_care_and_stops_no_other() {
    let script: &[(&str, &[&str])] = &[
        ("start", &["connect 0"]),
        ("connected 0", &["run 0: USER anna; ahead [\"bert\"]"]),
        ("lost 0 Closed", &["tell: trying again, Closed", "connect 0"]),
        ("connected 0", &["run 0: USER anna"]),
    ];
    play(users(&["anna", "bert"]), RULES, script);
    let lost = ("lost 0 Closed", &["settled USER anna: [Closed]", "connect 0"][..]);
    let goes_on = [
        lost,
        ("connected 0", &["run 0: USER bert"]),
        ("done 0", &["settled USER bert: []", "end ()"]),
    ];
    play(users(&["anna", "bert"]), RULES, &[script, &goes_on].concat());
    let gives_up = [lost, ("connected 0 Connect", &["end with Connect"])];
    play(users(&["anna", "bert"]), RULES, &[script, &gives_up].concat());
    let all = Rules { lost_ends_all: true, ..RULES };
    let ends = [("lost 0 Closed", &["end with Closed"][..])];
    play(users(&["anna", "bert"]), all, &[script, &ends].concat());
}

#[test]
fn a_plan_is_not_made_again_after_the_connection_was_lost() {
    let policy = RetryPolicy { again: false, ..RULES.policy };
    play(
        users(&["anna"]),
        Rules { policy, lost_ends_all: true, open: Some(Duration::ZERO), ..RULES },
        &[("start", &["run 0: USER anna"]), ("lost 0 Bye", &["end with Bye"])],
    );
}

#[test]
fn without_a_task_nobody_connects() {
    play(Vec::new(), RULES, &[("start", &["end ()"])]);
    play(Vec::new(), Rules { open: Some(Duration::ZERO), ..RULES }, &[("start", &["end ()"])]);
}

#[test]
fn a_request_to_stop_ends_it_with_the_task_that_it_ended() {
    play(
        users(&["anna", "bert"]),
        RULES,
        &[
            ("start", &["connect 0"]),
            ("connected 0", &["run 0: USER anna; ahead [\"bert\"]"]),
            // A batch does not stop after the current task, like rolling replication does: it stops
            // at once.
            ("asked Stop", &[]),
            ("done 0", &["settled USER anna: []", "run 0: USER bert"]),
            ("stopped 0", &["end with Cancelled"]),
        ],
    );
    play(
        users(&["anna"]),
        RULES,
        &[("start", &["connect 0"]), ("connected 0 Cancelled", &["end with Cancelled"])],
    );
}

#[test]
fn the_replica_is_told_to_release_what_is_staged_if_that_is_wanted() {
    let script: &[(&str, &[&str])] =
        &[("start", &["connect 0"]), ("connected 0", &["run 0: USER anna"])];
    let kept = [("done 0 staged", &["settled USER anna: []", "end ()"][..])];
    play(users(&["anna"]), RULES, &[script, &kept].concat());
    let release = Rules { release: true, ..RULES };
    let nothing = [("done 0", &["settled USER anna: []", "end ()"][..])];
    play(users(&["anna"]), release, &[script, &nothing].concat());
    let staged = ("done 0 staged", &["settled USER anna: []", "release 0"][..]);
    let released = [staged, ("released 0", &["end ()"])];
    play(users(&["anna"]), release, &[script, &released].concat());
    let lost = [staged, ("released 0 Closed", &["end with Closed"])];
    play(users(&["anna"]), release, &[script, &lost].concat());
}

fn reach(persistence: Persistence, script: &[(&str, &[&str])]) {
    let policy = RetryPolicy { connect: Some(persistence), ..RULES.policy };
    play(Vec::new(), Rules { policy, connect: true, ..RULES }, script);
}

#[test]
fn a_replica_that_cannot_be_reached_is_tried_after_growing_pauses() {
    let sync_reconnect_maxwait = Some(Duration::from_secs(20));
    reach(
        Persistence { sync_reconnect_maxwait, ..Persistence::default() },
        &[
            ("start", &["connect 0"]),
            ("connected 0 Connect", &["tell: Connect", "tell: again in 15 s", "wait 15 s"]),
            ("at 15", &[]),
            ("over", &["connect 0"]),
            ("connected 0 Connect", &["tell: again in 20 s", "wait 20 s"]),
            ("at 20", &[]),
            ("over", &["wait 15 s"]),
            ("at 35", &[]),
            ("over", &["connect 0"]),
            ("connected 0", &["tell: reachable after 35 s, 2", "end ()"]),
        ],
    );
    let once = Persistence { connect_once: true, ..Persistence::default() };
    for persistence in [once, Persistence::default()] {
        reach(
            persistence,
            &[("start", &["connect 0"]), ("connected 0 Auth", &["tell: Auth", "end with Auth"])],
        );
    }
}

#[test]
fn whoever_wakes_it_up_ends_a_pause_between_attempts_and_whoever_stops_it_all_attempts() {
    reach(
        Persistence::default(),
        &[
            ("start", &["connect 0"]),
            ("connected 0 Connect", &["tell: Connect", "tell: again in 15 s", "wait 15 s"]),
            ("asked WakeUp", &["connect 0"]),
            // During an attempt, a wake-up cancels the pause after that attempt.
            ("asked WakeUp", &[]),
            ("connected 0 Connect", &["tell: again in 30 s", "connect 0"]),
            ("connected 0 Connect", &["tell: again in 60 s", "wait 60 s"]),
            ("asked Stop", &["end with Cancelled"]),
        ],
    );
    reach(
        Persistence::default(),
        &[
            ("start", &["connect 0"]),
            ("asked Stop", &[]),
            (
                "connected 0 Connect",
                &["tell: Connect", "tell: again in 15 s", "end with Cancelled"],
            ),
        ],
    );
}

#[test]
fn several_workers_share_the_tasks_and_end_together() {
    let goals = users(&["anna", "bert", "carl", "dora", "emil", "fred"]);
    play(
        goals,
        Rules { jobs: Jobs::Number(2), ..RULES },
        &[
            ("start", &["connect 0"]),
            (
                "connected 0",
                &["run 0: USER anna; ahead [\"bert\", \"carl\", \"dora\"]", "connect 1"],
            ),
            ("connected 1", &["run 1: USER emil; ahead [\"fred\"]"]),
            ("done 1", &["settled USER emil: []", "run 1: USER fred"]),
            ("done 1", &["settled USER fred: []"]),
            ("at 0.1", &[]),
            // Worker 1 takes over a user that worker 0 has requested but has no time for.
            ("over", &["run 1: USER bert"]),
            ("done 0", &["settled USER anna: []", "run 0: USER carl; ahead [\"dora\"]"]),
            ("stopped 0", &[]),
            ("done 1", &["settled USER bert: []", "end with Cancelled"]),
        ],
    );
}

#[test]
fn a_replica_that_takes_fewer_connections_leaves_us_with_those_and_nobody_hears_of_it() {
    play(
        users(&["anna", "bert", "carl", "dora", "emil", "fred", "gert", "hans", "ilse"]),
        Rules { jobs: Jobs::Number(3), ..RULES },
        &[
            ("start", &["connect 0"]),
            (
                "connected 0",
                &[
                    "run 0: USER anna; ahead [\"bert\", \"carl\", \"dora\"]",
                    "connect 1",
                    "connect 2",
                ],
            ),
            ("connected 2 Closed", &[]),
            ("connected 1", &["run 1: USER emil; ahead [\"fred\", \"gert\", \"hans\"]"]),
            ("at 1", &[]),
            (
                "done 1",
                &[
                    "settled USER emil: []",
                    "run 1: USER fred; ahead [\"gert\", \"hans\", \"ilse\"]",
                ],
            ),
            ("at 20", &[]),
            // The replica may accept more connections now.
            (
                "done 1",
                &[
                    "settled USER fred: []",
                    "run 1: USER gert; ahead [\"hans\", \"ilse\"]",
                    "measure",
                ],
            ),
            ("measured 0", &["connect 2"]),
            ("connected 2 Timeout", &[]),
            ("done 0", &["settled USER anna: []", "run 0: USER bert; ahead [\"carl\", \"dora\"]"]),
        ],
    );
}

#[test]
fn a_connection_on_its_way_that_nobody_needs_any_more_keeps_nobody_waiting() {
    play(
        users(&["anna", "bert"]),
        Rules { jobs: Jobs::Number(2), ..RULES },
        &[
            ("start", &["connect 0"]),
            ("connected 0", &["run 0: USER anna; ahead [\"bert\"]", "connect 1"]),
            ("done 0", &["settled USER anna: []", "run 0: USER bert"]),
            ("done 0", &["settled USER bert: []", "abandon 1"]),
            ("connected 1 Cancelled", &["end ()"]),
        ],
    );
}

#[test]
fn without_a_number_one_more_connects_as_long_as_more_is_done() {
    let many: Vec<String> = (0..40).map(|n| format!("u{n:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut stepper = Stepper::new(Batch::new(
        Box::new(users(&many).into_iter()),
        Rules { jobs: Jobs::Auto, ..RULES },
        Box::leak(Box::new(names())),
        "replica".into(),
    ));
    let mut step = |input: &str| {
        let mut lines = stepper.step(input);
        lines.retain(|line| !line.starts_with("run") && !line.starts_with("settled"));
        lines
    };
    assert_eq!(step("start"), ["connect 0"]);
    assert_eq!(step("connected 0"), ["measure"]);
    assert_eq!(step("measured 0"), ["connect 1"], "the first tells nothing yet");
    step("at 0.01");
    assert_eq!(step("connected 1"), ["measure"]);
    assert!(step("measured 100000").is_empty());
    step("at 0.11");
    assert_eq!(step("over"), ["measure"]);
    assert_eq!(step("measured 2100000"), ["connect 2"], "twice as much was done");
    step("at 0.12");
    assert_eq!(step("connected 2"), ["measure"]);
    assert!(step("measured 2300000").is_empty());
    step("at 0.22");
    assert_eq!(step("over"), ["measure"]);
    assert!(step("measured 4300000").is_empty(), "no more than before");
    step("at 2");
    assert!(step("done 0").is_empty());
}

#[test]
fn nobody_is_called_back_for_a_user_whom_another_will_soon_come_to() {
    let names = names();
    let goals = users(&["anna", "bert"]).into_iter();
    let rules = Rules { jobs: Jobs::Number(2), ..RULES };
    let mut stepper = Stepper::new(Batch::new(Box::new(goals), rules, &names, "replica".into()));
    stepper.play(&[
        ("start", &["connect 0"]),
        ("connected 0", &["run 0: USER anna; ahead [\"bert\"]", "connect 1"]),
        ("offered 0", &[]),
        ("connected 1", &["help 1: 0"]),
        ("at 0.1", &[]),
        ("over", &["recall 1"]),
        ("done 1", &["run 1: USER bert"]),
    ]);
}
