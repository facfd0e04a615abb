//! Mail clients that write to both sides between two runs, and the expected result of the repair.

use std::collections::{BTreeMap, BTreeSet};

use cyrsync_lab::{Cyrus, Imap, Lab, Rng};

use crate::check::subjects_in;
use crate::common::append;

/// fred's mailboxes, each with the name that fred uses and the internal name.
pub const MAILBOXES: [(&str, &str); 2] = [("INBOX", "user.fred"), ("INBOX.work", "user.fred.work")];
/// The internal names of fred's mailboxes.
pub const INTERNAL: [&str; 2] = [MAILBOXES[0].1, MAILBOXES[1].1];

const FLAGS: [&str; 6] = ["\\Seen", "\\Flagged", "\\Answered", "$Label", "Junk", "NonJunk"];

/// Subjects of the messages that are not expunged, by mailbox.
pub type Living = BTreeMap<&'static str, BTreeSet<String>>;

/// The messages at the last time when both sides were equal.
pub struct Common(Living);

impl Common {
    /// Records the messages. Both sides must be equal.
    pub fn of(lab: &Lab) -> Common {
        Common(living(&lab.master))
    }

    /// Returns the messages that both sides must have after the repair: all messages of both sides,
    /// without old messages that one side has expunged.
    pub fn expected(&self, lab: &Lab) -> Living {
        let (here, there) = (living(&lab.master), living(&lab.replica));
        let mut expected = Living::new();
        for (mailbox, _) in MAILBOXES {
            let common = &self.0[mailbox];
            let (here, there) = (&here[mailbox], &there[mailbox]);
            let all = here.union(there).filter(|subject| {
                !common.contains(*subject) || (here.contains(*subject) && there.contains(*subject))
            });
            expected.insert(mailbox, all.cloned().collect());
        }
        expected
    }
}

/// Returns the subjects of one side. Asserts that each exists once.
#[track_caller]
pub fn living(cyrus: &Cyrus) -> Living {
    let one = |(mailbox, found): (_, Vec<String>)| {
        let set: BTreeSet<String> = found.iter().cloned().collect();
        assert_eq!(set.len(), found.len(), "{mailbox} on {} has copies: {found:?}", cyrus.name());
        (mailbox, set)
    };
    subjects(cyrus).into_iter().map(one).collect()
}

/// Returns the subjects of one side, by mailbox.
pub fn subjects(cyrus: &Cyrus) -> BTreeMap<&'static str, Vec<String>> {
    let one = |(mailbox, _)| (mailbox, subjects_in(cyrus, "fred", mailbox));
    MAILBOXES.into_iter().map(one).collect()
}

/// Makes `count` random changes to fred's mailboxes on one side. Returns their descriptions, for
/// the message of a failed test.
pub fn write(cyrus: &Cyrus, side: &str, rng: &mut Rng, count: usize) -> Vec<String> {
    let mut imap = Imap::login(cyrus, "fred");
    let mut done = Vec::new();
    for number in 0..count {
        let (mailbox, _) = *rng.pick(&MAILBOXES).expect("there are two");
        imap.ok(&format!("SELECT {mailbox}"));
        let uids = imap.uids();
        let uid = rng.pick(&uids).map(u32::to_string);
        let flag = rng.pick(&FLAGS).copied().unwrap_or_default();
        // A replica does not change the modseq of an annotation that gets the value that it has.
        let unique = format!("{side} {number} {:x}", rng.number());
        let what = match (rng.below(10), uid) {
            (0..=3, _) | (_, None) => {
                append(&mut imap, mailbox, &unique);
                done.push(format!("{side}: append to {mailbox}"));
                continue;
            }
            (4..=5, Some(uid)) => format!("UID STORE {uid} +FLAGS ({flag})"),
            (6, Some(uid)) => format!("UID STORE {uid} -FLAGS ({flag})"),
            (7, Some(uid)) => {
                imap.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
                "EXPUNGE".to_owned()
            }
            (8, Some(uid)) => {
                let value = Some(unique.as_bytes());
                let answer = imap.annotate_messages(&uid, "/comment", true, value);
                assert!(answer.is_ok(), "{answer:?}");
                done.push(format!("{side}: annotate {uid} in {mailbox}"));
                continue;
            }
            (_, Some(_)) => {
                let value = Some(unique.as_bytes());
                let answer = imap.set_metadata(mailbox, "/shared/comment", value);
                assert!(answer.is_ok(), "{answer:?}");
                done.push(format!("{side}: metadata of {mailbox}"));
                continue;
            }
        };
        imap.ok(&what);
        done.push(format!("{side}: {mailbox} {what}"));
    }
    done
}

/// Like [`write()`], on both sides.
pub fn diverge(lab: &Lab, rng: &mut Rng, count: usize) -> Vec<String> {
    let mut done = write(&lab.master, "master", rng, count);
    done.extend(write(&lab.replica, "replica", rng, count));
    done
}

/// Returns the number in an environment variable, or `default` if the variable is not set.
pub fn how_many(variable: &str, default: usize) -> usize {
    let text = std::env::var(variable).ok();
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text}")))
}
