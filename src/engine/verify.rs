//! Verifies: compares both sides completely, and changes neither.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::runner::Runner;
use crate::error::Result;
use crate::events::{Act, Observer, VerifyEvent, VerifyTotals};
use crate::run::batch::{Goals, Rules};
use crate::run::everything::{Everything, SHARED_PER_TASK};
use crate::run::exclusion::Exclusion;
use crate::run::logged::Logged;
use crate::run::manner::Manner;
use crate::run::outcome::Pending;
use crate::run::real::Hear;
use crate::run::task::Goal;
use crate::run::verify::Verification;
use crate::status::Expected;
use crate::sync::verify::Sample;
use crate::types::{MboxName, UserId};

/// What a verification compares: only the data that both sides report, or the message files too.
///
/// ```
/// use cyrsync::Verify;
///
/// assert_eq!(Verify::from_words("")?, Verify::RECORDS);
/// assert!(Verify::from_words("messages:10%")?.reads_messages());
/// # Ok::<(), cyrsync::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verify {
    sample: Option<Sample>,
}

impl Verify {
    /// Compares everything except the message files.
    pub const RECORDS: Verify = Verify { sample: None };
    /// Also reads the files of all messages, on both sides.
    pub const MESSAGES: Verify = Verify { sample: Some(Sample::ALL) };

    /// Returns whether message files are read too.
    pub fn reads_messages(&self) -> bool {
        self.sample.is_some()
    }

    /// Parses the argument of the command line. An empty text means no message files, `messages`
    /// means all message files, and `messages:10%` means a random sample of them.
    ///
    /// # Errors
    /// [`Kind::InvalidArgument`](crate::Kind::InvalidArgument) for any other text.
    pub fn from_words(words: &str) -> Result<Verify> {
        if words.is_empty() {
            return Ok(Verify::RECORDS);
        }
        let sample: Sample = words.parse()?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let seed = since.map_or(0, |since| since.subsec_nanos());
        Ok(Verify { sample: Some(Sample { seed, ..sample }) })
    }
}

/// Compares the master's data with the replica's. Changes neither: the replica only receives
/// queries. Differences and the final result are reported to the observer as [`VerifyEvent`]s.
///
/// ```no_run
/// use cyrsync::Verify;
/// use cyrsync::event::Verdict;
/// # fn of(mut client: cyrsync::Client) -> cyrsync::Result<()> {
/// let totals = client.verifier(Verify::MESSAGES).all(b"")?;
/// assert_eq!(totals.verdict(), Verdict::Equal);
/// # Ok(())
/// # }
/// ```
pub struct Verifier<'c> {
    pub(super) runner: &'c mut Runner,
    /// The sync log of the channel.
    pub(super) log: &'c Path,
    pub(super) how: Verify,
    pub(super) unknown: u64,
}

impl Verifier<'_> {
    /// Compares users: mailboxes, records, quotas, subscriptions, Sieve scripts and seen state.
    /// With `only_meta`, mailboxes and quotas are left out.
    ///
    /// # Errors
    /// Errors of the connection, if reconnecting fails;
    /// [`Kind::Cancelled`](crate::Kind::Cancelled).
    pub fn users(
        &mut self,
        users: &mut dyn Iterator<Item = UserId>,
        only_meta: bool,
    ) -> Result<VerifyTotals> {
        let (_, most) = users.size_hint();
        let expected = Expected { users: most.map(|most| most as u64), mailboxes: None };
        self.runner.shared.observer.tally().begin(expected);
        let goals = users.map(|user| if only_meta { Goal::Meta(user) } else { Goal::User(user) });
        self.verify(Box::new(goals)).map(|totals| self.verified(totals))
    }

    /// Compares the named mailboxes.
    ///
    /// # Errors
    /// Like [`Verifier::users`].
    pub fn mailboxes(&mut self, names: &[MboxName]) -> Result<VerifyTotals> {
        let mut by_owner: BTreeMap<Option<UserId>, Vec<MboxName>> = BTreeMap::new();
        let mut known = HashSet::new();
        for name in names.iter().filter(|name| known.insert(*name)) {
            let owner = self.runner.shared.names.owner(name);
            by_owner.entry(owner).or_default().push(name.clone());
        }
        let shared = by_owner.remove(&None).unwrap_or_default();
        let mut goals: Vec<Goal> = by_owner.into_values().map(Goal::Mailboxes).collect();
        goals.extend(shared.chunks(SHARED_PER_TASK).map(|names| Goal::Mailboxes(names.to_vec())));
        self.verify(Box::new(goals.into_iter())).map(|totals| self.verified(totals))
    }

    /// Compares every user and every shared mailbox whose name begins with `prefix`. If `prefix` is
    /// empty, the server's annotations are included. Users who exist only on the replica are not
    /// found, because a replica cannot list its users.
    ///
    /// # Errors
    /// Like [`Verifier::users`]. If a part of mailboxes.db cannot be read, the readable part is
    /// compared, and the rest counts as one item that could not be compared.
    pub fn all(&mut self, prefix: &[u8]) -> Result<VerifyTotals> {
        let shared = &self.runner.shared;
        let mut everything = Everything::of(shared.store.as_ref(), &shared.names, prefix);
        let goals = &mut everything.goals;
        goals.extend(std::mem::take(&mut everything.gone).into_iter().map(Goal::User));
        if prefix.is_empty() && !goals.contains(&Goal::Annotations(None)) {
            goals.push(Goal::Annotations(None));
        }
        let mut exclusion = Exclusion::new(&shared.settings.exclude, &shared.names);
        let expected = everything.expected(&mut exclusion);
        // There is no event for each compared mailbox, so the progress counts only users.
        shared.observer.tally().begin(Expected { mailboxes: None, ..expected });
        let Everything { goals, unlisted, .. } = everything;
        let mut totals = self.verify(Box::new(goals.into_iter()))?;
        if let Some(error) = unlisted {
            totals.unknown += 1;
            let event = VerifyEvent::Unknown { subject: "the list of mailboxes".into(), error };
            self.runner.shared.observer.event(&event.into());
        }
        Ok(self.verified(totals))
    }

    fn verify(&mut self, goals: Goals<'_>) -> Result<VerifyTotals> {
        let shared = &self.runner.shared;
        let log = Logged::new(self.log, shared.names.clone());
        let check = Arc::new(Verification::new(self.how.sample, log));
        let observer = shared.observer.clone();
        let mut settled = |goal: &Goal, pending: Vec<Pending>| {
            for pending in pending {
                check.fails(observer.as_ref(), goal.subject(), pending.error);
            }
        };
        let rules = Rules { lost_ends_all: false, ..self.runner.rules() };
        let hear = Hear { act: Act::Verify, plan: None, settled: &mut settled };
        self.runner.in_manner(goals, rules, Manner::Verify(check.clone()), hear)?;
        Ok(check.totals())
    }

    /// Reports the final result.
    fn verified(&self, mut totals: VerifyTotals) -> VerifyTotals {
        totals.unknown += self.unknown;
        let verdict = totals.verdict();
        let event = VerifyEvent::Summary { totals, verdict };
        self.runner.shared.observer.event(&event.into());
        totals
    }
}
