//! Brings the replica's folders to the names that they have here, before contents: collects what
//! [`plan::plan`] needs to know, and has its steps carried out.
//!
//! What fails here fails the mailbox that it is about, and those that wait for its name; all
//! others go on.

use std::collections::{HashMap, HashSet};

use super::identity::{check_claim, claims, is_alive_as, places};
use super::plan::{self, Fate, Local, Plan};
use super::renames::carry_out;
use super::sides::{Folders, Refused};
use crate::error::{Error, Kind, Result};
use crate::events::SyncEvent;
use crate::protocol::{Command, RemoteFolder};
use crate::sync::failures::{Failures, ends_all};
use crate::sync::pass::Pass;
use crate::sync::transfer::upload::shell;
use crate::types::{MailboxEntry, MboxName, UniqueId, UserId};

/// Whether the replica's folders are where they must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Contents can be sent.
    Yes,
    /// Something was renamed, or must be: the replica's lists must be fetched again.
    LookAgain,
}

/// How the replica's folders were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct View {
    /// Ask by uniqueid for every mailbox that the replica did not list.
    pub everywhere: bool,
    /// The replica was asked before the locks were held: somebody else may have given a name to
    /// another mailbox since, so nothing is deleted, renamed or refused by what it said.
    pub stale: bool,
}

/// A mailbox that is not in its place on the replica.
struct Moved {
    entry: MailboxEntry,
    /// The record by its uniqueid.
    record: Option<MailboxEntry>,
    /// Other mailboxes of the same unit with its uniqueid.
    twins: Vec<MboxName>,
}

/// Deletes and renames folders of the replica so that they match the master's. `owners` are
/// the users whose sync locks are held. Mailboxes that cannot be brought to their names are
/// taken out of `folders.entries` and put into `failures`.
pub(crate) fn settle(
    pass: &mut Pass<'_>,
    folders: &mut Folders,
    failures: &mut Failures,
    refused: &mut Refused,
    owners: &[Option<UserId>],
    view: View,
) -> Result<Settled> {
    let Folders { entries, remotes } = folders;
    entries.retain(|entry| !refused.ids.contains(&entry.uniqueid));
    let (moved, mut lost) = moved(pass, entries, remotes);
    for Moved { entry, twins, .. } in &moved {
        if was_moved_meanwhile(pass, entry, twins) {
            return Ok(Settled::LookAgain);
        }
    }
    find_moved_in(pass, &moved, remotes, view.everywhere)?;
    let mut locals = Vec::with_capacity(entries.len());
    for Moved { entry, record, twins } in moved {
        match claimant(pass, &entry, record, &twins, remotes) {
            Ok(local) => locals.push(local),
            Err(error) => lost.push((entry, error)),
        }
    }
    let outside: HashSet<&MboxName> =
        locals.iter().map(|l| &l.name).chain(lost.iter().map(|(e, _)| &e.name)).collect();
    let in_place: Vec<Local> = entries
        .iter()
        .filter(|entry| !outside.contains(&entry.name))
        .map(|entry| local(pass, entry))
        .collect();
    locals.extend(in_place);
    let mut stay: HashSet<UniqueId> = refused.ids.clone();
    stay.extend(lost.iter().map(|(entry, _)| entry.uniqueid.clone()));
    let mut unreadable = Vec::new();
    let plan = plan::plan(pass.names, &locals, remotes, |remote| {
        Ok::<Fate, Error>(fate(pass, remote, &stay).unwrap_or_else(|error| {
            unreadable.push((remote.name.clone(), error));
            Fate::Stays
        }))
    })?;
    let idle = plan.deletes.is_empty() && plan.renames.is_empty();
    if view.stale && !(idle && plan.blocked.is_empty() && lost.is_empty()) {
        return Ok(Settled::LookAgain);
    }
    for (entry, error) in lost {
        entries.retain(|e| e.name != entry.name);
        failures.keep(pass, &entry.name, error)?;
    }
    for (name, error) in unreadable {
        failures.keep(pass, &name, error)?;
    }
    report_strays(pass, &plan);
    if leave_blocked(pass, &plan, entries, remotes, (&mut *failures, &mut *refused))? {
        return Ok(Settled::LookAgain);
    }
    if idle {
        return Ok(Settled::Yes);
    }
    let changed = carry_out(pass, &plan, folders, failures, refused, owners)?;
    Ok(if changed { Settled::LookAgain } else { Settled::Yes })
}

/// The mailboxes that are not in their place on the replica; and those of which the master's
/// record by uniqueid cannot be read.
fn moved(
    pass: &Pass<'_>,
    entries: &[MailboxEntry],
    remotes: &[RemoteFolder],
) -> (Vec<Moved>, Vec<(MailboxEntry, Error)>) {
    let there: HashSet<(&UniqueId, &MboxName)> =
        remotes.iter().map(|r| (&r.uniqueid, &r.name)).collect();
    let mut same: HashMap<&UniqueId, Vec<&MboxName>> = HashMap::new();
    for entry in entries {
        same.entry(&entry.uniqueid).or_default().push(&entry.name);
    }
    let (mut moved, mut lost) = (Vec::new(), Vec::new());
    for entry in entries.iter().filter(|e| !there.contains(&(&e.uniqueid, &e.name))) {
        if entry.uniqueid.is_empty() {
            lost.push((entry.clone(), no_uniqueid(pass, entry)));
            continue;
        }
        let all = same.get(&entry.uniqueid).into_iter().flatten();
        let twins = all.filter(|name| ***name != entry.name).map(|name| (*name).clone());
        match pass.store.lookup_by_id(&entry.uniqueid) {
            Ok(record) => {
                moved.push(Moved { entry: entry.clone(), record, twins: twins.collect() });
            }
            Err(error) => lost.push((entry.clone(), error)),
        }
    }
    (moved, lost)
}

/// Whether a mailbox was read under two names because it was renamed between: two mailboxes of the
/// replica would have one uniqueid.
fn was_moved_meanwhile(pass: &Pass<'_>, entry: &MailboxEntry, twins: &[MboxName]) -> bool {
    let has_id = |now: &MailboxEntry| now.uniqueid == entry.uniqueid && !now.mbtype.is_deleted();
    // What cannot be read any more fails by itself, when it is opened.
    let mut now = twins.iter().filter_map(|twin| pass.store.lookup(twin).ok());
    now.any(|now| !now.as_ref().is_some_and(has_id))
}

/// The error of a mailbox that has no uniqueid, which every other thing is matched by.
fn no_uniqueid(pass: &Pass<'_>, entry: &MailboxEntry) -> Error {
    let mut detail = "it has no uniqueid in mailboxes.db".to_owned();
    let why = pass.store.open(&entry.name).err();
    if let Some(why) = &why {
        detail.push_str(&format!(
            ", and cannot be opened: {} {}: {}",
            why.op(),
            why.subject(),
            why.detail()
        ));
    }
    Error::new(Kind::Corrupt, "update mailbox", &entry.name, detail)
        .hint("reconstruct the mailbox; if it was copied or restored, run mbtool -r on it before")
}

/// What the planner needs to know of a mailbox that may be brought to its name.
fn claimant(
    pass: &Pass<'_>,
    entry: &MailboxEntry,
    record: Option<MailboxEntry>,
    twins: &[MboxName],
    remotes: &[RemoteFolder],
) -> Result<Local> {
    let there = places(remotes, &entry.uniqueid);
    let claims = claims(pass, entry, record, twins.iter().chain(&there))?;
    check_claim(pass, entry, &claims, &there)?;
    Ok(Local { history: claims.history, ..local(pass, entry) })
}

/// Reports folders that only the replica has.
fn report_strays(pass: &Pass<'_>, plan: &Plan) {
    // A replica keeps scripts in a mailbox wherever the master does.
    for name in plan.strays.iter().filter(|name| !pass.names.is_sieve(name)) {
        pass.report(SyncEvent::Stray { mailbox: name.clone() });
    }
    for name in &plan.doubles {
        pass.report(SyncEvent::Double { mailbox: name.clone() });
    }
}

/// Passes over mailboxes whose name another one holds on the replica. `-O` overrules a
/// stray, unless ours is there already, under another name. Returns whether the replica has changed
/// meanwhile.
fn leave_blocked(
    pass: &mut Pass<'_>,
    plan: &Plan,
    entries: &mut Vec<MailboxEntry>,
    remotes: &[RemoteFolder],
    (failures, refused): (&mut Failures, &mut Refused),
) -> Result<bool> {
    let there: HashSet<&UniqueId> = remotes.iter().map(|r| &r.uniqueid).collect();
    let (blocked, strays): (HashSet<&MboxName>, HashSet<&MboxName>) =
        (plan.blocked.iter().collect(), plan.strays.iter().collect());
    let by_stray = |e: &MailboxEntry| strays.contains(&e.name) && !there.contains(&e.uniqueid);
    let (stay, go): (Vec<_>, Vec<_>) = std::mem::take(entries).into_iter().partition(|e| {
        let overruled = pass.settings.no_copyback && by_stray(e);
        !blocked.contains(&e.name) || overruled
    });
    *entries = stay;
    for entry in go {
        if !by_stray(&entry) || pass.session.is_dry() {
            failures.keep(pass, &entry.name, name_taken(&entry))?;
            continue;
        }
        match refusal_of_name(pass, &entry)? {
            Some(error) => refused.add(pass, &entry.uniqueid, &entry.name, error)?,
            None => return Ok(true),
        }
    }
    Ok(false)
}

/// Sends a mailbox whose name another one holds on the replica, without its messages, so that the
/// replica itself refuses it, and its log names both (`sync_apply_mailbox` in
/// `imap/sync_support.c`). Returns why it did; `None` if it took the mailbox, for the other one has
/// vanished meanwhile.
fn refusal_of_name(pass: &mut Pass<'_>, entry: &MailboxEntry) -> Result<Option<Error>> {
    // Where it cannot be read there is nothing to send.
    let Ok(Some(shell)) = shell(pass, entry) else { return Ok(Some(name_taken(entry))) };
    pass.forget(&entry.name);
    let update = shell.update(pass.settings.local_only);
    let ticket = pass.session.submit(Command::Mailbox(update))?;
    match pass.session.wait(ticket) {
        Ok(_) => Ok(None),
        Err(error) if ends_all(&error) => Err(error),
        Err(error) if error.kind() == Kind::ReplicaMoved => {
            Ok(Some(name_taken(entry).caused_by(error)))
        }
        Err(error) => Ok(Some(error)),
    }
}

fn local(pass: &Pass<'_>, entry: &MailboxEntry) -> Local {
    let intermediate = entry.mbtype.is_intermediate();
    Local {
        name: entry.name.clone(),
        uniqueid: entry.uniqueid.clone(),
        // An entry that has none is damaged; no mailbox is moved for its sake.
        partition: (!intermediate && !entry.partition.is_empty())
            .then(|| pass.partition(&entry.partition)),
        uidvalidity: entry.uidvalidity,
        history: entry.name_history.clone(),
    }
}

/// Mailboxes of the master that the replica did not list may be there under a name that was
/// not asked for: another user's, say. Asks by uniqueid for those that had other names, or whose
/// uniqueid another mailbox has too.
fn find_moved_in(
    pass: &mut Pass<'_>,
    moved: &[Moved],
    remotes: &mut Vec<RemoteFolder>,
    everywhere: bool,
) -> Result<()> {
    let listed: HashSet<&UniqueId> = remotes.iter().map(|r| &r.uniqueid).collect();
    let elsewhere = |moved: &&Moved| {
        let named = moved.record.as_ref().is_some_and(|record| {
            record.name != moved.entry.name || !record.name_history.is_empty()
        });
        everywhere || named || !moved.twins.is_empty()
    };
    let unlisted = moved.iter().filter(|m| !listed.contains(&m.entry.uniqueid));
    let mut ids: Vec<UniqueId> =
        unlisted.filter(elsewhere).map(|m| m.entry.uniqueid.clone()).collect();
    ids.sort();
    ids.dedup();
    if !ids.is_empty() {
        let ticket = pass.session.submit(Command::GetUniqueIds(&ids))?;
        remotes.extend(pass.folders_reply(ticket)?);
    }
    Ok(())
}

/// What became here of a folder that only the replica lists. `stay` are the uniqueids of
/// mailboxes that failed.
fn fate(pass: &Pass<'_>, remote: &RemoteFolder, stay: &HashSet<UniqueId>) -> Result<Fate> {
    let (name, uniqueid) = (&remote.name, &remote.uniqueid);
    if stay.contains(uniqueid) || is_alive_as(pass, name, uniqueid)? {
        return Ok(Fate::Stays);
    }
    // A tombstone by name says nothing: a rename leaves one too.
    let Some(entry) = pass.store.lookup_by_id(uniqueid)? else {
        if !is_fill_in(pass, remote) {
            return Ok(Fate::Unknown);
        }
        pass.report(SyncEvent::FillIn { mailbox: name.clone() });
        return Ok(Fate::Deleted);
    };
    if entry.mbtype.is_deleted() {
        return Ok(Fate::Deleted);
    }
    // A record by uniqueid may outlive its mailbox. Cyrus up to 3.6 keeps that of a mailbox which
    // was deleted and then removed for good.
    if !is_alive_as(pass, &entry.name, uniqueid)? {
        let is_purged = pass.names.is_deleted(&entry.name);
        return Ok(if is_purged { Fate::Deleted } else { Fate::Unknown });
    }
    let claims = claims(pass, &entry, Some(entry.clone()), [])?;
    check_claim(pass, &entry, &claims, std::slice::from_ref(name))?;
    Ok(Fate::Renamed(local(pass, &entry)))
}

/// Whether the replica made this mailbox by itself, as one does where there is none above another
/// (`mboxlist_update_intermediaries` in `imap/mboxlist.c`): the master does not know it, nothing
/// was ever in it, and nobody ever looked into it.
fn is_fill_in(pass: &Pass<'_>, remote: &RemoteFolder) -> bool {
    let unused = remote.last_uid == 0
        && remote.recenttime == 0
        && remote.pop3_last_login == 0
        && remote.annotations.is_empty();
    unused
        && !pass.names.is_inbox(&remote.name)
        && !pass.names.is_sieve(&remote.name)
        && !pass.names.is_deleted(&remote.name)
        && pass.names.owner(&remote.name).is_some()
}

fn name_taken(entry: &MailboxEntry) -> Error {
    let detail = "the replica holds another mailbox of this name, with messages, of which this \
                  server knows nothing";
    Error::new(Kind::NeedsFullSync, "update mailbox", &entry.name, detail)
        .hint("look at it there, then rename or delete it on the replica")
}
