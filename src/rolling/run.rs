//! Carries out one part of a log (`sync_do_reader` in Cyrus's `imap/sync_support.c`): from the
//! cheapest to the most thorough, and what fails is tried as part of something larger.

use std::collections::{BTreeMap, HashSet};

use super::item::Item;
use super::work::Work;
use crate::error::{Error, Kind, Result};
use crate::events::{Level, Observer};
use crate::names::Namespace;
use crate::sync;
use crate::sync::Pass;
use crate::types::{MboxName, Text, UniqueId, UserId};

/// What could not be done.
#[derive(Debug)]
pub struct Undone {
    /// What must be done in its place.
    pub items: Vec<Item>,
    /// Why.
    pub error: Error,
}

/// A part that is being carried out.
pub struct Run<'r, 's> {
    pass: &'r mut Pass<'s>,
    names: &'r Namespace,
    observer: &'r dyn Observer,
    /// Users to look at as a whole.
    users: Vec<UserId>,
    /// Roots that a deleted user may have left to the one who has the name now.
    roots: Vec<Text>,
    undone: Vec<Undone>,
}

/// What one part asks for, sorted.
#[derive(Default)]
struct Sorted {
    mailboxes: Vec<MboxName>,
    quotas: Vec<Text>,
    server: bool,
    pieces: BTreeMap<UserId, (Vec<UniqueId>, Vec<MboxName>)>,
    metas: Vec<UserId>,
    unusers: Vec<UserId>,
}

impl<'r, 's> Run<'r, 's> {
    /// Does a part. Gives back what could not be done for its own sake.
    ///
    /// # Errors
    /// A lost connection, or a request to stop: how far it came is not known then.
    pub fn part(
        pass: &'r mut Pass<'s>,
        names: &'r Namespace,
        observer: &'r dyn Observer,
        work: &Work,
    ) -> Result<Vec<Undone>> {
        let mut run =
            Run { pass, names, observer, users: Vec::new(), roots: Vec::new(), undone: Vec::new() };
        let sorted = run.sort(work);
        run.mailboxes(sorted.mailboxes)?;
        for root in sorted.quotas {
            run.quota(root)?;
        }
        if sorted.server {
            let result = sync::annotations(run.pass, None);
            run.settle(result, vec![Item::Annotation(MboxName::default())])?;
        }
        let mut metas = sorted.metas;
        for (user, (seen, subs)) in sorted.pieces {
            run.pieces(user, &seen, &subs, &mut metas)?;
        }
        for user in metas {
            run.meta(user)?;
        }
        run.users(work)?;
        for root in std::mem::take(&mut run.roots) {
            let result = sync::quota(run.pass, &root);
            run.settle(result, vec![Item::Quota(root)])?;
        }
        for user in sorted.unusers {
            let result = sync::unuser(run.pass, &user);
            run.settle(result, vec![Item::UnUser(user)])?;
        }
        Ok(run.undone)
    }

    fn sort(&mut self, work: &Work) -> Sorted {
        for item in &work.items {
            // A user without INBOX may have mailboxes all the same. One who was deleted and is here
            // again has nothing of what was: the replica must let go of it.
            // Where the INBOX cannot be read, looking at the user reports it.
            let user = match item {
                Item::User(user) if self.has_inbox(user) => user,
                Item::UnUser(user) if sync::has_inbox(self.pass, user).is_ok_and(|has| has) => user,
                _ => continue,
            };
            if let Item::UnUser(_) = item {
                self.note(format!("  Promoting: {item} -> USER {user}"));
                // No mailbox shows it before the new ones are there.
                self.roots.push(Text::new(self.names.inbox(user).as_bytes()));
            }
            self.users.push(user.clone());
        }
        let whole: HashSet<&UserId> = self.users.iter().collect();
        let covered =
            |name: &MboxName| self.names.owner(name).is_some_and(|owner| whole.contains(&owner));
        let mut sorted = Sorted { mailboxes: work.mailboxes(), ..Sorted::default() };
        for item in &work.items {
            match item {
                Item::Annotation(name) if name.is_empty() => sorted.server = true,
                // Looking at the mailbox compares its annotations and finds its tombstone.
                Item::Annotation(name) | Item::UnMailbox(name) => {
                    sorted.mailboxes.push(name.clone());
                }
                Item::Quota(root) => sorted.quotas.push(root.clone()),
                Item::Seen(user, id) => {
                    sorted.pieces.entry(user.clone()).or_default().0.push(id.clone());
                }
                Item::Sub(user, name) => {
                    sorted.pieces.entry(user.clone()).or_default().1.push(name.clone());
                }
                Item::Meta(user) => sorted.metas.push(user.clone()),
                Item::UnUser(user) if !whole.contains(user) => sorted.unusers.push(user.clone()),
                _ => {}
            }
        }
        let mut known = HashSet::new();
        sorted.mailboxes.retain(|name| !covered(name) && known.insert(name.clone()));
        sorted
    }

    fn users(&mut self, work: &Work) -> Result<()> {
        while !self.users.is_empty() {
            for user in std::mem::take(&mut self.users) {
                if let Err(error) = sync::user(self.pass, &user, None) {
                    self.leave(vec![Item::User(user)], own(error)?)?;
                } else if !self.has_inbox(&user) {
                    // The user was deleted after the user's mailboxes were taken for part of the
                    // whole. There was no whole then, but mailboxes that were deleted before are
                    // still there.
                    self.mailboxes(self.of_user(work, &user))?;
                }
            }
        }
        Ok(())
    }

    fn of_user(&self, work: &Work, user: &UserId) -> Vec<MboxName> {
        let mut known = HashSet::new();
        let mut names = work.mailboxes();
        names.retain(|name| {
            self.names.owner(name).as_ref() == Some(user) && known.insert(name.clone())
        });
        names
    }

    fn mailboxes(&mut self, names: Vec<MboxName>) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        // What cannot be read is reported by the mailbox that it belongs to.
        let with_relatives =
            sync::with_relatives(self.pass, &names).unwrap_or_else(|_| names.clone());
        let Err(error) = sync::mailboxes(self.pass, &with_relatives) else { return Ok(()) };
        let error = own(error)?;
        if sync::is_locked(&error) {
            return self.leave(names.into_iter().map(Item::Mailbox).collect(), error);
        }
        let left_out = sync::is_left_out(&error);
        let mut left = Vec::new();
        for name in names {
            match self.names.owner(&name) {
                // The replica would end over the whole user too, with every message that comes in.
                _ if left_out => left.push(name),
                Some(user) if self.promote(&Item::Mailbox(name.clone()), &user) => {}
                _ => left.push(name),
            }
        }
        match left.as_slice() {
            [] => Ok(()),
            [_] => self.leave(left.into_iter().map(Item::Mailbox).collect(), error),
            // Which one is it?
            _ => {
                for name in left {
                    let result = sync::mailboxes(self.pass, std::slice::from_ref(&name));
                    self.settle(result, vec![Item::Mailbox(name)])?;
                }
                Ok(())
            }
        }
    }

    fn quota(&mut self, root: Text) -> Result<()> {
        let Err(error) = sync::quota(self.pass, &root) else { return Ok(()) };
        let error = own(error)?;
        let owner = self.names.owner(&MboxName::new(root.as_bytes()));
        let item = Item::Quota(root);
        match owner {
            Some(user) if !sync::is_locked(&error) && self.promote(&item, &user) => Ok(()),
            _ => self.leave(vec![item], error),
        }
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
        if sync::is_locked(&error) {
            let seen = seen.iter().map(|id| Item::Seen(user.clone(), id.clone()));
            let subs = subs.iter().map(|name| Item::Sub(user.clone(), name.clone()));
            return self.leave(seen.chain(subs).collect(), error);
        }
        for id in seen {
            self.note(format!("  Promoting: SEEN {user} {id} -> META {user}"));
        }
        for name in subs {
            self.note(format!("  Promoting: SUB {user} {name} -> META {user}"));
        }
        if !metas.contains(&user) {
            metas.push(user);
        }
        Ok(())
    }

    fn meta(&mut self, user: UserId) -> Result<()> {
        let Err(error) = sync::meta(self.pass, &user) else { return Ok(()) };
        let error = own(error)?;
        let item = Item::Meta(user.clone());
        match !sync::is_locked(&error) && self.promote(&item, &user) {
            true => Ok(()),
            false => self.leave(vec![item], error),
        }
    }

    /// Has the whole user looked at instead, if that helps.
    fn promote(&mut self, item: &Item, user: &UserId) -> bool {
        if !self.has_inbox(user) {
            return false;
        }
        self.note(format!("  Promoting: {item} -> USER {user}"));
        if !self.users.contains(user) {
            self.users.push(user.clone());
        }
        true
    }

    /// Whether the user has an INBOX. Where that cannot be read, looking at the user reports it.
    fn has_inbox(&self, user: &UserId) -> bool {
        sync::has_inbox(self.pass, user).unwrap_or(true)
    }

    fn settle(&mut self, result: Result<()>, items: Vec<Item>) -> Result<()> {
        match result {
            Ok(()) => Ok(()),
            Err(error) => self.leave(items, own(error)?),
        }
    }

    fn leave(&mut self, items: Vec<Item>, error: Error) -> Result<()> {
        if sync::is_locked(&error) {
            for item in &items {
                self.note(format!("  Deferred: {item}"));
            }
        }
        self.undone.push(Undone { items, error });
        Ok(())
    }

    fn note(&self, line: String) {
        self.observer.log(Level::Info, &line);
    }
}

/// An error of the part itself; one that ends everything is passed on.
fn own(error: Error) -> Result<Error> {
    match error.is_connection() || error.kind() == Kind::Cancelled {
        true => Err(error),
        false => Ok(error),
    }
}
