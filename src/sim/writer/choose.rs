//! Chooses random mailboxes and messages for operations. Mailboxes that the client has locked are
//! not chosen.

use crate::sim::spool::{Folder, inbox};
use crate::sim::world::World;
use crate::types::{MboxName, Uid, UserId};

pub(in crate::sim) const NAMES: [&str; 3] = ["fred", "anna", "kim"];

pub(in crate::sim) const SHARED: [&str; 2] = ["lists", "lists.rust"];

pub(in crate::sim) const FOLDERS: [&str; 4] = ["a", "b", "Sent", "Trash"];

pub(in crate::sim) fn any_folder(world: &mut World, user: &UserId) -> Option<MboxName> {
    let mut names = world.master.names_within(inbox(user).as_bytes());
    if world.chance.one_in(6) {
        names = SHARED.map(MboxName::from).to_vec();
        names.retain(|name| world.master.living(name).is_some());
    }
    world.chance.pick(&names).cloned()
}

/// Returns a random mailbox of a user, except the INBOX.
pub(in crate::sim) fn own_folder(world: &mut World, user: &UserId) -> Option<MboxName> {
    let inbox = inbox(user);
    let mut names = world.master.names_within(inbox.as_bytes());
    names.retain(|name| *name != inbox);
    world.chance.pick(&names).cloned()
}

/// Returns a random name for a mailbox of a user.
pub(in crate::sim) fn new_name(world: &mut World, user: &UserId) -> MboxName {
    let mut name = inbox(user).to_string();
    for _ in 0..=world.chance.below(2) {
        name.push('.');
        name.push_str(world.chance.pick(&FOLDERS).unwrap_or(&"a"));
    }
    MboxName::from(&*name)
}

/// Returns a mailbox. Returns `None` if its records may not be written.
pub(in crate::sim) fn writable<'w>(
    world: &'w mut World,
    name: &MboxName,
) -> Option<&'w mut Folder> {
    let id = world.master.living(name)?.uniqueid.clone();
    if !world.may_write(&id) {
        return None;
    }
    world.master.folders.get_mut(&id)
}

pub(in crate::sim) fn may_move(world: &World, user: &UserId) -> Option<()> {
    world.may_move(Some(user)).then_some(())
}

/// Returns the UIDs of random messages that are not expunged. Returns `None` if there are none.
pub(in crate::sim) fn some(world: &mut World, name: &MboxName) -> Option<Vec<Uid>> {
    let folder = world.master.folder(name)?;
    let there = folder.messages.values().filter(|m| !m.is_expunged());
    let mut uids: Vec<Uid> = there.map(|message| message.record.uid).collect();
    let all = world.chance.one_in(4);
    uids.retain(|_| all || world.chance.one_in(2));
    (!uids.is_empty()).then_some(uids)
}

pub(in crate::sim) fn value(world: &mut World) -> Option<Vec<u8>> {
    let n = world.chance.below(5);
    (n != 0).then(|| format!("value {n}").into_bytes())
}
