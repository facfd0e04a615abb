//! Compares both sides of a task. Parts that differ are compared again, because recent changes of
//! the master may not have reached the replica yet. One such comparison is called a look.

use std::collections::HashSet;
use std::time::Duration;

use super::log::Log;
use super::messages::{self, Sample};
use super::part::Part;
use super::scope::{Again, Scope};
use crate::error::{Error, Kind, Result, Subject};
use crate::events::{VerifyEvent, VerifyTotals};
use crate::sync::cancel::Waited;
use crate::sync::failures::ends_all;
use crate::sync::pass::Pass;
use crate::types::MboxName;

/// Pauses before the second and later comparisons, in which replication can send recent changes.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(500), Duration::from_secs(1)];

/// The result of verifying a task.
#[derive(Debug, Default)]
pub struct Verified {
    /// The events to report.
    pub events: Vec<VerifyEvent>,
    /// The numbers of compared items and differences.
    pub totals: VerifyTotals,
}

impl Verified {
    fn fails(&mut self, subject: Subject, error: Error) {
        self.totals.unknown += 1;
        self.events.push(VerifyEvent::Unknown { subject, error });
    }
}

/// Compares both sides of a task. Also reports data that cannot be compared.
///
/// Fails if the session is lost, a stop was requested, or another worker holds the owner.
pub fn verify(
    pass: &mut Pass<'_>,
    scope: &Scope<'_>,
    sample: Option<&Sample>,
    log: &dyn Log,
) -> Result<Verified> {
    let mut verified = Verified::default();
    let mut looks = Looks::default();
    let mut pauses = PAUSES.iter();
    let mut again = None;
    loop {
        // Check the log before the comparison. A change that is removed from the log later has
        // reached the replica by then.
        let is_logged = !matches!(scope, Scope::Server) && log.has(scope.owner(pass).as_ref());
        match scope.look(pass, again.as_ref()) {
            Ok(parts) => looks.take(parts, is_logged),
            Err(error) if ends_all(&error) => return Err(error),
            Err(error) => {
                verified.fails(scope.subject(), error);
                break;
            }
        }
        let Some(next) = looks.again() else { break };
        let Some(pause) = pauses.next() else { break };
        if looks.may_settle() && pass.cancel.wait(*pause) == Waited::Stop {
            return Err(Error::new(Kind::Cancelled, "compare", scope.subject(), "asked to stop"));
        }
        again = Some(next);
    }
    let mut parts = looks.into_parts();
    if let Some(sample) = sample {
        messages::check(pass, sample, &mut parts)?;
    }
    for (part, in_motion) in parts {
        part.report(in_motion, &mut verified.events, &mut verified.totals);
    }
    Ok(verified)
}

/// The results of several comparisons.
#[derive(Default)]
struct Looks {
    count: u32,
    /// Parts that must be compared again. The flag is true if changes of the part are in the log,
    /// or the part has changed between two comparisons.
    open: Vec<(Part, bool)>,
    /// Parts that need no further comparison, with the same flag.
    done: Vec<(Part, bool)>,
}

impl Looks {
    /// Stores the result of a comparison. Decides which parts are compared again.
    fn take(&mut self, parts: Vec<Part>, is_logged: bool) {
        let mut earlier = std::mem::take(&mut self.open);
        for part in parts {
            let at = earlier.iter().position(|(other, _)| other.subject == part.subject);
            let before = at.map(|at| earlier.swap_remove(at));
            let has_changed =
                before.as_ref().is_some_and(|(before, changed)| *changed || !part.is_as(before));
            let in_motion = is_logged || has_changed;
            if part.is_equal() {
                self.done.push((part, false));
            } else if self.count == 0 || (in_motion && part.may_settle()) {
                self.open.push((part, in_motion));
            } else {
                self.done.push((part, in_motion));
            }
        }
        self.count += 1;
    }

    /// Returns the parts to compare again. Returns `None` if there are none.
    fn again(&self) -> Option<Again> {
        let names = self.open.iter().filter_map(|(part, _)| part.subject.mailbox().cloned());
        let names: HashSet<MboxName> = names.collect();
        let only_mailboxes = names.len() == self.open.len();
        (!self.open.is_empty()).then_some(Again { mailboxes: Some(names), only_mailboxes })
    }

    /// Returns whether replication may remove some of the differences after a pause.
    fn may_settle(&self) -> bool {
        self.open.iter().any(|(part, _)| part.may_settle())
    }

    fn into_parts(self) -> Vec<(Part, bool)> {
        let mut parts = self.done;
        parts.extend(self.open);
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::MailboxHeader;

    /// Makes a mailbox with a field that differs. `newer` is whether the master's value is newer.
    fn part(name: &str, newer: bool, highestmodseq: u64) -> Part {
        let mut part = Part::new(MboxName::from(name));
        part.state = Some(MailboxHeader { highestmodseq, ..MailboxHeader::default() });
        part.differs("ACL", None, None, newer);
        part
    }

    fn equal(name: &str) -> Part {
        Part::new(MboxName::from(name))
    }

    fn totals(looks: Looks) -> (u64, u64) {
        let (mut events, mut totals) = (Vec::new(), VerifyTotals::default());
        for (part, in_motion) in looks.into_parts() {
            part.report(in_motion, &mut events, &mut totals);
        }
        (totals.differences, totals.pending)
    }

    #[test]
    fn an_unchanged_difference_is_confirmed_at_the_second_look() {
        let mut looks = Looks::default();
        looks.take(vec![equal("a"), part("b", true, 7), part("c", false, 7)], false);
        let again = looks.again().unwrap();
        assert_eq!(again.mailboxes, Some(["b", "c"].map(MboxName::from).into()));
        assert!(again.only_mailboxes && looks.may_settle());
        looks.take(vec![part("b", true, 7), part("c", false, 7)], false);
        assert!(looks.again().is_none());
        assert_eq!(totals(looks), (2, 0));
    }

    #[test]
    fn a_difference_that_disappears_at_a_later_look_is_equal() {
        let mut looks = Looks::default();
        looks.take(vec![part("b", true, 7), part("gone", true, 7)], true);
        looks.take(vec![equal("b")], false);
        assert!(looks.again().is_none());
        assert_eq!(totals(looks), (0, 0));
    }

    #[test]
    fn a_changing_or_logged_part_counts_as_not_replicated_yet() {
        let mut looks = Looks::default();
        looks.take(vec![part("changing", true, 7), part("logged", true, 7)], true);
        for modseq in 8..10 {
            looks.take(vec![part("changing", true, modseq), part("logged", true, 7)], true);
            assert!(looks.again().is_some());
        }
        assert_eq!(totals(looks), (0, 2));
        let mut looks = Looks::default();
        looks.take(vec![part("changing", true, 7)], false);
        looks.take(vec![part("changing", true, 8)], false);
        looks.take(vec![part("changing", true, 8)], false);
        assert!(looks.again().is_some(), "it changed once");
        assert_eq!(totals(looks), (0, 1));
    }

    #[test]
    fn a_change_of_the_replica_is_a_difference_even_if_the_mailbox_is_logged() {
        let mut looks = Looks::default();
        looks.take(vec![part("b", false, 7)], true);
        assert!(!looks.may_settle());
        looks.take(vec![part("b", false, 8)], true);
        assert!(looks.again().is_none());
        assert_eq!(totals(looks), (1, 0));
    }
}
