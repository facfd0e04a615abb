//! Tests of [`batch`](super::batch). A test passes inputs to the batch step by step. A script has
//! each input with the actions that must follow ([`stepping`](super::stepping) lists the words).

use std::time::Duration;

use super::batch::{Batch, Rules};
use super::retry::Retries;
use super::stepping::{Stepper, names};
use super::task::Goal;
use crate::settings::{Jobs, RetryPolicy};

const RULES: Rules = Rules {
    policy: Retries { connect: None, reconnect: None, again: true, config_ends: false },
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
fn each_task_has_its_own_result_and_users_are_requested_ahead() {
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
        ("lost 0 Closed", &["event: trying again, Closed", "connect 0"]),
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
fn a_task_whose_session_had_ended_before_is_started_again_after_connecting() {
    let script: &[(&str, &[&str])] = &[
        ("start", &["connect 0"]),
        ("connected 0", &["run 0: USER anna"]),
        ("dead 0", &["connect 0"]),
        ("connected 0", &["run 0: USER anna"]),
        // Only now a connection is lost during the task.
        ("lost 0 Closed", &["event: trying again, Closed", "connect 0"]),
        ("connected 0", &["run 0: USER anna"]),
        ("dead 0", &["connect 0"]),
        ("connected 0", &["run 0: USER anna"]),
        ("lost 0 Closed", &["settled USER anna: [Closed]", "end ()"]),
    ];
    play(users(&["anna"]), RULES, script);
}

#[test]
fn a_plan_is_not_made_again_after_the_connection_was_lost() {
    let policy = Retries { again: false, ..RULES.policy };
    play(
        users(&["anna"]),
        Rules { policy, lost_ends_all: true, open: Some(Duration::ZERO), ..RULES },
        &[("start", &["run 0: USER anna"]), ("lost 0 Bye", &["end with Bye"])],
    );
}

#[test]
fn without_a_task_no_connection_is_made() {
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
            // The batch itself does not react to this request. The running task also detects it,
            // and ends as `stopped`. Here the first task was completed before.
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
fn staged_files_are_released_if_the_rules_require_it() {
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

fn reach(retry_policy: RetryPolicy, script: &[(&str, &[&str])]) {
    let policy = Retries { connect: Some(retry_policy), ..RULES.policy };
    play(Vec::new(), Rules { policy, connect: true, ..RULES }, script);
}

#[test]
fn a_replica_that_cannot_be_reached_is_tried_after_growing_pauses() {
    let sync_reconnect_maxwait = Some(Duration::from_secs(20));
    reach(
        RetryPolicy { sync_reconnect_maxwait, ..RetryPolicy::default() },
        &[
            ("start", &["connect 0"]),
            ("connected 0 Connect", &["event: Connect", "event: again in 15 s", "wait 15 s"]),
            ("at 15", &[]),
            ("over", &["connect 0"]),
            ("connected 0 Connect", &["event: again in 20 s", "wait 20 s"]),
            ("at 20", &[]),
            ("over", &["wait 15 s"]),
            ("at 35", &[]),
            ("over", &["connect 0"]),
            ("connected 0", &["event: reachable after 35 s, 2", "end ()"]),
        ],
    );
    let once = RetryPolicy { connect_once: true, ..RetryPolicy::default() };
    for retry_policy in [once, RetryPolicy::default()] {
        reach(
            retry_policy,
            &[("start", &["connect 0"]), ("connected 0 Auth", &["event: Auth", "end with Auth"])],
        );
    }
}

#[test]
fn a_wake_up_ends_a_pause_and_a_stop_ends_all_attempts() {
    reach(
        RetryPolicy::default(),
        &[
            ("start", &["connect 0"]),
            ("connected 0 Connect", &["event: Connect", "event: again in 15 s", "wait 15 s"]),
            ("asked WakeUp", &["connect 0"]),
            // A wake-up during an attempt cancels the pause after this attempt.
            ("asked WakeUp", &[]),
            ("connected 0 Connect", &["event: again in 30 s", "connect 0"]),
            ("connected 0 Connect", &["event: again in 60 s", "wait 60 s"]),
            ("asked Stop", &["end with Cancelled"]),
        ],
    );
    reach(
        RetryPolicy::default(),
        &[
            ("start", &["connect 0"]),
            ("asked Stop", &[]),
            (
                "connected 0 Connect",
                &["event: Connect", "event: again in 15 s", "end with Cancelled"],
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
            // Worker 0 has reserved this user but is busy. So worker 1 takes the user over.
            ("over", &["run 1: USER bert"]),
            ("done 0", &["settled USER anna: []", "run 0: USER carl; ahead [\"dora\"]"]),
            ("stopped 0", &[]),
            ("done 1", &["settled USER bert: []", "end with Cancelled"]),
        ],
    );
}

#[test]
fn a_replica_that_accepts_fewer_connections_is_no_error() {
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
            // The pause after the refused connection is over, so the batch checks whether to
            // connect a worker.
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
fn an_unneeded_connection_attempt_is_abandoned_at_the_end() {
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
fn no_helper_is_recalled_for_a_user_that_is_soon_replicated() {
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
