//! The operations that change the master, and how often each one is made.

use std::time::Duration;

use super::accounts::{
    annotate_mailbox, annotate_server, change_script, delete_user, new_user, read_as_another,
    set_acl, set_groups, set_quota, subscribe,
};
use super::folders::{
    create, delete, move_partition, purge, recreate, rename, rename_away, swap, undelete,
};
use super::messages::{
    annotate_message, append, copy, deliver, expunge, move_messages, store_flags, unlink,
};

use crate::sim::world::World;
use crate::types::UserId;

pub(in crate::sim) type Operation = fn(&mut World, &UserId) -> Option<()>;

/// The operations with their relative frequency.
pub(in crate::sim) const OPERATIONS: [(Operation, usize); 27] = [
    (deliver, 14),
    (append, 12),
    (store_flags, 12),
    (expunge, 8),
    (copy, 6),
    (move_messages, 3),
    (create, 8),
    (rename, 4),
    (rename_away, 1),
    (swap, 2),
    (delete, 4),
    (recreate, 2),
    (undelete, 2),
    (set_acl, 3),
    (annotate_mailbox, 3),
    (annotate_message, 3),
    (subscribe, 4),
    (read_as_another, 4),
    (set_quota, 2),
    (change_script, 4),
    (move_partition, 1),
    (unlink, 3),
    (purge, 2),
    (annotate_server, 1),
    (new_user, 1),
    (delete_user, 1),
    (set_groups, 2),
];

/// Makes a random operation for a random user. Does nothing if the client has a lock that prevents
/// it, or if the operation is not possible.
pub(in crate::sim) fn act(world: &mut World) {
    let total = OPERATIONS.iter().map(|(_, often)| often).sum();
    let mut at = world.chance.below(total);
    let found = OPERATIONS.iter().find(|(_, often)| {
        let found = at < *often;
        at = at.saturating_sub(*often);
        found
    });
    let users = world.users();
    let Some(user) = world.chance.pick(&users).cloned() else {
        new_user(world, &UserId::default());
        return;
    };
    if world.chance.one_in(2) {
        world.advance(Duration::from_millis(700));
    }
    if let Some((operation, _)) = found {
        operation(world, &user);
    }
}
