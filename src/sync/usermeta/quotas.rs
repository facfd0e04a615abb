//! Replicates the quota roots that the master's mailboxes name.

use super::apply::apply_steps;
use super::plan::{self, Step};
use crate::error::{Error, Kind, Result, Subject};
use crate::protocol::Command;
use crate::sync::failures::Failures;
use crate::sync::pass::Pass;
use crate::types::{MboxName, QUOTA_RESOURCES, Quota, Text, UserId};

/// A quota root that mailboxes name.
#[derive(Debug)]
pub(crate) struct NamedRoot {
    /// Its name.
    pub root: Text,
    /// A mailbox below the root that names it. Before Cyrus deletes a root, it removes the root
    /// from these mailboxes (`mboxlist_unsetquota`). Mailboxes elsewhere may still name it after a
    /// rename.
    pub by_its_own: Option<MboxName>,
}

/// Refuses limits that do not fit into the 32 bits of the protocol. The replica would use their
/// lower half as the limit, and would then bounce mail.
fn sendable(quota: Quota) -> Result<Quota> {
    for (name, limit) in QUOTA_RESOURCES.iter().zip(quota.limits) {
        let Some(limit) = limit.filter(|limit| u32::try_from(*limit).is_err()) else { continue };
        let detail = format!("its {name} limit {limit} is higher than replication can tell");
        let root = Subject::item(quota.root.clone());
        return Err(Error::new(Kind::Unsupported, "replicate quota", root, detail)
            .hint(format!("set a limit of at most {}, or none", u32::MAX)));
    }
    Ok(quota)
}

/// Plans the steps for the quota roots that the master's mailboxes name.
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
        // The mailbox that names the root may be one of those that could not be opened.
        steps.retain(|step| !matches!(step, Step::DeleteQuota(_)));
    }
    Ok(steps)
}

/// Called for a quota root that has no record. Fails if the mailbox `named_by` still names this
/// root in its cyrus.header.
fn lost(pass: &Pass<'_>, root: &Text, named_by: Option<&MboxName>) -> Result<()> {
    let Some(name) = named_by else { return Ok(()) };
    let mailbox = match pass.store.open(name) {
        Err(error) if error.kind() == Kind::NotFound => return Ok(()),
        opened => opened?,
    };
    if mailbox.state().quotaroot.as_ref() != Some(root) {
        return Ok(());
    }
    let detail = format!("cyrus.header of {name} names it, but there is no record of it");
    Err(Error::new(Kind::Corrupt, "read quota", Subject::item(root.clone()), detail)
        .hint("restore the record, or run quota -f: the mailboxes then have no quota"))
}

/// Replicates the limits of the quota roots that belong to no user, if shared mailboxes on either
/// side name them. Cyrus's client only replicates roots of users, and others only if the log names
/// them.
pub(crate) fn shared_quotas(
    pass: &mut Pass<'_>,
    mut roots: Vec<NamedRoot>,
    failures: &mut Failures,
) -> Result<()> {
    let is_shared = |root: &Text| pass.names.owner(&MboxName::new(root.as_bytes())).is_none();
    roots.retain(|named| is_shared(&named.root));
    // If a root occurs twice, keep the entry with more information.
    roots.sort_by(|a, b| (&a.root, &b.by_its_own).cmp(&(&b.root, &a.by_its_own)));
    roots.dedup_by(|later, earlier| later.root == earlier.root);
    let mut tickets = Vec::with_capacity(roots.len());
    for root in roots.iter().map(|named| &named.root) {
        tickets.push(pass.session.submit(Command::GetQuota(root))?);
    }
    let mut theirs = Vec::new();
    for ticket in tickets {
        theirs.extend(pass.session.wait(ticket)?.into_quota()?);
    }
    let steps = quota_steps(pass, roots, &theirs, failures)?;
    apply_steps(pass, &UserId::default(), steps, failures)
}
