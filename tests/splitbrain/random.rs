//! Makes random changes on both sides. Our client repairs them, and Cyrus's client repairs copies
//! of the same spools. Both must have the same result.

use cyrsync_lab::{Lab, Options, Rng, cyrus_sync_client};

use crate::check::{assert_one, copy_of, messages, replicated};
use crate::common::{create, ours, replicate};
use crate::writers::{Common, INTERNAL, diverge, how_many, living};

/// Environment variable with the number of additional rounds, for a long run.
const ROUNDS: &str = "CYRSYNC_SPLITBRAIN_ROUNDS";

fn two_mailboxes(options: Options) -> Lab {
    let lab = replicated(options);
    create(&lab.master, &["user.fred.work"]);
    replicate(&lab, &["-A"]);
    lab
}

fn rounds(seed: u64, options: &Options, count: usize) {
    let mut lab = two_mailboxes(options.clone());
    let mut rng = Rng::new(seed);
    for round in 0..count {
        let common = Common::of(&lab);
        let done = diverge(&lab, &mut rng, 12);
        let expected = common.expected(&lab);
        let what = format!("seed {seed} round {round}, after:\n{}", done.join("\n"));
        let copy = copy_of(&mut lab, options.clone());

        let run = ours(&lab, &["-v", "-u", "fred"]).ok();
        for cyrus in [&lab.master, &lab.replica] {
            assert_eq!(living(cyrus), expected, "{} {what}\n{run}", cyrus.name());
        }
        assert_one(&lab, &INTERNAL);

        let theirs = cyrus_sync_client(&copy.master, &["-v", "-u", "fred"]).ok();
        for mailbox in INTERNAL {
            assert_eq!(
                messages(&lab.master, mailbox),
                messages(&copy.master, mailbox),
                "{mailbox} as Cyrus repairs it, {what}\n{run}\n{theirs}"
            );
        }
    }
}

#[test]
fn both_clients_end_with_the_same_messages_and_flags() {
    rounds(11, &Options::default(), how_many(ROUNDS, 2));
}

#[test]
fn both_clients_end_with_the_same_messages_and_flags_with_conversations() {
    rounds(12, &Options { conversations: true, ..Options::default() }, how_many(ROUNDS, 2));
}
