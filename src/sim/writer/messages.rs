//! Delivers, changes, moves and removes messages.

use std::sync::Arc;

use super::choose::{any_folder, some, value, writable};
use crate::run::log::entry::LogEntry;
use crate::sim::spool::{Folder, Message, annotate, guid, inbox};
use crate::sim::world::World;
use crate::types::{InternalFlags, MboxName, Record, SystemFlags, Text, Uid, UserId};

pub(in crate::sim) const FLAGS: [&str; 3] = ["$Work", "$Forwarded", "later"];

pub(in crate::sim) fn message(world: &mut World) -> Arc<[u8]> {
    if !world.chance.one_in(5) {
        world.delivered += 1;
    }
    let n = world.delivered;
    Arc::from(format!("Subject: message {n}\r\n\r\nThis is message {n}.\r\n").as_bytes())
}

/// Appends a message to a [`Folder`] and returns its UID.
pub(in crate::sim) fn add(folder: &mut Folder, file: Arc<[u8]>, now: i64) -> Uid {
    let modseq = folder.next_modseq();
    let uid = folder.state.last_uid + 1;
    let guid = guid(&file);
    // A thread id that begins with a zero, because Cyrus versions compute its CRC differently.
    let cid = guid.0.first_chunk().map_or(1, |bytes| u64::from_be_bytes(*bytes) >> 4);
    let record = Record {
        uid,
        cid,
        size: file.len() as u64,
        internaldate: now,
        last_updated: now,
        savedate: now,
        modseq,
        createdmodseq: modseq,
        guid,
        ..Record::default()
    };
    folder.messages.insert(uid, Message { record, annotations: Vec::new(), file: Some(file) });
    folder.state.header.last_uid = uid;
    folder.state.header.last_appenddate = now;
    folder.settle();
    uid
}

pub(in crate::sim) fn put(world: &mut World, name: &MboxName) -> Option<()> {
    let file = message(world);
    let now = world.master.now;
    let uid = add(writable(world, name)?, file, now);
    world.trace(|| format!("master: message {uid} arrives in {name}"));
    let (a, b) = (LogEntry::Mailbox(name.clone()), LogEntry::Mailbox(name.clone()));
    world.log_changes([a, b]);
    Some(())
}

pub(in crate::sim) fn deliver(world: &mut World, user: &UserId) -> Option<()> {
    put(world, &inbox(user))
}

pub(in crate::sim) fn append(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    for _ in 0..=world.chance.below(3) {
        put(world, &name)?;
    }
    Some(())
}

/// Changes messages of a mailbox. All of them get the same new modseq.
pub(in crate::sim) fn change(
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

pub(in crate::sim) fn store_flags(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    let uids = some(world, &name)?;
    let system = 1 << world.chance.below(5);
    let flag = Text::from(*world.chance.pick(&FLAGS)?);
    let (set, both) = (!world.chance.one_in(4), world.chance.one_in(2));
    let bit = writable(world, &name)?.flag_bit(&flag);
    world.trace(|| format!("master: flags of {uids:?} in {name} change"));
    change(world, &name, &uids, |message| {
        let SystemFlags(flags) = &mut message.record.system_flags;
        *flags = if set { *flags | system } else { *flags & !system };
        if both {
            let word = &mut message.record.user_flags[bit / 32];
            *word = if set { *word | 1 << (bit % 32) } else { *word & !(1 << (bit % 32)) };
        }
    })
}

pub(in crate::sim) fn expunge_in(world: &mut World, name: &MboxName, uids: &[Uid]) -> Option<()> {
    let folder = writable(world, name)?;
    let id = folder.state.uniqueid.clone();
    let messages = uids.iter().filter_map(|uid| folder.messages.get(uid));
    let gone: Vec<_> = messages.map(|message| (id.clone(), message.record.guid)).collect();
    world.expunged.extend(gone);
    change(world, name, uids, |message| {
        message.record.system_flags.0 |= SystemFlags::DELETED;
        message.record.internal_flags.0 |= InternalFlags::EXPUNGED;
    })?;
    world.trace(|| format!("master: {uids:?} in {name} are expunged"));
    Some(())
}

pub(in crate::sim) fn expunge(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    let uids = some(world, &name)?;
    expunge_in(world, &name, &uids)
}

pub(in crate::sim) fn copy_to(
    world: &mut World,
    from: &MboxName,
    to: &MboxName,
) -> Option<Vec<Uid>> {
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
    world.trace(|| format!("master: {uids:?} are copied from {from} to {to}"));
    let both = LogEntry::Double(from.clone(), to.clone());
    world.log_changes([LogEntry::Mailbox(to.clone()), both]);
    Some(uids)
}

pub(in crate::sim) fn copy(world: &mut World, user: &UserId) -> Option<()> {
    let (from, to) = (any_folder(world, user)?, any_folder(world, user)?);
    copy_to(world, &from, &to).map(drop)
}

pub(in crate::sim) fn move_messages(world: &mut World, user: &UserId) -> Option<()> {
    let (from, to) = (any_folder(world, user)?, any_folder(world, user)?);
    writable(world, &from)?;
    let uids = copy_to(world, &from, &to)?;
    expunge_in(world, &from, &uids)
}

pub(in crate::sim) fn annotate_message(world: &mut World, user: &UserId) -> Option<()> {
    let name = any_folder(world, user)?;
    let uids = some(world, &name)?;
    let value = value(world);
    change(world, &name, &uids, |message| {
        let entry = Text::from("/comment");
        annotate(&mut message.annotations, &entry, &Text::default(), value.as_deref());
    })?;
    world.trace(|| format!("master: {uids:?} of {name} are annotated"));
    Some(())
}

/// Removes the files of expunged messages, and in half of the cases their records too.
pub(in crate::sim) fn unlink(world: &mut World, user: &UserId) -> Option<()> {
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
        folder.state.header.deletedmodseq = folder.state.header.deletedmodseq.max(highest);
        folder.messages.retain(|_, message| !message.is_unlinked());
    }
    folder.settle();
    world.trace(|| {
        format!("master: {name} is cleaned up{}", if repack { " and packed" } else { "" })
    });
    Some(())
}
