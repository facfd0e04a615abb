//! Replicates the quota roots that are in the headers of the master's mailboxes.

use std::ops::ControlFlow;

use super::apply::apply_steps;
use super::plan::{self, Step};
use crate::error::{Error, Kind, Result, Subject};
use crate::protocol::Command;
use crate::sync::failures::Failures;
use crate::sync::pass::Pass;
use crate::types::{MboxName, QUOTA_RESOURCES, Quota, Text, UserId};

/// A quota root that is in the headers of mailboxes.
#[derive(Debug)]
pub(crate) struct NamedRoot {
    /// Name of the root.
    pub root: Text,
    /// A mailbox at or below the root that has the root in its header. Before Cyrus deletes a root,
    /// it removes the root from these mailboxes (`mboxlist_unsetquota`). A mailbox elsewhere may
    /// still have the root in its header after a rename.
    pub by_its_own: Option<MboxName>,
}

/// Refuses limits that do not fit into the 32 bits of the protocol. The replica would use only the
/// lower 32 bits as the limit, and would bounce mail.
fn sendable(quota: Quota) -> Result<Quota> {
    for (name, limit) in QUOTA_RESOURCES.iter().zip(quota.limits) {
        let Some(limit) = limit.filter(|limit| u32::try_from(*limit).is_err()) else { continue };
        let detail = format!("its {name} limit {limit} is too high for the replication protocol");
        let root = Subject::item(quota.root.clone());
        return Err(Error::new(Kind::Unsupported, "replicate quota", root, detail)
            .with_hint(format!("set a limit of at most {}, or none", u32::MAX)));
    }
    Ok(quota)
}

/// Plans the steps for the quota roots in the headers of the master's mailboxes. `theirs` are the
/// replica's quotas.
pub(crate) fn quota_steps(
    pass: &Pass<'_>,
    roots: Vec<NamedRoot>,
    theirs: &[Quota],
    failures: &mut Failures,
) -> Result<Vec<Step>> {
    let mut ours = Vec::with_capacity(roots.len());
    for NamedRoot { root, by_its_own } in roots {
        let quota = match pass.store.quota(&root) {
            Ok(None) => lost(pass, &root, by_its_own.as_ref()).map(|()| None),
            Ok(Some(quota)) => sendable(quota).map(Some),
            quota => quota,
        };
        match quota {
            Ok(quota) => ours.push((root, quota)),
            Err(error) => failures.keep(pass, Subject::item(&*format!("QUOTA {root}")), error)?,
        }
    }
    let mut steps = plan::quotas(&ours, theirs);
    if !failures.is_empty() {
        // A mailbox that uses the root may be one of those that could not be opened.
        steps.retain(|step| !matches!(step, Step::DeleteQuota(_)));
    }
    Ok(steps)
}

/// Fails if a quota root has no record on the master, but the first mailbox at or below the root
/// still has it in its cyrus.header. Then the record was lost, not deleted.
pub(crate) fn check_deleted(pass: &Pass<'_>, root: &Text) -> Result<()> {
    let name = MboxName::new(root.as_bytes());
    let entry = pass.store.lookup(&name)?.filter(|entry| entry.mbtype.is_here());
    let mut first = entry.map(|entry| entry.name);
    if first.is_none() {
        pass.store.each_mailbox(&[root.as_bytes(), b"."].concat(), &mut |entry| {
            if !entry.mbtype.is_here() {
                return Ok(ControlFlow::Continue(()));
            }
            first = Some(entry.name);
            Ok(ControlFlow::Break(()))
        })?;
    }
    lost(pass, root, first.as_ref())
}

/// Handles a quota root that has no record on the master. Fails if the mailbox `named_by` still has
/// this root in its cyrus.header.
fn lost(pass: &Pass<'_>, root: &Text, named_by: Option<&MboxName>) -> Result<()> {
    let Some(name) = named_by else { return Ok(()) };
    let mailbox = match pass.store.open(name) {
        Err(error) if error.kind() == Kind::NotFound => return Ok(()),
        opened => opened?,
    };
    if mailbox.state().quotaroot.as_ref() != Some(root) {
        return Ok(());
    }
    let detail = format!("cyrus.header of {name} names this quota root, but it has no record");
    Err(Error::new(Kind::Corrupt, "read quota", Subject::item(root.clone()), detail).with_hint(
        "restore the record, or run quota -f, which removes the quota from the mailboxes",
    ))
}

/// Replicates the limits of quota roots that belong to no user, if shared mailboxes on either side
/// use them. Cyrus's client replicates such a root only if the sync log contains it.
pub(crate) fn shared_quotas(
    pass: &mut Pass<'_>,
    mut roots: Vec<NamedRoot>,
    failures: &mut Failures,
) -> Result<()> {
    let is_shared = |root: &Text| pass.names.owner(&MboxName::new(root.as_bytes())).is_none();
    roots.retain(|named| is_shared(&named.root));
    // If a root occurs twice, keep the entry that has a mailbox.
    roots.sort_by(|a, b| (&a.root, &b.by_its_own).cmp(&(&b.root, &a.by_its_own)));
    roots.dedup_by(|later, earlier| later.root == earlier.root);
    let mut tickets = Vec::with_capacity(roots.len());
    for root in roots.iter().map(|named| &named.root) {
        tickets.push(((), pass.session.submit(Command::GetQuota(root))?));
    }
    let mut theirs = Vec::new();
    pass.each_reply(tickets, |_, (), reply| {
        theirs.extend(reply?.into_quota()?);
        Ok(())
    })?;
    let steps = quota_steps(pass, roots, &theirs, failures)?;
    apply_steps(pass, &UserId::default(), steps, failures)
}
