//! Creates, renames, deletes and restores mailboxes.

use super::choose::{SHARED, may_move, new_name, own_folder};
use super::messages::put;
use crate::run::log::entry::LogEntry;
use crate::sim::spool::{Created, Renamed, inbox, is_within, owner};
use crate::sim::world::World;
use crate::types::{MailboxEntry, MboxName, Text, UniqueId, UserId};

pub(in crate::sim) fn create(world: &mut World, user: &UserId) -> Option<()> {
    let name = if world.chance.one_in(6) {
        MboxName::from(*world.chance.pick(&SHARED)?)
    } else {
        new_name(world, user)
    };
    if !world.may_move(owner(&name).as_ref()) || world.master.living(&name).is_some() {
        return None;
    }
    world.trace(|| format!("master: {name} is created"));
    logging_fill_ins(world, |world| {
        world.master.create(&name, Created::default());
        Some(())
    })?;
    Some(())
}

/// Makes a change, and logs the mailboxes that it has created.
pub(in crate::sim) fn logging_fill_ins(
    world: &mut World,
    act: impl FnOnce(&mut World) -> Option<()>,
) -> Option<()> {
    let before: Vec<UniqueId> = world.master.folders.keys().cloned().collect();
    act(world)?;
    let new =
        |e: &&MailboxEntry| !before.contains(&e.uniqueid) && world.master.living(&e.name).is_some();
    let made: Vec<_> = world.master.entries.values().filter(new).map(|e| e.name.clone()).collect();
    world.log_changes(made.into_iter().map(LogEntry::Mailbox));
    Some(())
}

/// Renames one mailbox, and logs the rename like Cyrus.
pub(in crate::sim) fn rename_one(
    world: &mut World,
    from: &MboxName,
    to: &MboxName,
    keep: bool,
) -> Option<()> {
    let rename = Renamed { keep_intermediates: keep, ..Renamed::default() };
    logging_fill_ins(world, |world| world.master.rename(from, to, rename))?;
    world.trace(|| format!("master: {from} is renamed to {to}"));
    let entries = [
        LogEntry::Rename(from.clone(), to.clone()),
        LogEntry::Mailbox(from.clone()),
        LogEntry::Mailbox(to.clone()),
    ];
    // Cyrus logs a rename at once, while the mailbox is still open.
    world.log_changes(entries);
    world.flush_log();
    Some(())
}

/// Renames a mailbox and all mailboxes below it. Returns `None` if this is not possible.
pub(in crate::sim) fn rename_tree(world: &mut World, from: &MboxName, to: &MboxName) -> Option<()> {
    for name in [from, to] {
        if !world.may_move(owner(name).as_ref()) {
            return None;
        }
    }
    if is_within(to, from.as_bytes()) {
        return None;
    }
    let below = world.master.entries.values().filter(|e| is_within(&e.name, from.as_bytes()));
    let names: Vec<MboxName> =
        below.filter(|e| !e.mbtype.is_deleted()).map(|e| e.name.clone()).collect();
    let target = |name: &MboxName| {
        MboxName::from([to.as_bytes(), &name.as_bytes()[from.as_bytes().len()..]].concat())
    };
    if names.iter().any(|name| world.master.living(&target(name)).is_some()) {
        return None;
    }
    for name in &names {
        rename_one(world, name, &target(name), true)?;
    }
    logging_fill_ins(world, |world| {
        world.master.fill_in(from, 1);
        world.master.fill_in(to, 1);
        Some(())
    })
}

pub(in crate::sim) fn rename(world: &mut World, user: &UserId) -> Option<()> {
    let (from, to) = (own_folder(world, user)?, new_name(world, user));
    rename_tree(world, &from, &to)
}

/// Renames a mailbox to a name of another user.
pub(in crate::sim) fn rename_away(world: &mut World, user: &UserId) -> Option<()> {
    let users = world.users();
    let other = world.chance.pick(&users)?.clone();
    let (from, to) = (own_folder(world, user)?, new_name(world, &other));
    rename_tree(world, &from, &to)
}

pub(in crate::sim) fn swap(world: &mut World, user: &UserId) -> Option<()> {
    let (a, b) = (own_folder(world, user)?, own_folder(world, user)?);
    if is_within(&a, b.as_bytes()) || is_within(&b, a.as_bytes()) {
        return None;
    }
    let between = MboxName::from(&*format!("{}.between", inbox(user)));
    rename_tree(world, &a, &between)?;
    rename_tree(world, &b, &a)?;
    rename_tree(world, &between, &b)
}

/// Returns the name of a mailbox after it is deleted.
pub(in crate::sim) fn deleted_name(world: &mut World, name: &MboxName) -> MboxName {
    world.master.now += 1;
    MboxName::from(&*format!("DELETED.{name}.{:X}", world.master.now))
}

/// Deletes a mailbox, but not the mailboxes below it. It stays under the name of a deleted mailbox.
pub(in crate::sim) fn delete_one(world: &mut World, name: &MboxName) -> Option<()> {
    if !world.may_move(owner(name).as_ref()) {
        return None;
    }
    let to = deleted_name(world, name);
    rename_one(world, name, &to, false)
}

pub(in crate::sim) fn delete(world: &mut World, user: &UserId) -> Option<()> {
    let name = if world.chance.one_in(6) {
        MboxName::from(*world.chance.pick(&SHARED)?)
    } else {
        own_folder(world, user)?
    };
    world.master.living(&name)?;
    delete_one(world, &name)
}

pub(in crate::sim) fn recreate(world: &mut World, user: &UserId) -> Option<()> {
    let name = own_folder(world, user)?;
    delete_one(world, &name)?;
    if world.master.living(&name).is_none() {
        logging_fill_ins(world, |world| {
            world.master.create(&name, Created::default());
            Some(())
        })?;
        world.trace(|| format!("master: {name} is created again"));
    }
    put(world, &name)
}

/// Returns a random deleted mailbox, of a user or shared.
pub(in crate::sim) fn any_deleted(world: &mut World) -> Option<MboxName> {
    let names = world.master.names_within(b"DELETED");
    world.chance.pick(&names).cloned()
}

pub(in crate::sim) fn undelete(world: &mut World, user: &UserId) -> Option<()> {
    let from = any_deleted(world)?;
    if owner(&from).as_ref() != Some(user) {
        return None;
    }
    let to = new_name(world, user);
    if world.master.living(&to).is_some() {
        return None;
    }
    may_move(world, user)?;
    rename_one(world, &from, &to, false)
}

/// Removes a random deleted mailbox for good, like `cyr_expire`.
pub(in crate::sim) fn purge(world: &mut World, _: &UserId) -> Option<()> {
    let name = any_deleted(world)?;
    purge_one(world, &name)
}

pub(in crate::sim) fn purge_one(world: &mut World, name: &MboxName) -> Option<()> {
    if !world.may_move(owner(name).as_ref()) {
        return None;
    }
    world.master.delete(name, false)?;
    world.trace(|| format!("master: {name} is removed for good"));
    world.log_changes([LogEntry::UnMailbox(name.clone())]);
    Some(())
}

pub(in crate::sim) fn move_partition(world: &mut World, user: &UserId) -> Option<()> {
    let name = own_folder(world, user)?;
    may_move(world, user)?;
    let partition = Text::from(*world.chance.pick(&["default", "second"])?);
    let rename = Renamed { partition: Some(partition), ..Renamed::default() };
    world.master.rename(&name, &name, rename)?;
    world.trace(|| format!("master: {name} moves to another partition"));
    let mailbox = LogEntry::Mailbox(name.clone());
    world.log_changes([LogEntry::Rename(name.clone(), name), mailbox]);
    Some(())
}
