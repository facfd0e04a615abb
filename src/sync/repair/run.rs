//! Repairs mailboxes that were changed on both sides (`mailbox_full_update` in Cyrus's
//! `imap/sync_support.c`). Compares all records, changes the master through
//! [`Master`](crate::sync::master::Master), and then updates the replica.
//!
//! Both writes are conditional on the state that was compared. If another program changes a side
//! meanwhile, the write to that side is refused, and the repair starts again. If the repair is
//! interrupted at any point, both mailboxes are valid, and the next run continues.

use super::bounds::{self, Measure};
use super::fuse::Acts;
use super::master::write_master;
use super::plan::{self, Knowledge, Plan, Side};
use super::sides;
use crate::error::{Error, Kind, Result};
use crate::events::{Step, SyncEvent};
use crate::limits::REPLY_RECORD_BYTES;
use crate::protocol::{Command, RemoteFolder, RemoteRecord};
use crate::sync::clock::unix_time;
use crate::sync::failures::TRIES;
use crate::sync::folders::identity::shared_id;
use crate::sync::pass::Pass;
use crate::sync::survey::difference::check_identity;
use crate::sync::survey::snapshot::Attempt;
use crate::sync::transfer::single::send_alone;
use crate::sync::transfer::upload::Base;
use crate::types::{MailboxEntry, MailboxState, MboxName, MboxType, Text, Uid};

/// Hint for a repair that `-O` or `sync_no_copyback` forbids.
pub(crate) const WITH_COPYBACK: &str = "run once without -O (with --copyback if sync_no_copyback \
                                        is set): then both sides are compared and repaired";

/// Makes a mailbox equal on both sides.
pub(crate) fn repair(pass: &mut Pass<'_>, entry: &MailboxEntry) -> Result<()> {
    // The repair changes the replica's state, so remove the cached state.
    pass.forget(&entry.name);
    let mut last = None;
    // The highest last UID that the mailbox had on the master in an earlier try.
    let remembered = pass.master.as_ref().map(|master| master.remembered(&entry.uniqueid));
    let mut had_uid = remembered.unwrap_or_default();
    for _ in 0..TRIES {
        let tried = repair_once(pass, entry, &mut had_uid);
        if tried.as_ref().is_err_and(|error| error.kind() == Kind::Changed)
            && let Some(master) = pass.master.as_mut()
        {
            master.remember(&entry.uniqueid, had_uid);
        }
        match tried {
            Err(error) if matches!(error.kind(), Kind::Changed | Kind::ReplicaChanged) => {
                pass.report(SyncEvent::ComparingAgain {
                    mailbox: entry.name.clone(),
                    error: error.clone(),
                });
                last = Some(error);
            }
            other => return other,
        }
    }
    Err(last.unwrap_or_else(|| {
        let name = &entry.name;
        Error::new(Kind::Changed, "repair mailbox", name, "it changes too often to be compared")
    }))
}

fn repair_once(pass: &mut Pass<'_>, entry: &MailboxEntry, had_uid: &mut Uid) -> Result<()> {
    let name = &entry.name;
    pass.report(Step::FullMailbox { mailbox: name.clone() });
    if let Ok(mailbox) = pass.store.open(name) {
        let records = u64::from(mailbox.state().num_records);
        pass.session.expect(records.saturating_mul(REPLY_RECORD_BYTES));
    }
    let ticket = pass.session.submit(Command::GetFullMailbox(name.into()))?;
    let (remote, theirs) =
        sides::of_replica(pass.session.wait(ticket)?).map_err(|error| of_answer(name, error))?;
    let mut mailbox = match pass.store.open(name) {
        Ok(mailbox) => mailbox,
        Err(error) if error.kind() == Kind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    check_identity(mailbox.as_ref(), entry)?;
    if remote.name != *name || remote.uniqueid != mailbox.state().uniqueid {
        let detail = format!("the replica sent {} ({}) instead", remote.name, remote.uniqueid);
        return Err(Error::new(Kind::ReplicaMoved, "repair mailbox", name, detail).with_hint(
            "the mailbox may have been renamed or created again on the replica: run sync_client \
             again",
        ));
    }
    let ours = sides::of_master(mailbox.as_mut())?;
    let state = mailbox.state().clone();
    let inconsistency = mailbox.inconsistency();
    drop(mailbox);
    if state.last_uid < *had_uid {
        return Err(came_back(&state, *had_uid));
    }
    *had_uid = state.last_uid;
    let inconsistency = inconsistency.or(shared_id(pass, entry)?);
    let known = Knowledge {
        deletedmodseq: state.deletedmodseq,
        used_modseq: pass.store.used_modseq(name)?,
        now: unix_time(),
    };
    let measure = Measure { here: &state, used_modseq: known.used_modseq, now: known.now };
    measure.check_all(&remote, &ours, &theirs)?;
    let mut plan = plan::plan(name, &ours, &theirs, known)?;
    if plan.writes_master && !pass.settings.no_copyback {
        bounds::check_fetched(name, &plan.fetch)?;
        refuse_harm(pass, &state, &ours, &plan)?;
    }
    for found in &plan.findings {
        pass.report(found.clone());
        pass.report(Step::Repair { found: found.clone() });
    }
    if pass.settings.no_copyback {
        leave_master(name, &state, &mut plan)?;
    } else if plan.writes_master {
        if let Some(inconsistency) = inconsistency {
            // cyrus.index may belong to another mailbox, and its messages too. So change nothing.
            return Err(Error::new(Kind::Corrupt, "repair mailbox", name, inconsistency)
                .with_hint("run reconstruct on the mailbox, then try again"));
        }
        write_master(pass, &state, &remote, &plan)?;
    }
    update_repaired(pass, entry, &remote, &plan.expunge)
}

/// Makes the error for a mailbox whose last UID has fallen between two tries. No client of Cyrus does
/// that to a mailbox. It was deleted during the first try, and the master's own server created it
/// again before it checked the conditions of the update (`sync_apply_mailbox`). Another comparison
/// would copy all deleted messages back from the replica.
fn came_back(state: &MailboxState, had_uid: Uid) -> Error {
    let detail = format!(
        "it was deleted on this server during its repair, and exists again without its messages \
         (the last UID was {had_uid} and is {}); nothing was copied from the replica",
        state.last_uid
    );
    Error::new(Kind::NeedsFullSync, "repair mailbox", &state.name, detail).with_hint(
        "delete the mailbox on this server again; to get its messages back from the replica \
         instead, start sync_client again",
    )
}

/// Fails if the plan makes changes on the master that a person must allow first.
fn refuse_harm(pass: &Pass<'_>, state: &MailboxState, ours: &Side, plan: &Plan) -> Result<()> {
    let by_name = pass.names.is_sieve(&state.name).then_some(MboxType::SIEVE);
    let acts = Acts::of(by_name.map_or(state.mbtype, MboxType));
    let harm = pass.settings.fuse.refuses(acts, ours, plan);
    if harm.is_empty() {
        return Ok(());
    }
    let name = &state.name;
    let what: Vec<String> = harm.iter().map(|harm| harm.what.clone()).collect();
    let words: Vec<&str> = harm.iter().map(|harm| harm.word).collect();
    let (what, words) = (what.join(" and "), words.join(","));
    let detail = format!(
        "to match the replica, the repair would have to {what} on this server; nothing was changed"
    );
    let external = pass.names.to_external(name).unwrap_or_else(|| Text::new(name.as_bytes()));
    let channel = pass.settings.channel.as_ref().map(|channel| format!("-n {channel} "));
    let channel = channel.unwrap_or_default();
    let hint = format!(
        "compare the mailbox on both sides; if the change is right, allow it once: sync_client \
         {channel}--allow-repair={words} -m '{external}'"
    );
    Err(Error::new(Kind::NeedsFullSync, "repair mailbox", name, detail).with_hint(hint))
}

/// Prepares the plan for `-O`, which makes the replica equal to the master and never changes the
/// master. Fails if the plan changes records of the master.
fn leave_master(name: &MboxName, state: &MailboxState, plan: &mut Plan) -> Result<()> {
    if let Some(message) = plan.master.first() {
        let detail = format!(
            "{} records would have to be changed on this server, the first of them uid {}",
            plan.master.len(),
            message.record.uid
        );
        return Err(Error::new(Kind::NeedsFullSync, "update mailbox", name, detail)
            .with_hint(WITH_COPYBACK));
    }
    for message in &mut plan.expunge {
        message.record.modseq = state.highestmodseq.max(message.record.modseq);
    }
    Ok(())
}

/// Updates the replica after the master was changed. The update is conditional on the replica's
/// state that was compared.
fn update_repaired(
    pass: &mut Pass<'_>,
    entry: &MailboxEntry,
    remote: &RemoteFolder,
    expunge: &[RemoteRecord],
) -> Result<()> {
    let name = &entry.name;
    let base = Base { entry, remote: Some(remote), attempt: Attempt::Repaired, expunge };
    send_alone(pass, &base).map_err(|error| match error.kind() {
        Kind::ReplicaChecksum => Error::new(
            Kind::NeedsFullSync,
            "repair mailbox",
            name,
            "the replica still differs after a full comparison and repair",
        )
        .with_hint("run reconstruct on the mailbox on both sides, then try again")
        .with_source(error),
        _ => error,
    })
}

/// Makes the error for an invalid reply to `GET FULLMAILBOX`. The error affects only this mailbox.
fn of_answer(name: &MboxName, error: Error) -> Error {
    let detail = format!("{} {}: {}", error.op(), error.subject(), error.detail());
    Error::new(Kind::Corrupt, "compare mailbox", name, detail)
        .with_hint(error.hint().to_owned())
        .with_source(error)
}
