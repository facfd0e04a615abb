//! Carries out one task over a session. Log entries (`sync_do_reader` in Cyrus's
//! `imap/sync_support.c`) are handled from the cheapest to the most thorough. If an entry fails, it
//! is promoted: a larger entry that contains it is replicated instead, such as the whole user
//! instead of a mailbox.

use std::collections::{BTreeMap, HashSet};

use super::asked_ahead::AskedAhead;
use super::log::entry::LogEntry;
use super::outcome::Pending;
use super::task::Goal;
use crate::error::{Error, Kind, Result};
use crate::events::{Observer, RunEvent, SyncEvent};
use crate::names::Namespace;
use crate::sync::{self, Pass, is_left_out, is_locked, is_put_off};
use crate::types::{MboxName, Text, UniqueId, UserId};

/// Carries out a task. `asked` has the requests that were sent in advance. Returns the parts of the
/// task that failed.
///
/// # Errors
/// A lost connection, a request to stop, or a need to wait for another task. It is unknown then
/// which parts are done.
pub fn carry_out(
    goal: &Goal,
    pass: &mut Pass<'_>,
    asked: &mut AskedAhead,
    names: &Namespace,
    observer: &dyn Observer,
) -> Result<Vec<Pending>> {
    let result = match goal {
        Goal::Entries(entries) => return Log::new(pass, names, observer).carry_out(entries),
        Goal::User(user) => {
            let ticket = asked.take(user);
            sync::user(pass, user, ticket)
        }
        Goal::Meta(user) => sync::meta(pass, user),
        Goal::Mailboxes(names) => sync::mailboxes(pass, names),
        Goal::Seen(user, mailbox) => sync::pieces(pass, user, std::slice::from_ref(mailbox), &[]),
        Goal::Subscription(user, name) => sync::pieces(pass, user, &[], std::slice::from_ref(name)),
        Goal::Quota(root) => sync::quota(pass, root),
        Goal::Annotations(mailbox) => sync::annotations(pass, mailbox.as_ref()),
    };
    match result {
        Ok(()) => Ok(Vec::new()),
        Err(error) => Ok(vec![Pending::whole(goal, own(error)?)]),
    }
}

/// Returns the error if it concerns only a part of the task. Fails with it if it ends the whole
/// task.
fn own(error: Error) -> Result<Error> {
    let ends_all = error.is_connection() || error.kind() == Kind::Cancelled || is_put_off(&error);
    if ends_all { Err(error) } else { Ok(error) }
}

/// A task with log entries that is being carried out.
struct Log<'r, 's> {
    pass: &'r mut Pass<'s>,
    names: &'r Namespace,
    observer: &'r dyn Observer,
    /// Users that must be replicated completely.
    users: Vec<UserId>,
    /// Quota roots that may still have the limits of a deleted user whose name is in use again.
    roots: Vec<Text>,
    pending: Vec<Pending>,
}

/// The entries, sorted by what they name.
#[derive(Default)]
struct Sorted {
    mailboxes: Vec<MboxName>,
    quotas: Vec<Text>,
    server: bool,
    pieces: BTreeMap<UserId, (Vec<UniqueId>, Vec<MboxName>)>,
    metas: Vec<UserId>,
    unusers: Vec<UserId>,
}

impl<'r, 's> Log<'r, 's> {
    fn new(
        pass: &'r mut Pass<'s>,
        names: &'r Namespace,
        observer: &'r dyn Observer,
    ) -> Log<'r, 's> {
        let (users, roots, pending) = (Vec::new(), Vec::new(), Vec::new());
        Log { pass, names, observer, users, roots, pending }
    }

    fn carry_out(mut self, entries: &[LogEntry]) -> Result<Vec<Pending>> {
        let sorted = self.sort(entries);
        self.mailboxes(sorted.mailboxes)?;
        for root in sorted.quotas {
            self.quota(root)?;
        }
        if sorted.server {
            let result = sync::annotations(self.pass, None);
            self.settle(result, vec![LogEntry::Annotation(MboxName::default())])?;
        }
        let mut metas = sorted.metas;
        for (user, (seen, subs)) in sorted.pieces {
            self.pieces(user, &seen, &subs, &mut metas)?;
        }
        for user in metas {
            self.meta(user)?;
        }
        self.users(entries)?;
        self.roots()?;
        self.unusers(sorted.unusers)?;
        // Repeat both steps for users that were deleted and created again meanwhile.
        self.users(entries)?;
        self.roots()?;
        Ok(self.pending)
    }

    fn roots(&mut self) -> Result<()> {
        for root in std::mem::take(&mut self.roots) {
            let result = sync::quota(self.pass, &root);
            self.settle(result, vec![LogEntry::Quota(root)])?;
        }
        Ok(())
    }

    fn unusers(&mut self, users: Vec<UserId>) -> Result<()> {
        for user in users {
            if let Some(error) = self.failed_mailbox_of(&user) {
                self.leave(vec![LogEntry::UnUser(user)], error);
                continue;
            }
            let result = sync::unuser(self.pass, &user);
            let is_back = result.is_ok() && sync::has_inbox(self.pass, &user).is_ok_and(|has| has);
            let entry = LogEntry::UnUser(user.clone());
            if is_back {
                self.has_come_back(&entry, user);
            } else {
                self.settle(result, vec![entry])?;
            }
        }
        Ok(())
    }

    /// Returns the error of a mailbox of this user that failed. With `delete_mode: delayed` the
    /// master keeps the mailboxes of a deleted user, but the replica deletes for good those that
    /// still have their old name (`sync_apply_unuser`). So they must be renamed first.
    fn failed_mailbox_of(&self, user: &UserId) -> Option<Error> {
        let is_users_own = |name: &MboxName| self.names.owner(name).as_ref() == Some(user);
        let mut failed = self.pending.iter();
        let failed = failed.find(|left| mailboxes_of(&left.items).iter().any(is_users_own))?;
        Some(failed.error.clone())
    }

    /// Handles an entry for a deleted user whose INBOX exists again. The whole user is replicated,
    /// because the replica may still have data of the deleted user.
    fn has_come_back(&mut self, entry: &LogEntry, user: UserId) {
        self.promoting(entry.text(), "USER", &user);
        // Replicate this quota root after the mailboxes: a replica reports quota roots only
        // together with mailboxes.
        self.roots.push(Text::new(self.names.inbox(&user).as_bytes()));
        self.users.push(user);
    }

    fn sort(&mut self, entries: &[LogEntry]) -> Sorted {
        self.find_users(entries);
        let whole: HashSet<&UserId> = self.users.iter().collect();
        let covered =
            |name: &MboxName| self.names.owner(name).is_some_and(|owner| whole.contains(&owner));
        let mut sorted = Sorted { mailboxes: mailboxes_of(entries), ..Sorted::default() };
        for entry in entries {
            match entry {
                LogEntry::Annotation(name) if name.is_empty() => sorted.server = true,
                // Replicating the mailbox also compares its annotations. If the mailbox is deleted,
                // its tombstone is found.
                LogEntry::Annotation(name) => sorted.mailboxes.push(name.clone()),
                LogEntry::UnMailbox(name) => {
                    if let Ok(None) = self.pass.store.lookup(name) {
                        let mailbox = name.clone();
                        self.pass.report(SyncEvent::NoTombstone { mailbox });
                    }
                    sorted.mailboxes.push(name.clone());
                }
                LogEntry::Quota(root) => sorted.quotas.push(root.clone()),
                LogEntry::Seen(user, id) => {
                    sorted.pieces.entry(user.clone()).or_default().0.push(id.clone());
                }
                LogEntry::Sub(user, name) => {
                    sorted.pieces.entry(user.clone()).or_default().1.push(name.clone());
                }
                LogEntry::Meta(user) => sorted.metas.push(user.clone()),
                LogEntry::UnUser(user) if !whole.contains(user) => {
                    sorted.unusers.push(user.clone());
                }
                _ => {}
            }
        }
        let mut known = HashSet::new();
        sorted.mailboxes.retain(|name| !covered(name) && known.insert(name.clone()));
        sorted
    }

    /// Finds the users that must be replicated completely.
    ///
    /// These are users with a USER entry and an INBOX, and users with an UNUSER entry whose INBOX
    /// exists again. If the INBOX cannot be looked up for a USER entry, replicating the user
    /// reports the error. A user without an INBOX can still have mailboxes: those of other entries
    /// are replicated.
    fn find_users(&mut self, entries: &[LogEntry]) {
        for entry in entries {
            let user = match entry {
                LogEntry::User(user) if self.has_inbox(user) => user,
                LogEntry::UnUser(user) if sync::has_inbox(self.pass, user).is_ok_and(|has| has) => {
                    user
                }
                _ => continue,
            };
            match entry {
                LogEntry::UnUser(_) => self.has_come_back(entry, user.clone()),
                _ => self.users.push(user.clone()),
            }
        }
    }

    fn users(&mut self, entries: &[LogEntry]) -> Result<()> {
        while !self.users.is_empty() {
            for user in std::mem::take(&mut self.users) {
                if let Err(error) = sync::user(self.pass, &user, None) {
                    self.leave(vec![LogEntry::User(user)], own(error)?);
                } else if !self.has_inbox(&user) {
                    // The user was deleted after the decision to replicate the whole user.
                    // Replicate the mailboxes of the entries instead, so that their deletion is
                    // replicated too.
                    self.mailboxes(self.of_user(entries, &user))?;
                }
            }
        }
        Ok(())
    }

    fn of_user(&self, entries: &[LogEntry], user: &UserId) -> Vec<MboxName> {
        let mut names = mailboxes_of(entries);
        names.retain(|name| self.names.owner(name).as_ref() == Some(user));
        names
    }

    fn mailboxes(&mut self, names: Vec<MboxName>) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        // If entries cannot be read here, replicating their mailboxes reports the error.
        let with_relatives =
            sync::with_relatives(self.pass, &names).unwrap_or_else(|_| names.clone());
        let Err(error) = sync::logged_mailboxes(self.pass, &with_relatives) else { return Ok(()) };
        let error = own(error)?;
        if is_locked(&error) {
            self.leave(names.into_iter().map(LogEntry::Mailbox).collect(), error);
            return Ok(());
        }
        let left_out = is_left_out(&error);
        let mut left = Vec::new();
        for name in names {
            match self.names.owner(&name) {
                // The replica closed the connection over this mailbox. Do not promote it to the
                // whole user: the connection would be lost again, with every new message.
                _ if left_out => left.push(name),
                Some(user) if self.promote(&LogEntry::Mailbox(name.clone()), &user) => {}
                _ => left.push(name),
            }
        }
        if let [_] = left.as_slice() {
            self.leave(left.into_iter().map(LogEntry::Mailbox).collect(), error);
            return Ok(());
        }
        // Replicate the mailboxes one by one, to find out which of them fail.
        for name in left {
            let result = sync::logged_mailboxes(self.pass, std::slice::from_ref(&name));
            self.settle(result, vec![LogEntry::Mailbox(name)])?;
        }
        Ok(())
    }

    fn quota(&mut self, root: Text) -> Result<()> {
        let Err(error) = sync::quota(self.pass, &root) else { return Ok(()) };
        let owner = self.names.owner(&MboxName::new(root.as_bytes()));
        self.promote_or_leave(LogEntry::Quota(root), owner, own(error)?);
        Ok(())
    }

    fn meta(&mut self, user: UserId) -> Result<()> {
        let Err(error) = sync::meta(self.pass, &user) else { return Ok(()) };
        self.promote_or_leave(LogEntry::Meta(user.clone()), Some(user), own(error)?);
        Ok(())
    }

    fn pieces(
        &mut self,
        user: UserId,
        seen: &[UniqueId],
        subs: &[MboxName],
        metas: &mut Vec<UserId>,
    ) -> Result<()> {
        let Err(error) = sync::pieces(self.pass, &user, seen, subs) else { return Ok(()) };
        let error = own(error)?;
        if is_locked(&error) {
            let seen = seen.iter().map(|id| LogEntry::Seen(user.clone(), id.clone()));
            let subs = subs.iter().map(|name| LogEntry::Sub(user.clone(), name.clone()));
            self.leave(seen.chain(subs).collect(), error);
            return Ok(());
        }
        for id in seen {
            let what = format!("SEEN {user} {id}");
            self.promoting(what.as_str().into(), "META", &user);
        }
        for name in subs {
            let what = format!("SUB {user} {name}");
            self.promoting(what.as_str().into(), "META", &user);
        }
        if !metas.contains(&user) {
            metas.push(user);
        }
        Ok(())
    }

    fn promote_or_leave(&mut self, entry: LogEntry, owner: Option<UserId>, error: Error) {
        let promoted = !is_locked(&error) && owner.is_some_and(|user| self.promote(&entry, &user));
        if !promoted {
            self.leave(vec![entry], error);
        }
    }

    fn promoting(&self, item: Text, larger: &str, user: &UserId) {
        let to = Text::from(format!("{larger} {user}").as_str());
        self.observer.event(&RunEvent::Promoting { item, to }.into());
    }

    /// Replaces an entry by its whole user, if the user has an INBOX. Returns whether it did.
    fn promote(&mut self, entry: &LogEntry, user: &UserId) -> bool {
        if !self.has_inbox(user) {
            return false;
        }
        self.promoting(entry.text(), "USER", user);
        if !self.users.contains(user) {
            self.users.push(user.clone());
        }
        true
    }

    /// Returns whether the user has an INBOX. Returns `true` if this cannot be read: replicating
    /// the user then reports the error.
    fn has_inbox(&self, user: &UserId) -> bool {
        sync::has_inbox(self.pass, user).unwrap_or(true)
    }

    fn settle(&mut self, result: Result<()>, entries: Vec<LogEntry>) -> Result<()> {
        if let Err(error) = result {
            self.leave(entries, own(error)?);
        }
        Ok(())
    }

    fn leave(&mut self, items: Vec<LogEntry>, error: Error) {
        if is_locked(&error) {
            for entry in &items {
                self.observer.event(&RunEvent::Deferred { item: entry.text() }.into());
            }
        }
        self.pending.push(Pending { items, error });
    }
}

/// Returns the mailboxes that the entries name, in order and without duplicates. A rename names two
/// mailboxes.
fn mailboxes_of(entries: &[LogEntry]) -> Vec<MboxName> {
    let mut names = Vec::new();
    let mut known = HashSet::new();
    for entry in entries {
        let found: &[&MboxName] = match entry {
            LogEntry::Mailbox(name) => &[name],
            LogEntry::Rename(from, to) => &[from, to],
            _ => &[],
        };
        names.extend(found.iter().filter(|name| known.insert(**name)).copied().cloned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_names_two_mailboxes() {
        let entries = ["MAILBOX user.b", "RENAME user.a user.b", "MAILBOX user.a"];
        let entries = entries.map(|line| LogEntry::parse(line.as_bytes()).unwrap().unwrap());
        assert_eq!(mailboxes_of(&entries), ["user.b", "user.a"]);
    }
}
