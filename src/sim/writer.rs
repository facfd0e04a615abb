//! What users and administrators do to the master, and what Cyrus's daemons log about it.

use std::sync::Arc;
use std::time::Duration;

use super::spool::{
    Created, Folder, Message, Renamed, Script, Spool, annotate, guid, inbox, is_within, owner,
};
use super::world::World;
use crate::run::log::entry::LogEntry;
use crate::types::{
    InternalFlags, MailboxEntry, MboxName, Quota, Record, Seen, SystemFlags, Text, Uid, UniqueId,
    UserId,
};

type Operation = fn(&mut World, &UserId) -> Option<()>;

/// Operations and how often they come.
const OPERATIONS: [(Operation, usize); 26] = [
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
];

const NAMES: [&str; 3] = ["fred", "anna", "kim"];
const SHARED: [&str; 2] = ["lists", "lists.rust"];
const FOLDERS: [&str; 4] = ["a", "b", "Sent", "Trash"];
const FLAGS: [&str; 3] = ["$Work", "$Forwarded", "later"];
const RIGHTS: [&str; 3] = ["lrs", "lrswi", "lr"];

/// Somebody does something; nothing if a lock is in the way or it makes no sense.
pub(super) fn act(world: &mut World) {
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

fn any_folder(world: &mut World, user: &UserId) -> Option<MboxName> {
    let mut names = world.master.names_within(inbox(user).as_bytes());
    if world.chance.one_in(6) {
        names = SHARED.map(MboxName::from).to_vec();
        names.retain(|name| world.master.living(name).is_some());
    }
    world.chance.pick(&names).cloned()
}

/// A folder of a user that is no INBOX.
fn own_folder(world: &mut World, user: &UserId) -> Option<MboxName> {
    let inbox = inbox(user);
    let mut names = world.master.names_within(inbox.as_bytes());
    names.retain(|name| *name != inbox);
    world.chance.pick(&names).cloned()
}

/// A name that a folder may get.
fn new_name(world: &mut World, user: &UserId) -> MboxName {
    let mut name = inbox(user).to_string();
    for _ in 0..=world.chance.below(2) {
        name.push('.');
        name.push_str(world.chance.pick(&FOLDERS).unwrap_or(&"a"));
    }
    MboxName::from(&*name)
}

/// The mailbox, if its records may be written.
fn writable<'w>(world: &'w mut World, name: &MboxName) -> Option<&'w mut Folder> {
    let id = world.master.living(name)?.uniqueid.clone();
    if !world.may_write(&id) {
        return None;
    }
    world.master.folders.get_mut(&id)
}

fn may_move(world: &World, user: &UserId) -> Option<()> {
    world.may_move(Some(user)).then_some(())
}

fn message(world: &mut World) -> Arc<[u8]> {
    if !world.chance.one_in(5) {
        world.delivered += 1;
    }
    let n = world.delivered;
    Arc::from(format!("Subject: message {n}\r\n\r\nThis is message {n}.\r\n").as_bytes())
}

/// Appends a message as [`Folder`] does; gives its UID.
pub(super) fn add(folder: &mut Folder, file: Arc<[u8]>, now: i64) -> Uid {
    let modseq = folder.next_modseq();
    let uid = folder.state.last_uid + 1;
    let record = Record {
        uid,
        size: u32::try_from(file.len()).unwrap(),
        internaldate: now,
        last_updated: now,
        savedate: now,
        modseq,
        createdmodseq: modseq,
        guid: guid(&file),
        ..Record::default()
    };
    folder.messages.insert(uid, Message { record, annotations: Vec::new(), file: Some(file) });
    folder.state.last_uid = uid;
    folder.state.last_appenddate = now;
    folder.settle();
    uid
}

fn put(world: &mut World, name: &MboxName) -> Option<()> {
    let file = message(world);
    let now = world.master.now;
    let uid = add(writable(world, name)?, file, now);
    world.tell(|| format!("master: message {uid} arrives in {name}"));
    let (a, b) = (LogEntry::Mailbox(name.clone()), LogEntry::Mailbox(name.clone()));
    world.log_changes([a, b]);
    Some(())
}

fn deliver(world: &mut World, user: &UserId) -> Option<()> {
    put(world, &inbox(user))
}

fn append(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    for _ in 0..=world.chance.below(3) {
        put(world, &name)?;
    }
    Some(())
}

/// The UIDs of some messages that are there.
fn some(world: &mut World, name: &MboxName) -> Option<Vec<Uid>> {
    let folder = world.master.folder(name)?;
    let there = folder.messages.values().filter(|m| !m.is_expunged());
    let mut uids: Vec<Uid> = there.map(|message| message.record.uid).collect();
    let all = world.chance.one_in(4);
    uids.retain(|_| all || world.chance.one_in(2));
    (!uids.is_empty()).then_some(uids)
}

/// Changes messages of a mailbox under one modseq.
fn change(
    world: &mut World,
    name: &MboxName,
    uids: &[Uid],
    mut each: impl FnMut(&mut Message),
) -> Option<()> {
    let now = world.master.now;
    let folder = writable(world, name)?;
    let modseq = folder.next_modseq();
    for uid in uids {
        let message = folder.messages.get_mut(uid)?;
        message.record.modseq = modseq;
        message.record.last_updated = now;
        each(message);
    }
    folder.settle();
    world.log_changes([LogEntry::Mailbox(name.clone())]);
    Some(())
}

fn store_flags(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    let uids = some(world, &name)?;
    let system = 1 << world.chance.below(5);
    let flag = Text::from(*world.chance.pick(&FLAGS)?);
    let (set, both) = (!world.chance.one_in(4), world.chance.one_in(2));
    let bit = writable(world, &name)?.flag_bit(&flag);
    world.tell(|| format!("master: flags of {uids:?} in {name} change"));
    change(world, &name, &uids, |message| {
        let SystemFlags(flags) = &mut message.record.system_flags;
        *flags = if set { *flags | system } else { *flags & !system };
        if both {
            let word = &mut message.record.user_flags[bit / 32];
            *word = if set { *word | 1 << (bit % 32) } else { *word & !(1 << (bit % 32)) };
        }
    })
}

fn expunge_in(world: &mut World, name: &MboxName, uids: &[Uid]) -> Option<()> {
    let folder = writable(world, name)?;
    let id = folder.state.uniqueid.clone();
    let messages = uids.iter().filter_map(|uid| folder.messages.get(uid));
    let gone: Vec<_> = messages.map(|message| (id.clone(), message.record.guid)).collect();
    world.expunged.extend(gone);
    change(world, name, uids, |message| {
        message.record.system_flags.0 |= SystemFlags::DELETED;
        message.record.internal_flags.0 |= InternalFlags::EXPUNGED;
    })?;
    world.tell(|| format!("master: {uids:?} in {name} are expunged"));
    Some(())
}

fn expunge(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    let uids = some(world, &name)?;
    expunge_in(world, &name, &uids)
}

fn copy_to(world: &mut World, from: &MboxName, to: &MboxName) -> Option<Vec<Uid>> {
    let uids = some(world, from)?;
    let folder = world.master.folder(from)?;
    let files = uids.iter().map(|uid| folder.messages.get(uid)?.file.clone());
    let files: Option<Vec<Arc<[u8]>>> = files.collect();
    let files = files?;
    let now = world.master.now;
    let target = writable(world, to)?;
    for file in files {
        add(target, file, now);
    }
    world.tell(|| format!("master: {uids:?} are copied from {from} to {to}"));
    let both = LogEntry::Double(from.clone(), to.clone());
    world.log_changes([LogEntry::Mailbox(to.clone()), both]);
    Some(uids)
}

fn copy(world: &mut World, user: &UserId) -> Option<()> {
    let (from, to) = (any_folder(world, user)?, any_folder(world, user)?);
    copy_to(world, &from, &to).map(drop)
}

fn move_messages(world: &mut World, user: &UserId) -> Option<()> {
    let (from, to) = (any_folder(world, user)?, any_folder(world, user)?);
    writable(world, &from)?;
    let uids = copy_to(world, &from, &to)?;
    expunge_in(world, &from, &uids)
}

fn create(world: &mut World, user: &UserId) -> Option<()> {
    let name = match world.chance.one_in(6) {
        true => MboxName::from(*world.chance.pick(&SHARED)?),
        false => new_name(world, user),
    };
    if !world.may_move(owner(&name).as_ref()) || world.master.living(&name).is_some() {
        return None;
    }
    world.tell(|| format!("master: {name} is created"));
    logging_fill_ins(world, |world| {
        world.master.create(&name, Created::default());
        Some(())
    })?;
    Some(())
}

/// Does something and logs the mailboxes that come to be.
fn logging_fill_ins(world: &mut World, act: impl FnOnce(&mut World) -> Option<()>) -> Option<()> {
    let before: Vec<UniqueId> = world.master.folders.keys().cloned().collect();
    act(world)?;
    let new =
        |e: &&MailboxEntry| !before.contains(&e.uniqueid) && world.master.living(&e.name).is_some();
    let made: Vec<_> = world.master.entries.values().filter(new).map(|e| e.name.clone()).collect();
    world.log_changes(made.into_iter().map(LogEntry::Mailbox));
    Some(())
}

/// Renames one mailbox and logs it as Cyrus does.
fn rename_one(world: &mut World, from: &MboxName, to: &MboxName, keep: bool) -> Option<()> {
    let rename = Renamed { keep_intermediates: keep, ..Renamed::default() };
    logging_fill_ins(world, |world| world.master.rename(from, to, rename))?;
    world.tell(|| format!("master: {from} is renamed to {to}"));
    let entries = [
        LogEntry::Rename(from.clone(), to.clone()),
        LogEntry::Mailbox(from.clone()),
        LogEntry::Mailbox(to.clone()),
    ];
    // Cyrus logs a rename before it lets go of the mailbox.
    world.log_changes(entries);
    world.flush_log();
    Some(())
}

/// Renames a mailbox and all below it.
fn rename_tree(world: &mut World, from: &MboxName, to: &MboxName) -> Option<()> {
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

fn rename(world: &mut World, user: &UserId) -> Option<()> {
    let (from, to) = (own_folder(world, user)?, new_name(world, user));
    rename_tree(world, &from, &to)
}

/// Renames a folder into another user's.
fn rename_away(world: &mut World, user: &UserId) -> Option<()> {
    let users = world.users();
    let other = world.chance.pick(&users)?.clone();
    let (from, to) = (own_folder(world, user)?, new_name(world, &other));
    rename_tree(world, &from, &to)
}

fn swap(world: &mut World, user: &UserId) -> Option<()> {
    let (a, b) = (own_folder(world, user)?, own_folder(world, user)?);
    if is_within(&a, b.as_bytes()) || is_within(&b, a.as_bytes()) {
        return None;
    }
    let between = MboxName::from(&*format!("{}.between", inbox(user)));
    rename_tree(world, &a, &between)?;
    rename_tree(world, &b, &a)?;
    rename_tree(world, &between, &b)
}

/// The name of a mailbox that is deleted now.
fn deleted_name(world: &mut World, name: &MboxName) -> MboxName {
    world.master.now += 1;
    MboxName::from(&*format!("DELETED.{name}.{:X}", world.master.now))
}

/// Deletes a mailbox but none below it: it may come back.
fn delete_one(world: &mut World, name: &MboxName) -> Option<()> {
    if !world.may_move(owner(name).as_ref()) {
        return None;
    }
    let to = deleted_name(world, name);
    rename_one(world, name, &to, false)
}

fn delete(world: &mut World, user: &UserId) -> Option<()> {
    let name = match world.chance.one_in(6) {
        true => MboxName::from(*world.chance.pick(&SHARED)?),
        false => own_folder(world, user)?,
    };
    world.master.living(&name)?;
    delete_one(world, &name)
}

fn recreate(world: &mut World, user: &UserId) -> Option<()> {
    let name = own_folder(world, user)?;
    delete_one(world, &name)?;
    if world.master.living(&name).is_none() {
        logging_fill_ins(world, |world| {
            world.master.create(&name, Created::default());
            Some(())
        })?;
        world.tell(|| format!("master: {name} is created again"));
    }
    put(world, &name)
}

/// A deleted mailbox of a user, or a shared one.
fn any_deleted(world: &mut World) -> Option<MboxName> {
    let mut names = world.master.names_within(b"DELETED");
    names.retain(|name| owner(name).is_none_or(|user| *name != inbox(&user)));
    world.chance.pick(&names).cloned()
}

fn undelete(world: &mut World, user: &UserId) -> Option<()> {
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

/// `cyr_expire` removes a deleted mailbox.
fn purge(world: &mut World, _: &UserId) -> Option<()> {
    let name = any_deleted(world)?;
    purge_one(world, &name)
}

fn purge_one(world: &mut World, name: &MboxName) -> Option<()> {
    if !world.may_move(owner(name).as_ref()) {
        return None;
    }
    world.master.delete(name, false)?;
    world.tell(|| format!("master: {name} is removed for good"));
    world.log_changes([LogEntry::UnMailbox(name.clone())]);
    Some(())
}

fn set_acl(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    let rights = world.chance.pick(&RIGHTS)?;
    let acl = Text::from(&*format!("{user}\tlrswipkxtecda\tanyone\t{rights}\t"));
    let modseq = writable(world, &name)?.next_modseq();
    let entry = world.master.living(&name)?.clone();
    world.tell(|| format!("master: the ACL of {name} is set"));
    let entry = MailboxEntry { acl, foldermodseq: modseq, ..entry };
    world.master.update_entry(&name, Some(entry));
    world.log_changes([LogEntry::Mailbox(name)]);
    Some(())
}

fn value(world: &mut World) -> Option<Vec<u8>> {
    let n = world.chance.below(5);
    (n != 0).then(|| format!("value {n}").into_bytes())
}

fn annotate_mailbox(world: &mut World, user: &UserId) -> Option<()> {
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
    world.tell(|| format!("master: {name} is annotated"));
    world.log_changes([LogEntry::Mailbox(name)]);
    Some(())
}

fn annotate_message(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    let uids = some(world, &name)?;
    let value = value(world);
    change(world, &name, &uids, |message| {
        let entry = Text::from("/comment");
        annotate(&mut message.annotations, &entry, &Text::default(), value.as_deref());
    })?;
    world.tell(|| format!("master: {uids:?} of {name} are annotated"));
    Some(())
}

fn annotate_server(world: &mut World, _: &UserId) -> Option<()> {
    let value = value(world);
    let entry = Text::from("/comment");
    annotate(&mut world.master.annotations, &entry, &Text::default(), value.as_deref());
    world.tell(|| "master: the server is annotated".to_owned());
    world.log_changes([LogEntry::Annotation(MboxName::default())]);
    Some(())
}

fn subscribe(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    let off = world.chance.one_in(3);
    let subscriptions = &mut world.master.account_mut(user).subscriptions;
    let done = match off {
        true => subscriptions.remove(&name),
        false => subscriptions.insert(name.clone()),
    };
    world.tell(|| format!("master: {user} subscribes to {name}, or does so no more: {done}"));
    world.log_changes([LogEntry::Sub(user.clone(), name)]);
    Some(())
}

/// A user reads a mailbox of another one, or a shared one.
fn read_as_another(world: &mut World, user: &UserId) -> Option<()> {
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
    world.tell(|| format!("master: {reader} reads {name}"));
    world.log_changes([LogEntry::Seen(reader, state.uniqueid.clone())]);
    Some(())
}

fn set_quota(world: &mut World, user: &UserId) -> Option<()> {
    let root = Text::new(inbox(user));
    may_move(world, user)?;
    if world.master.quotas.contains_key(&root) && world.chance.one_in(4) {
        world.master.remove_quota(&root);
        world.tell(|| format!("master: the quota of {user} is removed"));
    } else {
        let limit = |n: usize| (n != 0).then_some(n as u64 * 100);
        let limits = std::array::from_fn(|_| limit(world.chance.below(4)));
        world.master.set_quota(Quota { root: root.clone(), limits, modseq: 0 });
        world.tell(|| format!("master: {user} has a new quota"));
    }
    world.log_changes([LogEntry::Quota(root)]);
    Some(())
}

fn change_script(world: &mut World, user: &UserId) -> Option<()> {
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
    world.tell(|| format!("master: the scripts of {user} change"));
    world.log_changes([LogEntry::Meta(user.clone())]);
    Some(())
}

fn move_partition(world: &mut World, user: &UserId) -> Option<()> {
    let name = own_folder(world, user)?;
    may_move(world, user)?;
    let partition = Text::from(*world.chance.pick(&["default", "second"])?);
    let rename = Renamed { partition: Some(partition), ..Renamed::default() };
    world.master.rename(&name, &name, rename)?;
    world.tell(|| format!("master: {name} moves to another partition"));
    let mailbox = LogEntry::Mailbox(name.clone());
    world.log_changes([LogEntry::Rename(name.clone(), name), mailbox]);
    Some(())
}

/// Files of expunged messages are unlinked; then their records may go.
fn unlink(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    let id = world.master.living(&name)?.uniqueid.clone();
    if !world.may_unlink(&id) {
        return None;
    }
    let repack = world.chance.one_in(2);
    let folder = world.master.folders.get_mut(&id)?;
    for message in folder.messages.values_mut().filter(|message| message.is_expunged()) {
        message.record.internal_flags.0 |= InternalFlags::UNLINKED;
        message.file = None;
        message.annotations.clear();
    }
    if repack {
        let gone = folder.messages.values().filter(|m| m.is_unlinked());
        let highest = gone.map(|message| message.record.modseq).max().unwrap_or(0);
        folder.state.deletedmodseq = folder.state.deletedmodseq.max(highest);
        folder.messages.retain(|_, message| !message.is_unlinked());
    }
    folder.settle();
    world.tell(|| {
        format!("master: {name} is cleaned up{}", if repack { " and packed" } else { "" })
    });
    Some(())
}

fn new_user(world: &mut World, _: &UserId) -> Option<()> {
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
    world.tell(|| format!("master: {user} is a new user"));
    Some(())
}

/// Deletes a user with all mailboxes, which may lie as deleted ones for a while.
fn delete_user(world: &mut World, user: &UserId) -> Option<()> {
    may_move(world, user)?;
    let mut names = world.master.names_within(inbox(user).as_bytes());
    // The INBOX last.
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
    world.tell(|| format!("master: {user} is deleted"));
    world.log_changes([LogEntry::UnUser(user.clone())]);
    Some(())
}

/// Somebody writes to the replica, where nobody should.
pub(super) fn act_on_replica(world: &mut World) {
    let mut names = world.replica.names_within(b"user");
    names.retain(|name| {
        let id = |spool: &Spool| spool.living(name).map(|entry| entry.uniqueid.clone());
        id(&world.replica) == id(&world.master)
    });
    let Some(name) = world.chance.pick(&names).cloned() else { return };
    let what = world.chance.below(3);
    world.delivered += 1;
    let (now, n) = (world.master.now, world.delivered);
    let Some(folder) = world.replica.folder_mut(&name) else { return };
    let living = folder.messages.values().find(|message| !message.is_expunged());
    let uid = living.map(|message| message.record.uid);
    let id = folder.state.uniqueid.clone();
    match uid.filter(|_| what > 0) {
        None => {
            let text = format!("Subject: stray {n}\r\n\r\nThis came to the replica.\r\n");
            let file = Arc::<[u8]>::from(text.as_bytes());
            let guid = guid(&file);
            let uid = add(folder, file, now);
            world.strays.insert((id, guid));
            world.tell(|| format!("replica: a message arrives in {name} as {uid}"));
        }
        Some(uid) => {
            let modseq = folder.next_modseq();
            let Some(message) = folder.messages.get_mut(&uid) else { return };
            message.record.modseq = modseq;
            message.record.last_updated = now;
            if what == 1 {
                message.record.system_flags.0 ^= SystemFlags::FLAGGED;
            } else {
                message.record.internal_flags.0 |= InternalFlags::EXPUNGED;
            }
            let guid = message.record.guid;
            folder.settle();
            if what == 2 {
                world.expunged.insert((id, guid));
            }
            let done = if what == 1 { "is flagged, or no more" } else { "is expunged" };
            world.tell(|| format!("replica: {uid} in {name} {done}"));
        }
    }
}

/// What every history begins with: two users with an INBOX each.
pub(super) fn found(world: &mut World) {
    for name in &NAMES[..2] {
        let user = UserId::from(*name);
        let acl = Some(Text::from(&*format!("{user}\tlrswipkxtecda\t")));
        world.master.create(&inbox(&user), Created { acl, ..Created::default() });
        world.log_changes([LogEntry::Mailbox(inbox(&user))]);
    }
    world.flush_log();
}
