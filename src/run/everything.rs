//! All that a master has.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use super::exclusion::Exclusion;
use super::task::Goal;
use crate::error::Error;
use crate::names::Namespace;
use crate::status::Expected;
use crate::store::Store;
use crate::types::UserId;

/// Shared mailboxes that are replicated as one task.
pub const SHARED_PER_TASK: usize = 64;

/// All that a master has.
pub struct Everything {
    /// What to do, in this order.
    pub goals: Vec<Goal>,
    /// Mailboxes of each user.
    mailboxes: HashMap<UserId, u64>,
    /// Users of whom there are tombstones and nothing else: a replica may have more of them.
    pub gone: Vec<UserId>,
    /// Why there may be more, where mailboxes.db cannot be read as a whole.
    pub unlisted: Option<Error>,
}

impl Everything {
    /// The goals for all mailboxes whose name begins with `prefix`, in the order of mailboxes.db:
    /// each user once, shared mailboxes in groups, with those whose tombstones tell the replica to
    /// delete them. Deleted mailboxes of users come with their user.
    pub fn of(store: &dyn Store, names: &Namespace, prefix: &[u8]) -> Everything {
        let mut goals = Vec::new();
        let mut shared = Vec::new();
        let mut users = HashSet::new();
        let mut mailboxes: HashMap<UserId, u64> = HashMap::new();
        let mut tombs = HashSet::new();
        let listed = store.each_mailbox(prefix, &mut |entry| {
            let Some(user) = names.owner(&entry.name) else {
                shared.push(entry.name);
                return Ok(ControlFlow::Continue(()));
            };
            if !entry.mbtype.is_deleted() && !entry.mbtype.is_intermediate() {
                *mailboxes.entry(user.clone()).or_default() += 1;
            }
            if entry.mbtype.is_deleted() && names.is_inbox(&entry.name) {
                tombs.insert(user.clone());
            }
            let deleted = entry.mbtype.is_deleted() || names.is_deleted(&entry.name);
            if !deleted && users.insert(user.clone()) {
                goals.push(Goal::User(user));
            }
            Ok(ControlFlow::Continue(()))
        });
        goals.extend(shared.chunks(SHARED_PER_TASK).map(|names| Goal::Mailboxes(names.to_vec())));
        // If they cannot be read their task will report it.
        if prefix.is_empty() && !store.annotations(None).is_ok_and(|found| found.is_empty()) {
            goals.push(Goal::Annotations(None));
        }
        let mut gone: Vec<UserId> =
            tombs.into_iter().filter(|user| !users.contains(user)).collect();
        gone.sort();
        Everything { goals, mailboxes, gone, unlisted: listed.err() }
    }

    /// How much that is, without what is to be left out.
    pub fn expected(&self, exclusion: &mut Exclusion<'_>) -> Expected {
        let (mut users, mut mailboxes) = (0, 0);
        for goal in self.goals.iter().filter_map(|goal| exclusion.rest(goal.clone())) {
            match goal {
                Goal::User(user) => {
                    users += 1;
                    mailboxes += self.mailboxes.get(&user).copied().unwrap_or_default();
                }
                Goal::Mailboxes(names) => mailboxes += names.len() as u64,
                _ => {}
            }
        }
        Expected { users: Some(users), mailboxes: Some(mailboxes) }
    }
}
