//! Lists the goals for a complete master (`-A`).

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use super::exclusion::Exclusion;
use super::task::Goal;
use crate::error::Error;
use crate::names::Namespace;
use crate::status::Expected;
use crate::store::Store;
use crate::types::UserId;

/// The maximum number of shared mailboxes in a task.
pub const SHARED_PER_TASK: usize = 64;

/// The goals for a complete master.
pub struct Everything {
    /// The goals: users, shared mailboxes, and the server's annotations.
    pub goals: Vec<Goal>,
    /// Number of mailboxes of each user.
    mailboxes: HashMap<UserId, u64>,
    /// Users whose INBOX is deleted. The replica may still have their mailboxes.
    pub gone: Vec<UserId>,
    /// The error if mailboxes.db could not be read completely. The list of goals is incomplete
    /// then.
    pub unlisted: Option<Error>,
}

impl Everything {
    /// Lists the goals for all mailboxes whose name begins with `prefix`, in the order of
    /// mailboxes.db. Users come first, then shared mailboxes in groups. Tombstones of shared
    /// mailboxes are included, so that these mailboxes are deleted on the replica. Deleted
    /// mailboxes of users belong to the goal of their user.
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
        // If the annotations cannot be read, include the goal: its task will report the error.
        if prefix.is_empty() && !store.annotations(None).is_ok_and(|found| found.is_empty()) {
            goals.push(Goal::Annotations(None));
        }
        let mut gone: Vec<UserId> =
            tombs.into_iter().filter(|user| !users.contains(user)).collect();
        gone.sort();
        Everything { goals, mailboxes, gone, unlisted: listed.err() }
    }

    /// Returns the number of users and mailboxes, without excluded ones.
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
