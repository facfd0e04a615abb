//! The conditions that must hold during a history and at its end.

use std::collections::BTreeSet;

use super::spool::{Account, Folder, Message, Spool, is_within};
use super::world::World;
use crate::types::{Annotation, Guid, MailboxEntry, MboxName, Record, Text, Uid, UniqueId, UserId};

/// Compares the replica with the master at the end of a history. Returns one line for each
/// difference.
pub(super) fn differences(world: &World) -> Vec<String> {
    let World { master, replica, .. } = world;
    let mut found = Vec::new();
    let names = |spool: &Spool| -> BTreeSet<MboxName> {
        let listed = spool.entries.values().filter(|e| !e.mbtype.is_deleted());
        listed.filter(|e| takes_part(master, &e.name)).map(|e| e.name.clone()).collect()
    };
    let (ours, theirs) = (names(master), names(replica));
    for name in ours.union(&theirs) {
        match (master.entries.get(name), replica.entries.get(name)) {
            (Some(here), Some(there)) if ours.contains(name) && theirs.contains(name) => {
                mailbox(world, here, there, &mut found);
            }
            _ if ours.contains(name) => found.push(format!("{name} is missing on the replica")),
            // If other mailboxes are below a deleted mailbox, a replica keeps its name as an
            // intermediate.
            (_, Some(there)) if there.mbtype.is_intermediate() => {}
            _ => found.push(format!("{name} is on the replica alone")),
        }
    }
    for user in users(master) {
        account(master, replica, &user, &mut found);
    }
    if strip(&master.annotations) != strip(&replica.annotations) {
        found.push("annotations of the server differ".to_owned());
    }
    found
}

/// The messages that users see: uniqueid of the mailbox, UID and GUID.
pub(super) type Living = BTreeSet<(UniqueId, Uid, Guid)>;

/// Returns the messages in a spool that users see.
pub(super) fn living(spool: &Spool) -> Living {
    let mut all = BTreeSet::new();
    for (id, folder) in &spool.folders {
        let there = folder.messages.values().filter(|message| !message.is_expunged());
        all.extend(there.map(|message| (id.clone(), message.record.uid, message.record.guid)));
    }
    all
}

/// Returns one line for each message that was delivered to the replica and is lost. Messages that
/// were expunged and messages in deleted mailboxes do not count.
pub(super) fn lost_strays(world: &World) -> Vec<String> {
    let lost = world.strays.iter().filter(|(id, guid)| {
        let Some(folder) = world.master.folders.get(id) else { return false };
        // If the master has removed expunged records, it cannot know whether this message was one
        // of them. So the loss is allowed.
        let is_there = folder.state.deletedmodseq > 0
            || folder.messages.values().any(|message| message.record.guid == *guid);
        !is_there && !world.expunged.contains(&(id.clone(), *guid))
    });
    lost.map(|stray| format!("{stray:?} came to the replica and is lost")).collect()
}

/// Returns whether a mailbox is compared. Mailboxes of a user without an INBOX are not, because a
/// replica does not accept them.
fn takes_part(master: &Spool, name: &MboxName) -> bool {
    match super::spool::owner(name) {
        Some(user) => master.living(&super::spool::inbox(&user)).is_some(),
        None => true,
    }
}

fn users(spool: &Spool) -> BTreeSet<UserId> {
    let owners = spool.entries.keys().filter(|name| spool.living(name).is_some());
    let owners = owners.filter_map(super::spool::owner);
    owners.filter(|user| spool.living(&super::spool::inbox(user)).is_some()).collect()
}

/// Returns annotations without their modseqs, which may differ.
fn strip(all: &[Annotation]) -> Vec<(&Text, &Text, &Text)> {
    all.iter().map(|a| (&a.entry, &a.userid, &a.value)).collect()
}

fn mailbox(world: &World, here: &MailboxEntry, there: &MailboxEntry, found: &mut Vec<String>) {
    let World { master, replica, .. } = world;
    let name = &here.name;
    let mut differ = |what: &str, differs: bool| {
        if differs {
            found.push(format!("{name}: {what} differs"));
        }
    };
    differ("uniqueid", here.uniqueid != there.uniqueid);
    differ("type", here.mbtype != there.mbtype);
    if here.mbtype.is_intermediate() {
        return;
    }
    differ("ACL", here.acl != there.acl);
    differ("foldermodseq", here.foldermodseq != there.foldermodseq);
    differ("partition", here.partition != there.partition);
    let (Some(ours), Some(theirs)) = (master.folder(name), replica.folder(name)) else { return };
    let (a, b) = (&ours.state, &theirs.state);
    differ("UIDVALIDITY", a.uidvalidity != b.uidvalidity);
    differ("last UID", a.last_uid != b.last_uid);
    differ("HIGHESTMODSEQ", a.highestmodseq != b.highestmodseq);
    differ("CREATEDMODSEQ", a.createdmodseq != b.createdmodseq);
    // The client detects a changed date only with another change. If both sides were written to,
    // the date may be the only difference, so it is not compared.
    differ("last append", !world.has_strays && a.last_appenddate != b.last_appenddate);
    differ("options", a.options != b.options);
    differ("CRC", ours.crcs() != theirs.crcs());
    differ("annotations", strip(&ours.annotations) != strip(&theirs.annotations));
    let messages = |folder: &Folder| -> Vec<Fields> {
        let there = folder.messages.values().filter(|m| !m.is_expunged());
        there.map(|message| Fields::of(folder, message)).collect()
    };
    let (ours, theirs) = (messages(ours), messages(theirs));
    if ours != theirs {
        let uids = |all: &[Fields]| all.iter().map(|m| m.record.uid).collect::<Vec<_>>();
        let (here, there) = (uids(&ours), uids(&theirs));
        found.push(format!("{name}: messages differ: {here:?} here, {there:?} there"));
    }
}

/// The data of a message that is compared.
#[derive(Debug, PartialEq, Eq)]
struct Fields {
    record: Record,
    flags: BTreeSet<Text>,
    annotations: Vec<Annotation>,
    file: Option<std::sync::Arc<[u8]>>,
}

impl Fields {
    fn of(folder: &Folder, message: &Message) -> Fields {
        let named = folder.state.flags.iter().enumerate();
        let set = named.filter(|(bit, _)| message.record.has_user_flag(*bit));
        let flags = set.filter_map(|(_, name)| name.clone()).collect();
        let record = Record { user_flags: [0; 4], ..message.record };
        let mut annotations = message.annotations.clone();
        annotations.iter_mut().for_each(|annotation| annotation.modseq = 0);
        Fields { record, flags, annotations, file: message.file.clone() }
    }
}

fn account(master: &Spool, replica: &Spool, user: &UserId, found: &mut Vec<String>) {
    let ours = master.account(user).cloned().unwrap_or_default();
    let theirs = replica.account(user).cloned().unwrap_or_default();
    if ours.subscriptions != theirs.subscriptions {
        found.push(format!("subscriptions of {user} differ"));
    }
    if master.groups_of(user) != replica.groups_of(user) {
        found.push(format!("groups of {user} differ"));
    }
    // Do not compare the times of scripts: each server sets its own.
    let scripts = |account: &Account| -> Vec<_> {
        let all = account.scripts.iter();
        all.map(|(name, script)| (name.clone(), script.content.clone())).collect()
    };
    if scripts(&ours) != scripts(&theirs) || ours.active != theirs.active {
        found.push(format!("scripts of {user} differ"));
    }
    // Seen state that exists only on the replica is allowed. Cyrus's client does not remove it
    // either.
    if ours.seen.iter().any(|(id, seen)| theirs.seen.get(id) != Some(seen)) {
        found.push(format!("seen state of {user} differs"));
    }
    let inbox = super::spool::inbox(user);
    let roots = |spool: &Spool| -> Vec<_> {
        let own = spool
            .quotas
            .values()
            .filter(|quota| is_within(&MboxName::new(&quota.root), inbox.as_bytes()));
        own.map(|quota| (quota.root.clone(), quota.limits)).collect()
    };
    if roots(master) != roots(replica) {
        found.push(format!("quotas of {user} differ"));
    }
}
