//! Kills repairs at random moments. Nothing may be lost, and the next run must complete the repair.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use cyrsync_lab::{Lab, Options, Rng};

use crate::check::{assert_one, replicated};
use crate::common::{create, ours, replicate, start_ours};
use crate::writers::{Common, INTERNAL, Living, diverge, how_many, living, subjects};

/// Number of kills between two changes of both sides.
const KILLS_EACH: usize = 8;

/// Asserts that every expected message is on at least one side. During a repair a message may exist
/// twice.
#[track_caller]
fn assert_none_lost(lab: &Lab, expected: &Living, what: &str) {
    let (here, there) = (subjects(&lab.master), subjects(&lab.replica));
    for (mailbox, subjects) in expected {
        let found: BTreeSet<&String> = here[mailbox].iter().chain(&there[mailbox]).collect();
        let lost: Vec<&String> = subjects.iter().filter(|s| !found.contains(s)).collect();
        assert!(lost.is_empty(), "lost from {mailbox}: {lost:?}, {what}");
    }
}

#[test]
fn a_killed_repair_loses_nothing_and_the_next_run_completes_it() {
    let wanted = how_many("CYRSYNC_SPLITBRAIN_KILLS", 24);
    let seed = u64::try_from(how_many("CYRSYNC_SPLITBRAIN_SEED", 31)).expect("it fits");
    let mut rng = Rng::new(seed);
    let lab = replicated(Options { conversations: true, ..Options::default() });
    create(&lab.master, &["user.fred.work"]);
    replicate(&lab, &["-A"]);
    // The longest completed run limits the random time before a kill.
    let mut longest = Duration::from_millis(200);
    let (mut killed, mut round) = (0, 0);
    while killed < wanted {
        round += 1;
        assert!(round <= wanted * 4, "{killed} of {wanted} runs were caught");
        let common = Common::of(&lab);
        let done = diverge(&lab, &mut rng, 10);
        let expected = common.expected(&lab);
        let what = format!("seed {seed} round {round}, after:\n{}", done.join("\n"));
        let mut caught = 0;
        for _ in 0..KILLS_EACH {
            let started = Instant::now();
            let running = start_ours(&lab, &["-u", "fred"]);
            let limit = longest.as_micros() as usize;
            let run = match running.wait_within(Duration::from_micros(rng.below(limit) as u64)) {
                Ok(run) => run,
                Err(running) => {
                    running.signal(libc::SIGKILL);
                    running.wait()
                }
            };
            if run.status.signal() == Some(libc::SIGKILL) {
                caught += 1;
                assert_none_lost(&lab, &expected, &what);
            } else {
                assert!(run.status.success(), "{what}\n{run}");
                longest = started.elapsed();
                break;
            }
        }
        killed += caught;
        let run = ours(&lab, &["-v", "-u", "fred"]).ok();
        for cyrus in [&lab.master, &lab.replica] {
            assert_eq!(living(cyrus), expected, "{} {what}\n{run}", cyrus.name());
        }
        eprintln!("killed {caught} times, {what}\n{run}");
        if round % 8 == 1 {
            assert_one(&lab, &INTERNAL);
        }
    }
    assert_one(&lab, &INTERNAL);
    eprintln!("{killed} runs were killed, in {round} rounds");
}
