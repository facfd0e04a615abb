//! All that a master has.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::task::Goal;
use crate::error::Error;
use crate::names::Namespace;
use crate::store::Store;

/// Shared mailboxes that are replicated as one task.
const SHARED_PER_TASK: usize = 64;

/// The goals for all mailboxes whose name begins with `prefix`, in the order of mailboxes.db: each
/// user once, shared mailboxes in groups, with those whose tombstones tell the replica to delete
/// them. Deleted mailboxes of users come with their user.
///
/// Where mailboxes.db cannot be read as a whole, those goals that could be found, and why there
/// may be more.
pub fn goals(store: &dyn Store, names: &Namespace, prefix: &[u8]) -> (Vec<Goal>, Option<Error>) {
    let mut goals = Vec::new();
    let mut shared = Vec::new();
    let mut users = HashSet::new();
    let listed = store.each_mailbox(prefix, &mut |entry| {
        match names.owner(&entry.name) {
            Some(user) => {
                let deleted = entry.mbtype.is_deleted() || names.is_deleted(&entry.name);
                if !deleted && users.insert(user.clone()) {
                    goals.push(Goal::User(user));
                }
            }
            None => shared.push(entry.name),
        }
        Ok(ControlFlow::Continue(()))
    });
    goals.extend(shared.chunks(SHARED_PER_TASK).map(|names| Goal::Mailboxes(names.to_vec())));
    // If they cannot be read their task will report it.
    if prefix.is_empty() && !store.annotations(None).is_ok_and(|found| found.is_empty()) {
        goals.push(Goal::Annotations(None));
    }
    (goals, listed.err())
}
