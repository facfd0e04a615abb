//! Replicates the contents of mailboxes, once their names are the same on both sides. Compares each
//! mailbox, requests from the replica the list of messages that it has already, and sends the
//! others. Works on as many mailboxes at a time as fit into memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::failures::Failures;
use super::pass::{Parts, Pass, SharedParts};
use super::shared_todo::{Found, OWNER, PassId, SharedTodo, Todo};
use super::survey::compare;
use super::survey::difference::is_same;
use super::survey::look::{self, Look};
use super::transfer::inbox::{Failed, inbox_failed};
use super::transfer::pending::Work;
use super::transfer::queue::{Held, Left, RECORDS_AHEAD, Unfinished, send};
use super::transfer::recheck::verify_sent;
use super::transfer::reserve::reserve;
use super::usermeta::quotas::NamedRoot;
use crate::error::{Error, Kind, Result};
use crate::events::SyncEvent;
use crate::protocol::RemoteFolder;
use crate::types::{MailboxEntry, MboxName, MboxType, Text, UniqueId};

/// Number of mailboxes whose states are read at a time, without the mailboxes' locks.
const GLANCES: usize = 64;

/// Replicates the contents of mailboxes. If there is much to send, idle workers are asked to help.
/// Returns the quota roots of the mailboxes.
pub(crate) fn bring_contents(
    pass: &mut Pass<'_>,
    entries: Vec<MailboxEntry>,
    remotes: Vec<RemoteFolder>,
    failures: &mut Failures,
) -> Result<Vec<NamedRoot>> {
    let there = remotes.iter().filter(|r| !r.mbtype.is_intermediate()).map(|r| r.name.clone());
    let among: Vec<MboxName> = there.collect();
    // A replica may have the same uniqueid twice. Use the folder that has the master's name.
    let mut by_name: HashMap<_, _> = remotes.into_iter().map(|r| (r.name.clone(), r)).collect();
    let todo = entries.into_iter().map(|entry| {
        let remote = by_name.remove(&entry.name).filter(|r| r.uniqueid == entry.uniqueid);
        let new_inbox = remote.is_none() && pass.names.is_inbox(&entry.name);
        Todo { entry, remote, new_inbox, messages: 0 }
    });
    let mut todo: VecDeque<Todo> = todo.collect();
    let roots = pass_over_same(pass, &mut todo);
    let shared = Arc::new(SharedTodo::new(todo, among));
    let helpers = pass.helpers.filter(|_| !pass.is_careful() && shared.is_large());
    if let Some(helpers) = helpers {
        helpers.offer(SharedParts(shared.clone()));
    }
    // Helpers must stop before the lock of the user is released.
    let _closing = Closing(&shared);
    let mut contents = Contents::new(&shared, OWNER, helpers.is_some(), &|| false);
    contents.found.roots = roots;
    std::mem::swap(&mut contents.found.failures, failures);
    let result = contents.work(pass, &mut || {
        if let Some(helpers) = helpers {
            helpers.begin_part();
        }
    });
    let Found { failures: own, roots, .. } = contents.found;
    *failures = own;
    let mut found = shared.close();
    if let Some(helpers) = helpers.filter(|_| shared.is_helped()) {
        helpers.begin_part();
    }
    failures.absorb(&mut found.failures);
    pass.moved.extend(std::mem::take(&mut found.moved));
    roots.into_iter().for_each(|root| found.name_root(root));
    result.map(|()| found.roots)
}

/// Removes mailboxes that are equal on both sides from `todo`. Usually most mailboxes are equal,
/// and reading their states without locks is cheaper than opening them. Reports how many mailboxes
/// and messages the replica has already. Returns the quota roots of the removed mailboxes.
fn pass_over_same(pass: &Pass<'_>, todo: &mut VecDeque<Todo>) -> Vec<NamedRoot> {
    let mut found = Found::default();
    let mut rest = VecDeque::with_capacity(todo.len());
    let (mut mailboxes, mut messages) = (0, 0);
    // The sizes of new mailboxes are needed only to decide whether to ask for helpers.
    let sizes_count = pass.helpers.is_some() && todo.len() > 1;
    while !todo.is_empty() {
        let next: Vec<Todo> = todo.drain(..todo.len().min(GLANCES)).collect();
        let is_read_unlocked = |todo: &&Todo| {
            let is_mailbox = !todo.entry.mbtype.is_intermediate();
            let is_wanted = todo.remote.is_some() || sizes_count;
            is_mailbox && is_wanted && unsendable(pass, &todo.entry).is_none()
        };
        let entries: Vec<&MailboxEntry> =
            next.iter().filter(is_read_unlocked).map(|todo| &todo.entry).collect();
        let mut unlocked_states = pass.store.read_unlocked(&entries).into_iter();
        for mut todo in next {
            let unlocked =
                if is_read_unlocked(&&todo) { unlocked_states.next().flatten() } else { None };
            let Some(unlocked) = unlocked else {
                rest.push_back(todo);
                continue;
            };
            let exists = u64::from(unlocked.state.exists.unwrap_or(unlocked.state.num_records));
            if todo.remote.as_ref().is_some_and(|remote| is_same(pass, &unlocked, remote)) {
                mailboxes += 1;
                messages += exists;
                let root = unlocked.state.header.quotaroot;
                let named = root.into_iter().map(|root| named_root(root, &todo.entry.name));
                named.for_each(|named| found.name_root(named));
            } else {
                let there = todo.remote.as_ref().map_or(0, |remote| remote.last_uid);
                let after = unlocked.state.header.last_uid.saturating_sub(there);
                todo.messages = after.min(unlocked.state.num_records).into();
                if todo.remote.is_some() {
                    messages += exists.saturating_sub(todo.messages);
                }
                rest.push_back(todo);
            }
        }
    }
    *todo = rest;
    if messages > 0 || mailboxes > 0 {
        pass.report(SyncEvent::AlreadyThere { mailboxes, messages });
    }
    found.roots
}

/// The mailboxes that one pass works on, and the results.
struct Contents<'s> {
    shared: &'s SharedTodo,
    id: PassId,
    /// Whether to take the mailboxes in parts instead of all at once.
    in_parts: bool,
    /// Returns whether the worker of this pass is needed for another task.
    is_recalled: &'s dyn Fn() -> bool,
    /// Mailboxes that this pass has taken from the list and must compare, for the first time or
    /// again.
    again: VecDeque<Todo>,
    /// Whether work remains to be checked: updates that the replica accepted without a check, or
    /// mailboxes that were only sent up to a damaged message.
    is_unsure: bool,
    found: Found,
}

impl Parts for SharedTodo {
    fn help(&self, pass: &mut Pass<'_>, begin: &mut dyn FnMut(), is_recalled: &dyn Fn() -> bool) {
        let Some(id) = self.enter() else { return };
        pass.begin_task();
        let mut leaving = Leaving { shared: self, id, found: Found::default() };
        let mut contents = Contents::new(self, id, true, is_recalled);
        let result = contents.work(pass, begin);
        pass.staged.clear_if_failed(&result);
        leaving.found = contents.found;
        if let Err(error) = result
            && contents.is_unsure
        {
            // Some of the sent updates are unchecked, so the task must fail and be repeated.
            leaving.found.failures.keep_reported(error.subject().clone(), error);
        }
        leaving.found.moved = std::mem::take(&mut pass.moved);
    }
}

/// Closes the list when it is dropped, so also after a panic: helpers wait until the list is
/// closed.
struct Closing<'s>(&'s SharedTodo);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Ends the helper when it is dropped, so also after a panic: the owner waits for its helpers.
struct Leaving<'s> {
    shared: &'s SharedTodo,
    id: PassId,
    found: Found,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.shared.leave(self.id, std::mem::take(&mut self.found));
    }
}

impl<'s> Contents<'s> {
    fn new(
        shared: &'s SharedTodo,
        id: PassId,
        in_parts: bool,
        is_recalled: &'s dyn Fn() -> bool,
    ) -> Contents<'s> {
        let (again, found) = (VecDeque::new(), Found::default());
        Contents { shared, id, in_parts, is_recalled, again, is_unsure: false, found }
    }

    /// Takes parts of the list and replicates them until the list is empty. Calls `begin` before
    /// each part.
    fn work(&mut self, pass: &mut Pass<'_>, begin: &mut dyn FnMut()) -> Result<()> {
        let mut all_held = Vec::new();
        loop {
            let mut taken = Vec::new();
            let sent = self.part(pass, &mut taken, &mut all_held, begin);
            if self.id != OWNER && sent.is_err() {
                // The owner (the pass that runs the task) replicates these mailboxes over its own
                // session.
                let again = std::mem::take(&mut self.again).into_iter();
                self.shared.put_back(taken.into_iter().chain(again));
            }
            self.is_unsure = !pass.unchecked.is_empty() || !all_held.is_empty();
            self.shared.done(self.id, self.again.iter());
            let inbox_waits = self.again.iter().any(|todo| todo.new_inbox);
            let fails = inbox_waits || sent.is_err() || self.found.failures.is_waiting();
            if self.id == OWNER && !fails {
                self.shared.inbox_is_there();
            }
            if sent? {
                continue;
            }
            // An intact copy of a damaged message may have been sent with another mailbox.
            let unfinished = self.resolve(pass, std::mem::take(&mut all_held))?;
            if unfinished.is_empty() && !(self.id == OWNER && self.shared.wait_for_more()) {
                break;
            }
            self.look_again(pass, unfinished)?;
        }
        verify_sent(pass, &mut self.found.failures)?;
        self.is_unsure = false;
        Ok(())
    }

    /// Takes a part of the list and replicates it. Returns `false` if there was nothing to send.
    /// After an error it is unknown which mailboxes in `taken` are done.
    fn part(
        &mut self,
        pass: &mut Pass<'_>,
        taken: &mut Vec<Todo>,
        all_held: &mut Vec<Held>,
        begin: &mut dyn FnMut(),
    ) -> Result<bool> {
        let work = self.survey(pass, taken, begin)?;
        if work.is_empty() {
            return Ok(false);
        }
        let among = &self.shared.among;
        if !among.is_empty() && !pass.is_careful() {
            work.iter().for_each(|work| work.want(pass));
            reserve(pass, among)?;
        }
        let Left { unfinished, held } = send(pass, work, among, &mut self.found.failures)?;
        all_held.extend(held);
        if !unfinished.is_empty() {
            pass.release_staged()?;
            self.look_again(pass, unfinished)?;
        }
        Ok(true)
    }

    /// Compares mailboxes until there is enough to send, or all are compared. Returns the mailboxes
    /// that must be sent.
    fn survey(
        &mut self,
        pass: &mut Pass<'_>,
        taken: &mut Vec<Todo>,
        begin: &mut dyn FnMut(),
    ) -> Result<Vec<Work>> {
        let mut work: Vec<Work> = Vec::new();
        let mut records = 0;
        while records < RECORDS_AHEAD / pass.sharers {
            if (self.is_recalled)() {
                self.shared.put_back(std::mem::take(&mut self.again).into_iter());
                break;
            }
            if self.again.is_empty() && (work.is_empty() || !self.in_parts) {
                self.again = self.shared.take(self.id, begin, self.is_recalled);
            }
            let Some(todo) = self.again.pop_front() else { break };
            if self.id != OWNER {
                taken.push(todo.clone());
            }
            if let Some(one) = self.look(pass, todo)? {
                records += one.records();
                work.push(one);
            }
        }
        Ok(work)
    }

    /// Looks for intact copies of damaged messages on the replica. Returns the mailboxes whose
    /// damaged message the replica has received with another mailbox, so that the rest can be sent.
    /// The other mailboxes in `all_held` fail.
    fn resolve(&mut self, pass: &mut Pass<'_>, all_held: Vec<Held>) -> Result<Vec<Unfinished>> {
        let mut unfinished = Vec::new();
        all_held.iter().for_each(|held| pass.staged.want(&held.partition, held.missing));
        reserve(pass, &self.shared.among)?;
        for Held { entry, last_uid, partition, missing, damage } in all_held {
            if pass.staged.must_upload(&partition, missing) {
                self.found.failures.keep(pass, &entry.name, damage)?;
            } else {
                unfinished.push(Unfinished { entry, last_uid });
            }
        }
        Ok(unfinished)
    }

    /// Compares one mailbox. Returns `None` if it need not or cannot be sent.
    fn look(&mut self, pass: &mut Pass<'_>, todo: Todo) -> Result<Option<Work>> {
        let failures = &mut self.found.failures;
        let Todo { entry, remote, new_inbox, .. } = todo;
        if let Some(error) = unsendable(pass, &entry) {
            if new_inbox {
                inbox_failed(pass, Failed { entry, error }, failures)?;
            } else {
                failures.keep(pass, &entry.name, error)?;
            }
            return Ok(None);
        }
        if entry.mbtype.is_intermediate() {
            return look_at_intermediate(pass, self.shared, (entry, remote), failures);
        }
        let found = match look::look(pass, &entry, remote.as_ref()) {
            Ok(None) if new_inbox => {
                inbox_failed(pass, Failed::vanished(&entry), failures)?;
                return Ok(None);
            }
            Ok(None) => return Ok(None),
            Ok(Some(Look { quotaroot, found })) => {
                let named = quotaroot.into_iter().map(|root| named_root(root, &entry.name));
                named.for_each(|named| self.found.name_root(named));
                found
            }
            // Try to create the INBOX nevertheless. Sending it will report the error.
            Err(_) if new_inbox => look::Found::Unread,
            Err(error) => {
                failures.keep(pass, &entry.name, error)?;
                return Ok(None);
            }
        };
        let differs = !matches!(found, look::Found::Same);
        if !differs {
            // `pass_over_same` has already counted the messages of this mailbox.
            pass.report(SyncEvent::AlreadyThere { mailboxes: 1, messages: 0 });
        }
        Ok(differs.then_some(Work { entry, remote, found }))
    }

    /// Requests the replica's state of mailboxes of which only a batch was sent, and puts them
    /// first among the mailboxes to compare. A mailbox fails if the replica does not have the whole
    /// batch, because sending it again might never end.
    fn look_again(&mut self, pass: &mut Pass<'_>, unfinished: Vec<Unfinished>) -> Result<()> {
        if unfinished.is_empty() {
            return Ok(());
        }
        let names: Vec<MboxName> = unfinished.iter().map(|u| u.entry.name.clone()).collect();
        let remotes = pass.folders(&names)?;
        let mut remotes: HashMap<UniqueId, RemoteFolder> =
            remotes.into_iter().map(|r| (r.uniqueid.clone(), r)).collect();
        for Unfinished { entry, last_uid } in unfinished.into_iter().rev() {
            let remote = remotes.remove(&entry.uniqueid);
            if remote.as_ref().is_some_and(|r| r.last_uid >= last_uid) {
                self.again.push_front(Todo { entry, remote, new_inbox: false, messages: 0 });
                continue;
            }
            let detail =
                format!("the messages up to UID {last_uid} have disappeared on the replica");
            let op = "continue mailbox";
            let error = Error::new(Kind::ReplicaChanged, op, &entry.name, detail);
            self.found.failures.keep(pass, &entry.name, error)?;
        }
        Ok(())
    }
}

fn look_at_intermediate(
    pass: &Pass<'_>,
    shared: &SharedTodo,
    (entry, remote): (MailboxEntry, Option<RemoteFolder>),
    failures: &mut Failures,
) -> Result<Option<Work>> {
    if remote.as_ref().is_some_and(|r| compare::intermediate(&entry, r).is_empty()) {
        return Ok(None);
    }
    if shared.real.contains(&entry.name) {
        failures.keep(pass, &entry.name, hidden(&entry))?;
        return Ok(None);
    }
    Ok(Some(Work { entry, remote, found: look::Found::Unread }))
}

/// Makes a [`NamedRoot`] of the quota root in a mailbox's cyrus.header. Stores the mailbox's name
/// in `by_its_own` if the mailbox is at or below the root.
fn named_root(root: Text, mailbox: &MboxName) -> NamedRoot {
    let rest = mailbox.as_bytes().strip_prefix(root.as_bytes());
    let applies = rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'.')));
    NamedRoot { root, by_its_own: applies.then(|| mailbox.clone()) }
}

/// Returns the reason why a mailbox must not be sent, if its mailboxes.db entry shows one.
fn unsendable(pass: &Pass<'_>, entry: &MailboxEntry) -> Option<Error> {
    let error = |kind, what| Error::new(kind, "update mailbox", &entry.name, what);
    if entry.mbtype.has(MboxType::MOVING) {
        let what = "it is being moved to another server";
        let hint = "wait until its XFER ends; if the XFER was interrupted, repeat it";
        return Some(error(Kind::Unsupported, what).with_hint(hint));
    }
    let notifications = entry.mbtype.kind() == MboxType::JMAP_NOTIFY;
    (notifications && !pass.session.capabilities().notifications).then(|| {
        let what = "it holds JMAP notifications, which the replica's Cyrus does not support";
        let hint = "upgrade the replica to Cyrus 3.8 or later";
        error(Kind::ReplicaNotSupported, what).with_hint(hint)
    })
}

/// Makes the error for an intermediate whose name is a mailbox on the replica. If the intermediate
/// were sent, the replica would lose track of that mailbox.
fn hidden(entry: &MailboxEntry) -> Error {
    let detail = "the replica has a mailbox of this name, but the master does not";
    Error::new(Kind::NeedsFullSync, "update intermediate mailbox", &entry.name, detail)
        .with_hint("rename or delete it on the replica")
}
