//! Brings over the contents of mailboxes whose names are settled: looks at each, asks the replica
//! which of their messages it has, sends them; as many at a time as may be in memory.

use std::collections::{HashMap, HashSet, VecDeque};

use super::failures::Failures;
use super::pass::Pass;
use super::survey::compare;
use super::survey::look::{Found, Look, look};
use super::transfer::inbox::{Failed, inbox_failed};
use super::transfer::pending::Work;
use super::transfer::queue::{Held, Left, RECORDS_AHEAD, Unfinished, send};
use super::transfer::recheck::verify_sent;
use super::transfer::reserve::reserve;
use super::usermeta::quotas::NamedRoot;
use crate::error::{Error, Kind, Result};
use crate::protocol::RemoteFolder;
use crate::types::{MailboxEntry, MboxName, MboxType, Text, UniqueId};

/// A mailbox that is to be looked at.
struct Todo {
    entry: MailboxEntry,
    remote: Option<RemoteFolder>,
}

/// What is known while a user's contents are brought over.
struct Contents {
    todo: VecDeque<Todo>,
    /// Names that are mailboxes on the replica.
    real: HashSet<MboxName>,
    /// Quota roots that mailboxes name.
    roots: Vec<NamedRoot>,
}

/// Brings over the contents of mailboxes. Returns the quota roots that they name.
pub(crate) fn bring_contents(
    pass: &mut Pass<'_>,
    entries: Vec<MailboxEntry>,
    remotes: Vec<RemoteFolder>,
    failures: &mut Failures,
) -> Result<Vec<NamedRoot>> {
    let there = remotes.iter().filter(|r| !r.mbtype.is_intermediate()).map(|r| r.name.clone());
    let among: Vec<MboxName> = there.collect();
    let real = among.iter().cloned().collect();
    // A replica may have a uniqueid twice; the folder in its place is meant.
    let mut by_name: HashMap<_, _> = remotes.into_iter().map(|r| (r.name.clone(), r)).collect();
    let todo = entries.into_iter().map(|entry| {
        let remote = by_name.remove(&entry.name).filter(|r| r.uniqueid == entry.uniqueid);
        Todo { entry, remote }
    });
    let mut contents = Contents { todo: todo.collect(), real, roots: Vec::new() };
    let mut all_held = Vec::new();
    loop {
        let work = contents.survey(pass, failures)?;
        if work.is_empty() {
            // A good copy of what is damaged may have come with another mailbox.
            let unfinished = resolve(pass, std::mem::take(&mut all_held), failures)?;
            if unfinished.is_empty() {
                break;
            }
            contents.look_again(pass, unfinished, failures)?;
            continue;
        }
        if !among.is_empty() && !pass.is_careful() {
            work.iter().for_each(|work| work.want(pass));
            reserve(pass, &among)?;
        }
        let Left { unfinished, held } = send(pass, work, &among, failures)?;
        all_held.extend(held);
        if !unfinished.is_empty() {
            pass.release_staged()?;
            contents.look_again(pass, unfinished, failures)?;
        }
    }
    verify_sent(pass, failures)?;
    Ok(contents.roots)
}

/// Mailboxes that wait for a message, and have got it from elsewhere. The others fail.
fn resolve(
    pass: &mut Pass<'_>,
    all_held: Vec<Held>,
    failures: &mut Failures,
) -> Result<Vec<Unfinished>> {
    let mut unfinished = Vec::new();
    for Held { entry, last_uid, partition, missing, damage } in all_held {
        if pass.staged.must_upload(&partition, missing) {
            failures.keep(pass, &entry.name, damage)?;
        } else {
            unfinished.push(Unfinished { entry, last_uid });
        }
    }
    Ok(unfinished)
}

impl Contents {
    /// Looks at mailboxes until there is enough to send, or none is left. Returns those that must
    /// be sent.
    fn survey(&mut self, pass: &mut Pass<'_>, failures: &mut Failures) -> Result<Vec<Work>> {
        let mut work: Vec<Work> = Vec::new();
        let mut records = 0;
        while records < RECORDS_AHEAD
            && let Some(todo) = self.todo.pop_front()
        {
            if let Some(one) = self.look(pass, todo, failures)? {
                records += one.records();
                work.push(one);
            }
        }
        Ok(work)
    }

    /// Looks at one mailbox.
    fn look(
        &mut self,
        pass: &mut Pass<'_>,
        Todo { entry, remote }: Todo,
        failures: &mut Failures,
    ) -> Result<Option<Work>> {
        let new_inbox = remote.is_none() && pass.names.is_inbox(&entry.name);
        if let Some(error) = unsendable(pass, &entry) {
            if new_inbox {
                inbox_failed(pass, Failed { entry, error }, failures)?;
            } else {
                failures.keep(pass, &entry.name, error)?;
            }
            return Ok(None);
        }
        if entry.mbtype.is_intermediate() {
            return self.look_at_intermediate(pass, Todo { entry, remote }, failures);
        }
        let found = match look(pass, &entry, remote.as_ref()) {
            Ok(None) if new_inbox => {
                inbox_failed(pass, Failed::vanished(&entry), failures)?;
                return Ok(None);
            }
            Ok(None) => return Ok(None),
            Ok(Some(Look { quotaroot, found })) => {
                quotaroot.into_iter().for_each(|root| self.name_root(root, &entry.name));
                found
            }
            // It may be created all the same: sending it will show.
            Err(_) if new_inbox => Found::Unread,
            Err(error) => {
                failures.keep(pass, &entry.name, error)?;
                return Ok(None);
            }
        };
        let differs = !matches!(found, Found::Same);
        Ok(differs.then_some(Work { entry, remote, found }))
    }

    fn look_at_intermediate(
        &self,
        pass: &Pass<'_>,
        Todo { entry, remote }: Todo,
        failures: &mut Failures,
    ) -> Result<Option<Work>> {
        if remote.as_ref().is_some_and(|r| compare::intermediate(&entry, r).is_none()) {
            return Ok(None);
        }
        if self.real.contains(&entry.name) {
            failures.keep(pass, &entry.name, hidden(&entry))?;
            return Ok(None);
        }
        Ok(Some(Work { entry, remote, found: Found::Unread }))
    }

    /// Notes that a mailbox names a quota root.
    fn name_root(&mut self, root: Text, mailbox: &MboxName) {
        let rest = mailbox.as_bytes().strip_prefix(root.as_bytes());
        let applies = rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'.')));
        let name = applies.then(|| mailbox.clone());
        match self.roots.iter_mut().find(|known| known.root == root) {
            Some(known) => known.by_its_own = known.by_its_own.take().or(name),
            None => self.roots.push(NamedRoot { root, by_its_own: name }),
        }
    }

    /// Fetches the replica's state of mailboxes of which a batch was sent; they come first now.
    /// One that has not got as far as was sent is a failure: going on might never end.
    fn look_again(
        &mut self,
        pass: &mut Pass<'_>,
        unfinished: Vec<Unfinished>,
        failures: &mut Failures,
    ) -> Result<()> {
        let names: Vec<MboxName> = unfinished.iter().map(|u| u.entry.name.clone()).collect();
        let remotes = pass.folders(&names)?;
        let mut remotes: HashMap<UniqueId, RemoteFolder> =
            remotes.into_iter().map(|r| (r.uniqueid.clone(), r)).collect();
        for Unfinished { entry, last_uid } in unfinished.into_iter().rev() {
            let remote = remotes.remove(&entry.uniqueid);
            if remote.as_ref().is_some_and(|r| r.last_uid >= last_uid) {
                self.todo.push_front(Todo { entry, remote });
                continue;
            }
            let detail = format!("the messages up to UID {last_uid} are not there any more");
            let op = "go on with mailbox";
            let error = Error::new(Kind::ReplicaChanged, op, &entry.name, detail);
            failures.keep(pass, &entry.name, error)?;
        }
        Ok(())
    }
}

/// Why a mailbox that is there must not be sent, by its entry alone.
fn unsendable(pass: &Pass<'_>, entry: &MailboxEntry) -> Option<Error> {
    let error = |kind, what| Error::new(kind, "update mailbox", &entry.name, what);
    if entry.mbtype.has(MboxType::MOVING) {
        let what = "it is on its way to another server";
        let hint = "wait for the end of its XFER; if that broke off, repeat it";
        return Some(error(Kind::Unsupported, what).hint(hint));
    }
    let notifications = entry.mbtype.kind() == MboxType::JMAP_NOTIFY;
    (notifications && !pass.session.capabilities().notifications).then(|| {
        let what = "it holds JMAP notifications, which the replica's Cyrus does not know";
        let hint = "upgrade the replica to Cyrus 3.8 or later";
        error(Kind::ReplicaNotSupported, what).hint(hint)
    })
}

/// The replica takes an intermediate for granted and would lose sight of the mailbox that it has.
fn hidden(entry: &MailboxEntry) -> Error {
    let detail = "the replica has a mailbox of this name, the master has none any more";
    Error::new(Kind::NeedsFullSync, "update intermediate", &entry.name, detail)
        .hint("rename or delete it on the replica")
}
