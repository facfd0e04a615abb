//! Gives the replica's folders the names of the master's folders, before the contents of mailboxes
//! are sent. Collects the input of [`plan::plan`], and carries out the plan's steps.
//!
//! If a step fails, only its mailbox fails, and those that need the name of that mailbox. All
//! others continue.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use super::identity::{check_claim, claims, is_alive_as, places};
use super::plan::{self, Local, Plan, RepairAction};
use super::renames::carry_out;
use super::sides::{Folders, Refused};
use crate::error::{Error, Kind, Result};
use crate::events::SyncEvent;
use crate::protocol::{Command, RemoteFolder};
use crate::sync::failures::{Failures, ends_all};
use crate::sync::pass::Pass;
use crate::sync::transfer::upload::shell;
use crate::sync::usermeta::scripts;
use crate::types::{MailboxEntry, MboxName, UniqueId, UserId};

/// Whether the replica's folders have the right names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The folders have the right names, so the contents of mailboxes can be sent.
    Yes,
    /// A folder was renamed or must be renamed, so the replica's lists must be requested again.
    LookAgain,
}

/// How the replica's folders were requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct View {
    /// Whether to request by uniqueid every mailbox that the replica did not list.
    pub everywhere: bool,
    /// Whether the lists were requested before the locks were taken. Names may have changed since
    /// then, so the lists must not be used to delete, rename or refuse anything.
    pub stale: bool,
}

/// A mailbox of the master that the replica does not have under the same name.
struct Moved {
    entry: MailboxEntry,
    /// The master's record for the mailbox's uniqueid.
    record: Option<MailboxEntry>,
    /// Other mailboxes of the same task that have the same uniqueid.
    twins: Vec<MboxName>,
}

/// Deletes and renames folders of the replica so that they match the master's. `owners` are the
/// users whose sync locks are held. Mailboxes that cannot get their names are moved from
/// `folders.entries` to `failures`.
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
    // Nothing may be deleted according to a stale list, so compare no scripts for it.
    let expendable = if view.stale { HashSet::new() } else { expendable(pass, entries, remotes)? };
    let known = Known { entries, remotes, stay, expendable };
    let plan = plan::plan(pass.names, &locals, remotes, |remote| {
        Ok::<RepairAction, Error>(action(pass, remote, &known).unwrap_or_else(|error| {
            unreadable.push((remote.name.clone(), error));
            RepairAction::Stays
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

/// Returns the mailboxes that the replica does not have under the same name. Also returns, with the
/// error, mailboxes that have no uniqueid or whose record for it cannot be read on the master.
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

/// Returns whether a mailbox is in the master's list under two names because it was renamed while
/// the list was read. Such a list would give the replica two mailboxes with one uniqueid.
fn was_moved_meanwhile(pass: &Pass<'_>, entry: &MailboxEntry, twins: &[MboxName]) -> bool {
    let has_id = |now: &MailboxEntry| now.uniqueid == entry.uniqueid && !now.mbtype.is_deleted();
    // Ignore an unreadable entry: its mailbox fails later, when it is opened.
    let mut now = twins.iter().filter_map(|twin| pass.store.lookup(twin).ok());
    now.any(|now| !now.as_ref().is_some_and(has_id))
}

/// Makes the error for a mailbox without a uniqueid, by which mailboxes of both sides are matched.
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
    Error::new(Kind::Corrupt, "update mailbox", &entry.name, detail).with_hint(
        "run reconstruct on the mailbox; if it was copied or restored, run mbtool -r on it first",
    )
}

/// Makes the planner's input for a mailbox in `moved`. Fails if the mailbox may not get its name on
/// the replica.
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
    // A replica may have a mailbox for scripts even if the master has none.
    for name in plan.strays.iter().filter(|name| !pass.names.is_sieve(name)) {
        pass.report(SyncEvent::Stray { mailbox: name.clone() });
    }
    for name in &plan.doubles {
        pass.report(SyncEvent::Double { mailbox: name.clone() });
    }
}

/// Removes from `entries` the mailboxes whose name another mailbox has on the replica. With `-O` a
/// mailbox stays in `entries` if the master has no record of the other one, and replaces it. This
/// is not done if the replica has our mailbox under another name. Returns whether the replica has
/// changed meanwhile.
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

/// Sends a mailbox without messages although another one has its name on the replica. The replica
/// then refuses it, and its log names both mailboxes (`sync_apply_mailbox` in
/// `imap/sync_support.c`). Returns the refusal, or `None` if the replica accepted the mailbox
/// because the other one was removed meanwhile.
fn refusal_of_name(pass: &mut Pass<'_>, entry: &MailboxEntry) -> Result<Option<Error>> {
    // If the mailbox cannot be read, there is nothing to send.
    let Ok(Some(shell)) = shell(pass, entry) else { return Ok(Some(name_taken(entry))) };
    pass.forget(&entry.name);
    let update = shell.update(pass.settings.local_only);
    let ticket = pass.session.submit(Command::Mailbox(update))?;
    match pass.session.wait(ticket) {
        Ok(_) => Ok(None),
        Err(error) if ends_all(&error) => Err(error),
        Err(error) if error.kind() == Kind::ReplicaMoved => {
            Ok(Some(name_taken(entry).with_source(error)))
        }
        Err(error) => Ok(Some(error)),
    }
}

fn local(pass: &Pass<'_>, entry: &MailboxEntry) -> Local {
    let intermediate = entry.mbtype.is_intermediate();
    Local {
        name: entry.name.clone(),
        uniqueid: entry.uniqueid.clone(),
        // Entries without a partition are damaged. Do not move a mailbox because of that.
        partition: (!intermediate && !entry.partition.is_empty())
            .then(|| pass.partition(&entry.partition)),
        uidvalidity: entry.uidvalidity,
        history: entry.name_history.clone(),
    }
}

/// Finds mailboxes that the replica has under names that were not requested, for example as those
/// of another user. For this, requests mailboxes by uniqueid that the replica did not list. Without
/// `everywhere`, requests only those that had another name before, or whose uniqueid several
/// mailboxes have.
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

/// What [`action`] needs to know about the folders.
struct Known<'k> {
    entries: &'k [MailboxEntry],
    remotes: &'k [RemoteFolder],
    /// Uniqueids of mailboxes that failed, whose folders are not changed.
    stay: HashSet<UniqueId>,
    /// Uniqueids of mailboxes of the replica that the master's mailbox of the same name may
    /// replace, although they have messages.
    expendable: HashSet<UniqueId>,
}

/// Finds out which `#sieve` mailboxes of the replica the master's own may replace.
fn expendable(
    pass: &mut Pass<'_>,
    entries: &[MailboxEntry],
    remotes: &[RemoteFolder],
) -> Result<HashSet<UniqueId>> {
    let mut found = HashSet::new();
    for remote in remotes.iter().filter(|remote| remote.mbtype.is_sieve()) {
        let differs = |e: &MailboxEntry| e.name == remote.name && e.uniqueid != remote.uniqueid;
        let owner = pass.names.owner(&remote.name);
        let Some(owner) = owner.filter(|_| entries.iter().any(differs)) else { continue };
        match scripts::is_expendable(pass, &owner, remote) {
            Ok(true) => drop(found.insert(remote.uniqueid.clone())),
            Ok(false) => {}
            Err(error) if ends_all(&error) => return Err(error),
            // Scripts that cannot be compared stay.
            Err(_) => {}
        }
    }
    Ok(found)
}

/// Finds out what happened on the master to a folder that only the replica lists.
fn action(pass: &Pass<'_>, remote: &RemoteFolder, known: &Known<'_>) -> Result<RepairAction> {
    let (name, uniqueid) = (&remote.name, &remote.uniqueid);
    if known.stay.contains(uniqueid) || is_alive_as(pass, name, uniqueid)? {
        return Ok(RepairAction::Stays);
    }
    // A tombstone with this name is not enough, because a rename leaves one too.
    let Some(entry) = pass.store.lookup_by_id(uniqueid)? else {
        if known.expendable.contains(uniqueid) {
            return Ok(RepairAction::Expendable);
        }
        if !is_fill_in(pass, remote, known)? {
            return Ok(RepairAction::Unknown);
        }
        pass.report(SyncEvent::FillIn { mailbox: name.clone() });
        return Ok(RepairAction::Deleted);
    };
    if entry.mbtype.is_deleted() {
        return Ok(RepairAction::Deleted);
    }
    // A record by uniqueid may be outdated: Cyrus up to 3.6 keeps the record of a mailbox that was
    // deleted and then removed for good.
    if !is_alive_as(pass, &entry.name, uniqueid)? {
        let is_purged = pass.names.is_deleted(&entry.name);
        return Ok(if is_purged { RepairAction::Deleted } else { RepairAction::Unknown });
    }
    let claims = claims(pass, &entry, Some(entry.clone()), [])?;
    check_claim(pass, &entry, &claims, std::slice::from_ref(name))?;
    Ok(RepairAction::Renamed(local(pass, &entry)))
}

/// Returns whether the replica created this mailbox by itself to fill a gap above another one
/// (`mboxlist_update_intermediaries` in `imap/mboxlist.c`). The caller has found no record of it on
/// the master. Such a mailbox never had contents and was never selected, and the master has or had
/// a mailbox below its name. Without the last condition it may be a folder that a user has created
/// on the replica.
fn is_fill_in(pass: &Pass<'_>, remote: &RemoteFolder, known: &Known<'_>) -> Result<bool> {
    let unused = remote.last_uid == 0
        && remote.recenttime == 0
        && remote.pop3_last_login == 0
        && remote.annotations.is_empty();
    let may_be = unused
        && !pass.names.is_inbox(&remote.name)
        && !pass.names.is_sieve(&remote.name)
        && !pass.names.is_deleted(&remote.name)
        && pass.names.owner(&remote.name).is_some();
    Ok(may_be && is_above_one_of_the_masters(pass, &remote.name, known)?)
}

/// Returns whether the master has or had a mailbox below this name: now, as a tombstone, or as a
/// mailbox that has another name now.
fn is_above_one_of_the_masters(
    pass: &Pass<'_>,
    name: &MboxName,
    known: &Known<'_>,
) -> Result<bool> {
    let prefix = [name.as_bytes(), b"."].concat();
    let is_below = |name: &MboxName| name.as_bytes().starts_with(&prefix);
    let mut former = known.entries.iter().flat_map(|entry| &entry.name_history);
    if former.any(|former| is_below(&former.name)) {
        return Ok(true);
    }
    let mut found = false;
    let listed = pass.store.each_mailbox(&prefix, &mut |entry| {
        found |= is_below(&entry.name);
        Ok(if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    if found {
        return Ok(true);
    }
    listed?;
    for below in known.remotes.iter().filter(|remote| is_below(&remote.name)) {
        if pass.store.lookup_by_id(&below.uniqueid)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn name_taken(entry: &MailboxEntry) -> Error {
    let detail = "the replica has another mailbox of this name with messages, which this server \
                  does not know";
    Error::new(Kind::NeedsFullSync, "update mailbox", &entry.name, detail)
        .with_hint("look at that mailbox, then rename or delete it on the replica")
}
