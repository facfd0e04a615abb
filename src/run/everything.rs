//! All that a master has.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use super::task::{Goal, Owner};
use crate::error::Error;
use crate::names::Namespace;
use crate::store::Store;
use crate::types::MboxName;

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

/// Mailboxes as one goal for each owner, in the order in which the owners first appear.
pub fn by_owner(mailboxes: &[MboxName], names: &Namespace) -> Vec<Goal> {
    let mut owners: Vec<(Owner, Vec<MboxName>)> = Vec::new();
    let mut places: HashMap<Owner, usize> = HashMap::new();
    for mailbox in mailboxes {
        let owner = Owner::of(mailbox, names);
        let place = *places.entry(owner.clone()).or_insert(owners.len());
        match owners.get_mut(place) {
            Some((_, own)) => own.push(mailbox.clone()),
            None => owners.push((owner, vec![mailbox.clone()])),
        }
    }
    owners.into_iter().map(|(_, mailboxes)| Goal::Mailboxes(mailboxes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn named_mailboxes_are_a_task_for_each_owner() {
        let names = Namespace::new(&settings::tests::of("").naming);
        let mailboxes = ["user.b", "shared.x", "user.a", "user.b.c", "shared.y"];
        let goals = by_owner(&mailboxes.map(MboxName::from), &names);
        let expected = [&["user.b", "user.b.c"][..], &["shared.x", "shared.y"], &["user.a"]];
        let expected = expected
            .map(|own| Goal::Mailboxes(own.iter().map(|name| MboxName::from(*name)).collect()));
        assert_eq!(goals, expected);
    }
}
