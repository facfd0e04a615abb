//! Changes users and their data: rights, annotations, subscriptions, seen state, quotas, scripts
//! and groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::choose::{NAMES, any_folder, may_move, value, writable};
use super::folders::{deleted_name, logging_fill_ins, rename_one};
use crate::run::log::entry::LogEntry;
use crate::sim::spool::{Created, Script, annotate, inbox, is_within, owner};
use crate::sim::world::World;
use crate::types::{MailboxEntry, MboxName, Quota, Seen, Text, UserId};

pub(in crate::sim) const RIGHTS: [&str; 3] = ["lrs", "lrswi", "lr"];

pub(in crate::sim) fn set_acl(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    let rights = world.chance.pick(&RIGHTS)?;
    let acl = Text::from(&*format!("{user}\tlrswipkxtecda\tanyone\t{rights}\t"));
    let modseq = writable(world, &name)?.next_modseq();
    let entry = world.master.living(&name)?.clone();
    world.trace(|| format!("master: the ACL of {name} is set"));
    let entry = MailboxEntry { acl, foldermodseq: modseq, ..entry };
    world.master.update_entry(&name, Some(entry));
    world.log_changes([LogEntry::Mailbox(name)]);
    Some(())
}

pub(in crate::sim) fn annotate_mailbox(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    let entry = Text::from(*world.chance.pick(&["/comment", "/vendor/lab/mailbox"])?);
    let userid = if world.chance.one_in(2) { Text::new(user) } else { Text::default() };
    let value = value(world);
    let folder = writable(world, &name)?;
    let modseq = folder.next_modseq();
    annotate(&mut folder.annotations, &entry, &userid, value.as_deref());
    let entry = world.master.living(&name)?.clone();
    let foldermodseq = entry.foldermodseq.max(modseq);
    world.master.update_entry(&name, Some(MailboxEntry { foldermodseq, ..entry }));
    world.trace(|| format!("master: {name} is annotated"));
    world.log_changes([LogEntry::Mailbox(name)]);
    Some(())
}

pub(in crate::sim) fn annotate_server(world: &mut World, _: &UserId) -> Option<()> {
    let value = value(world);
    let entry = Text::from("/comment");
    annotate(&mut world.master.annotations, &entry, &Text::default(), value.as_deref());
    world.trace(|| "master: the server is annotated".to_owned());
    world.log_changes([LogEntry::Annotation(MboxName::default())]);
    Some(())
}

pub(in crate::sim) fn subscribe(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    let off = world.chance.one_in(3);
    let subscriptions = &mut world.master.account_mut(user).subscriptions;
    let done = if off { subscriptions.remove(&name) } else { subscriptions.insert(name.clone()) };
    world.trace(|| format!("master: {user} subscribes to {name}, or does so no more: {done}"));
    world.log_changes([LogEntry::Sub(user.clone(), name)]);
    Some(())
}

/// Changes the seen state of a random user for a mailbox of `user`, or for a shared mailbox.
pub(in crate::sim) fn read_as_another(world: &mut World, user: &UserId) -> Option<()> {
    let users = world.users();
    let reader = world.chance.pick(&users)?.clone();
    let name = any_folder(world, user)?;
    let state = world.master.state(&name)?;
    let lastuid = state.last_uid;
    let now = world.master.now;
    let seen = Seen {
        uniqueid: state.uniqueid.clone(),
        lastread: now,
        lastuid,
        lastchange: now,
        seenuids: Text::from(&*format!("1:{}", lastuid.max(1))),
    };
    world.master.account_mut(&reader).seen.insert(state.uniqueid.clone(), seen);
    world.trace(|| format!("master: {reader} reads {name}"));
    world.log_changes([LogEntry::Seen(reader, state.uniqueid.clone())]);
    Some(())
}

pub(in crate::sim) fn set_quota(world: &mut World, user: &UserId) -> Option<()> {
    let root = Text::new(inbox(user));
    may_move(world, user)?;
    if world.master.quotas.contains_key(&root) && world.chance.one_in(4) {
        world.master.remove_quota(&root);
        world.trace(|| format!("master: the quota of {user} is removed"));
    } else {
        let limit = |n: usize| (n != 0).then_some(n as u64 * 100);
        let limits = std::array::from_fn(|_| limit(world.chance.below(4)));
        world.master.set_quota(Quota { root: root.clone(), limits, modseq: 0 });
        world.trace(|| format!("master: {user} has a new quota"));
    }
    world.log_changes([LogEntry::Quota(root)]);
    Some(())
}

pub(in crate::sim) fn change_script(world: &mut World, user: &UserId) -> Option<()> {
    let name = Text::from(*world.chance.pick(&["main", "holidays"])?);
    let what = world.chance.below(5);
    let n = world.chance.below(3);
    let last_update = world.master.now;
    let account = world.master.account_mut(user);
    match what {
        0 => account.active = None,
        1 if account.active.as_ref() != Some(&name) => drop(account.scripts.remove(&name)),
        2 if account.scripts.contains_key(&name) => account.active = Some(name),
        _ => {
            let content = Arc::from(format!("# script {n}\r\nkeep;\r\n").as_bytes());
            account.scripts.insert(name, Script { content, last_update });
        }
    }
    world.trace(|| format!("master: the scripts of {user} change"));
    world.log_changes([LogEntry::Meta(user.clone())]);
    Some(())
}

/// Sets the groups of a user at random (`mboxlist_set_usergroup`).
pub(in crate::sim) fn set_groups(world: &mut World, user: &UserId) -> Option<()> {
    let mut chosen = BTreeSet::new();
    for group in ["group:board", "group:staff", "group:x"] {
        if world.chance.one_in(3) {
            chosen.insert(Text::from(group));
        }
    }
    world.trace(|| format!("master: {user} is in {} groups now", chosen.len()));
    world.master.groups.as_mut()?.insert(user.clone(), chosen);
    world.log_changes([LogEntry::Mailbox(inbox(user))]);
    Some(())
}

pub(in crate::sim) fn new_user(world: &mut World, _: &UserId) -> Option<()> {
    let name = inbox(&UserId::from(*world.chance.pick(&NAMES)?));
    let user = owner(&name)?;
    if world.master.living(&name).is_some() {
        return None;
    }
    may_move(world, &user)?;
    let acl = Some(Text::from(&*format!("{user}\tlrswipkxtecda\t")));
    logging_fill_ins(world, |world| {
        world.master.create(&name, Created { acl, ..Created::default() });
        Some(())
    })?;
    world.trace(|| format!("master: {user} is a new user"));
    Some(())
}

/// Deletes a user with all mailboxes. The mailboxes stay for a while under the names of deleted
/// mailboxes.
pub(in crate::sim) fn delete_user(world: &mut World, user: &UserId) -> Option<()> {
    may_move(world, user)?;
    let mut names = world.master.names_within(inbox(user).as_bytes());
    // Reverse the order, so that the INBOX is deleted last.
    names.reverse();
    for name in &names {
        let to = deleted_name(world, name);
        rename_one(world, name, &to, true)?;
    }
    let roots: Vec<Text> = world.master.quotas.keys().cloned().collect();
    for root in roots.iter().filter(|root| is_within(&MboxName::new(root), inbox(user).as_bytes()))
    {
        world.master.remove_quota(root);
    }
    world.master.remove_account(user);
    world.trace(|| format!("master: {user} is deleted"));
    world.log_changes([LogEntry::UnUser(user.clone())]);
    Some(())
}

/// Creates the users that exist at the start of every history: two users with an INBOX.
pub(in crate::sim) fn found(world: &mut World) {
    for name in &NAMES[..2] {
        let user = UserId::from(*name);
        let acl = Some(Text::from(&*format!("{user}\tlrswipkxtecda\t")));
        world.master.create(&inbox(&user), Created { acl, ..Created::default() });
        world.log_changes([LogEntry::Mailbox(inbox(&user))]);
    }
    world.flush_log();
}
