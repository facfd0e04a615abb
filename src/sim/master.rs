//! The simulated master's data, as the client reads it: a [`Store`] over the spool in memory. Its
//! locks keep simulated users from making changes.

use std::ops::ControlFlow;

use parking_lot::MutexGuard;

use super::spool::{Account, Folder};
use super::world::{Shared, World};
use crate::error::{Error, Kind, Result, Subject};
use crate::store::{
    Lock, Mailbox, MailboxFiles, MessageFile, Records, Store, UnlockedState, UserTree, Wait,
};
use crate::types::{
    Annotation, MailboxEntry, MailboxState, MboxName, Modseq, Quota, Record, Seen, SieveScript,
    Text, Uid, UniqueId, UserId,
};

/// The store of the simulated master.
#[derive(Debug)]
pub(super) struct Master {
    world: Shared,
}

impl Master {
    pub fn new(world: &Shared) -> Master {
        Master { world: world.clone() }
    }

    /// Returns the world after other actors had a turn. Fails if the client was killed.
    fn enter(&self) -> Result<MutexGuard<'_, World>> {
        alive(&self.world)
    }
}

fn alive(world: &Shared) -> Result<MutexGuard<'_, World>> {
    let world = world.enter();
    if world.is_dead {
        Err(Error::new(Kind::Cancelled, "read", "the mail store", "killed"))
    } else {
        Ok(world)
    }
}

/// A sync lock that the client holds.
struct Locked {
    world: Shared,
    user: Option<UserId>,
}

impl Lock for Locked {}

impl Drop for Locked {
    fn drop(&mut self) {
        self.world.look().unlock(self.user.as_ref());
    }
}

fn not_found(name: &MboxName) -> Error {
    Error::new(Kind::NotFound, "open mailbox", name.to_string(), "there is none of this name")
}

fn script(world: &World, user: &UserId, name: &Text) -> Option<Vec<u8>> {
    let account = world.master.account(user)?;
    let name = Text::new(name.as_bytes().strip_suffix(b".script")?);
    account.scripts.get(&name).map(|script| script.content.to_vec())
}

impl Store for Master {
    fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>> {
        Ok(self.enter()?.master.entries.get(name).cloned())
    }

    fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>> {
        Ok(self.enter()?.master.by_id.get(id).cloned())
    }

    fn user_tree(&self, user: &UserId) -> Result<UserTree> {
        let world = self.enter()?;
        let entries = world.master.tree(user).into_iter().cloned().collect();
        Ok(UserTree { entries, unreadable: Vec::new() })
    }

    fn each_mailbox(
        &self,
        prefix: &[u8],
        visit: &mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let matches = |e: &&MailboxEntry| {
            e.name.as_bytes().starts_with(prefix) && !e.mbtype.is_intermediate()
        };
        let world = self.enter()?;
        let found: Vec<_> = world.master.entries.values().filter(matches).cloned().collect();
        drop(world);
        for entry in found {
            if visit(entry)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn sync_lock(&self, _: &str, user: Option<&UserId>, _: Wait) -> Result<Box<dyn Lock>> {
        let mut world = self.enter()?;
        if world.lock(user) {
            return Ok(Box::new(Locked { world: self.world.clone(), user: user.cloned() }));
        }
        let whose = user.map_or("shared mailboxes".to_owned(), |user| format!("user {user}"));
        Err(Error::new(Kind::Locked, "lock", whose, "another client replicates them"))
    }

    fn open<'s>(&'s self, name: &MboxName) -> Result<Box<dyn Mailbox + 's>> {
        let mut world = self.enter()?;
        let state = world.master.state(name).ok_or_else(|| not_found(name))?;
        let folder = world.master.folder(name).ok_or_else(|| not_found(name))?.clone();
        let handle = world.hold(name, &state.uniqueid);
        world.seen.insert(state.uniqueid.clone(), state.highestmodseq);
        drop(world);
        Ok(Box::new(Opened { world: self.world.clone(), handle, state, folder }))
    }

    fn read_unlocked(&self, entries: &[&MailboxEntry]) -> Vec<Option<UnlockedState>> {
        let unlocked = |entry: &&MailboxEntry| {
            let world = self.enter().ok()?;
            let mut state = world.master.state(&entry.name)?;
            let annotations = world.master.folder(&entry.name)?.annotations.clone();
            // Use the values of `entry`, which were read from mailboxes.db before.
            state.header.acl = entry.acl.clone();
            state.header.foldermodseq = Some(entry.foldermodseq).filter(|modseq| *modseq != 0);
            (state.uniqueid == entry.uniqueid).then_some(UnlockedState { state, annotations })
        };
        entries.iter().map(unlocked).collect()
    }

    fn subscriptions(&self, user: &UserId) -> Result<Vec<MboxName>> {
        let world = self.enter()?;
        let account = world.master.account(user);
        Ok(account.map(|a| a.subscriptions.iter().cloned().collect()).unwrap_or_default())
    }

    fn seen(&self, user: &UserId) -> Result<Vec<Seen>> {
        let world = self.enter()?;
        let account = world.master.account(user);
        Ok(account.map(|a| a.seen.values().cloned().collect()).unwrap_or_default())
    }

    fn quota(&self, root: &Text) -> Result<Option<Quota>> {
        Ok(self.enter()?.master.quotas.get(root).cloned())
    }

    fn sieve_scripts(&self, user: &UserId) -> Result<Vec<SieveScript>> {
        let world = self.enter()?;
        Ok(world.master.account(user).map(Account::listed).unwrap_or_default())
    }

    fn sieve_content(&self, user: &UserId, name: &Text) -> Result<Vec<u8>> {
        let missing = || Error::new(Kind::NotFound, "read script", name.to_string(), "it is gone");
        let world = self.enter()?;
        script(&world, user, name).ok_or_else(missing)
    }

    fn annotations(&self, mailbox: Option<&MboxName>) -> Result<Vec<Annotation>> {
        let world = self.enter()?;
        let Some(name) = mailbox else { return Ok(world.master.annotations.clone()) };
        Ok(world.master.folder(name).map(|f| f.annotations.clone()).unwrap_or_default())
    }

    fn used_modseq(&self, _: &MboxName) -> Result<Modseq> {
        Ok(0)
    }

    fn raclmodseq(&self, _: &MboxName) -> Result<Modseq> {
        Ok(0)
    }
}

/// An open mailbox, in the state in which it was opened. The mailbox does not change while its
/// index is locked.
struct Opened {
    world: Shared,
    handle: u64,
    state: MailboxState,
    folder: Folder,
}

impl Opened {
    fn needs_index(&self) -> Result<()> {
        let mut world = alive(&self.world)?;
        if !world.has_index(self.handle) {
            let what = format!("{} is read without its lock", self.state.name);
            world.is_wrong(what);
        }
        Ok(())
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.world.look().let_go(self.handle);
    }
}

impl MailboxFiles for Opened {
    fn message(&self, record: &Record) -> Result<MessageFile> {
        let world = alive(&self.world)?;
        let folder = world.master.folders.get(&self.state.uniqueid);
        let message = folder.and_then(|folder| folder.messages.get(&record.uid));
        let file = message.and_then(|message| message.file.clone());
        let subject = self.message_name(record);
        let file = file.ok_or_else(|| Error::new(Kind::Corrupt, "open", subject, "no file"))?;
        Ok(MessageFile::from(file.to_vec()))
    }

    fn message_name(&self, record: &Record) -> Subject {
        Subject::message(self.state.name.clone(), record.uid, None)
    }
}

impl Mailbox for Opened {
    fn state(&self) -> &MailboxState {
        &self.state
    }

    fn annotations(&self) -> Result<Vec<Annotation>> {
        Ok(self.folder.annotations.clone())
    }

    fn scan(
        &mut self,
        records: Records,
        visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.needs_index()?;
        for message in self.folder.messages.values() {
            if records.contain(message.record.uid) && visit(&message.record)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit_annotations(
        &self,
        uids: &[Uid],
        visit: &mut dyn FnMut(Uid, Annotation) -> Result<()>,
    ) -> Result<()> {
        self.needs_index()?;
        for uid in uids {
            let message = self.folder.messages.get(uid);
            for annotation in message.into_iter().flat_map(|message| &message.annotations) {
                visit(*uid, annotation.clone())?;
            }
        }
        Ok(())
    }

    fn unlock_index(&mut self) {
        self.world.look().unlock_index(self.handle);
    }
}
