//! Carries out the steps of [`meta`]: all are written before the first reply is awaited.

use super::care::begin_or_keep;
use super::remote::RemoteUser;
use super::{Failures, Syncer, commands, meta, over, user_subject};
use crate::dlist::Writer;
use crate::error::{Error, Kind, Result, Subject};
use crate::replica::Verb;
use crate::types::{Annotation, MboxName, QUOTA_RESOURCES, Quota, Text, UserId};
use meta::Step;

/// A quota root that mailboxes name.
#[derive(Debug)]
pub(super) struct NamedRoot {
    pub root: Text,
    /// One of them that lies where it applies. Cyrus takes a root from those mailboxes before
    /// it deletes it (`mboxlist_unsetquota`); others may keep its name after a rename.
    pub by_its_own: Option<MboxName>,
}

/// Refuses limits that do not fit into the 32 bits of the protocol: the replica would take their
/// lower half for the limit, and mail would bounce there one day.
fn sendable(quota: Quota) -> Result<Quota> {
    for (name, limit) in QUOTA_RESOURCES.iter().zip(quota.limits) {
        let Some(limit) = limit.filter(|limit| u32::try_from(*limit).is_err()) else { continue };
        let detail = format!("its {name} limit {limit} is higher than replication can tell");
        let root = quota.root.to_string();
        return Err(Error::new(Kind::Unsupported, "replicate quota", root, detail)
            .hint(format!("set a limit of at most {}, or none", u32::MAX)));
    }
    Ok(quota)
}

impl Syncer<'_> {
    /// Replicates seen state, subscriptions and sieve scripts of a user (`sync_do_meta`).
    pub fn meta(&mut self, user: &UserId) -> Result<()> {
        self.meta_alone(user).map_err(|error| over(user_subject(user), error))
    }

    fn meta_alone(&mut self, user: &UserId) -> Result<()> {
        let _lock = self.store.sync_lock(&self.settings.server, Some(user), self.settings.wait)?;
        self.action(format!("META {user}"));
        self.check_owner(user)?;
        let ticket = self.replica.submit(Verb::Get, &mut |w| commands::named(w, "META", user))?;
        let remote = match self.replica.wait(ticket) {
            Ok(reply) => RemoteUser::from_reply(reply)?,
            Err(error) if error.kind() == Kind::ReplicaNoMailbox => RemoteUser::default(),
            Err(error) => return Err(error),
        };
        let mut failures = Failures::default();
        let steps = self.user_steps(user, &remote, &mut failures)?;
        self.apply_steps(user, steps, &mut failures)?;
        failures.into_result(user_subject(user))
    }

    /// What to do about subscriptions, sieve scripts and seen state. What of it cannot be read
    /// here is left as it is there, and kept in `failures`.
    pub(super) fn user_steps(
        &mut self,
        user: &UserId,
        theirs: &RemoteUser,
        failures: &mut Failures,
    ) -> Result<Vec<Step>> {
        let ours = self.store.subscriptions(user);
        let subscriptions = ours.map(|ours| meta::subscriptions(&ours, &theirs.subscriptions));
        let scripts = self.sieve_steps(user, &theirs.sieve);
        let seen = self.store.seen(user).map(|ours| meta::seen(ours, &theirs.seen));
        let read = [("SUB", subscriptions), ("SIEVE", scripts), ("SEEN", seen)];
        let mut all = Vec::new();
        for (what, steps) in read {
            match steps {
                Ok(steps) => all.extend(steps),
                Err(error) => failures.keep(
                    self,
                    Subject::item(format!("{what} {user}").into_bytes()),
                    error,
                )?,
            }
        }
        Ok(all)
    }

    /// What to do about the quota roots that the master's mailboxes name.
    pub(super) fn quota_steps(
        &self,
        roots: Vec<NamedRoot>,
        theirs: &[Quota],
        failures: &mut Failures,
    ) -> Result<Vec<Step>> {
        let mut ours = Vec::with_capacity(roots.len());
        for NamedRoot { root, by_its_own } in roots {
            let quota = match self.store.quota(&root) {
                Ok(None) => self.lost(&root, by_its_own.as_ref()).map(|()| None),
                Ok(Some(quota)) => sendable(quota).map(Some),
                quota => quota,
            };
            match quota {
                Ok(quota) => ours.push((root, quota)),
                Err(error) => failures.keep(
                    self,
                    Subject::item(format!("QUOTA {root}").into_bytes()),
                    error,
                )?,
            }
        }
        let mut steps = meta::quotas(&ours, theirs);
        if !failures.is_empty() {
            // A mailbox that could not be opened may be the one that names the root.
            steps.retain(|step| !matches!(step, Step::DeleteQuota(_)));
        }
        Ok(steps)
    }

    /// An error if a quota root without a record should have one: if the mailbox still names it.
    fn lost(&self, root: &Text, named_by: Option<&MboxName>) -> Result<()> {
        let Some(name) = named_by else { return Ok(()) };
        let mailbox = match self.store.open(name) {
            Err(error) if error.kind() == Kind::NotFound => return Ok(()),
            opened => opened?,
        };
        if mailbox.state().quotaroot.as_ref() != Some(root) {
            return Ok(());
        }
        let detail = format!("cyrus.header of {name} names it, but there is no record of it");
        Err(Error::new(Kind::Corrupt, "read quota", root.to_string(), detail)
            .hint("restore the record, or run quota -f: the mailboxes then have no quota"))
    }

    /// Brings over the limits of those of these quota roots that belong to no user: here or there
    /// shared mailboxes name them. Cyrus's client does so only for users and when its log says so.
    pub(super) fn shared_quotas(
        &mut self,
        mut roots: Vec<NamedRoot>,
        failures: &mut Failures,
    ) -> Result<()> {
        let is_shared = |root: &Text| self.names.owner(&MboxName::new(root.as_bytes())).is_none();
        roots.retain(|named| is_shared(&named.root));
        // Of the same twice the one that tells more.
        roots.sort_by(|a, b| (&a.root, &b.by_its_own).cmp(&(&b.root, &a.by_its_own)));
        roots.dedup_by(|later, earlier| later.root == earlier.root);
        let mut tickets = Vec::with_capacity(roots.len());
        for root in roots.iter().map(|named| &named.root) {
            let ask = |w: &mut Writer<'_>| commands::named(w, "QUOTA", root);
            tickets.push(self.replica.submit(Verb::Get, &mut { ask })?);
        }
        let mut theirs = Vec::new();
        for ticket in tickets {
            theirs.extend(super::remote::quota_reply(self.replica.wait(ticket)?)?);
        }
        let steps = self.quota_steps(roots, &theirs, failures)?;
        self.apply_steps(&UserId::default(), steps, failures)
    }

    /// Writes all steps, then awaits all replies. A step that fails does not stop the others.
    pub(super) fn apply_steps(
        &mut self,
        user: &UserId,
        steps: Vec<Step>,
        failures: &mut Failures,
    ) -> Result<()> {
        let mut tickets = Vec::with_capacity(steps.len());
        for step in steps {
            let subject = Subject::item(step.line(user).into_bytes());
            let content = match &step {
                Step::UploadSieve(script) => self.store.sieve_content(user, &script.name),
                _ => Ok(Vec::new()),
            };
            let content = match content {
                Ok(content) => content,
                Err(error) => {
                    failures.keep(self, &subject, error)?;
                    continue;
                }
            };
            if !begin_or_keep(self, &subject, failures)? {
                continue;
            }
            self.action(step.line(user));
            let ticket = self
                .replica
                .submit(Verb::Apply, &mut |w| commands::step(w, user, &step, &content))?;
            if self.is_careful() {
                let done = self.replica.wait(ticket);
                done.map(drop).or_else(|error| failures.keep(self, &subject, error))?;
                self.end();
                continue;
            }
            tickets.push((subject, ticket));
        }
        for (subject, ticket) in tickets {
            if let Err(error) = self.replica.wait(ticket) {
                failures.keep(self, &subject, error)?;
            }
        }
        Ok(())
    }

    /// Replicates the annotations of the server (`None`) or of one mailbox without its records
    /// (`sync_do_annotation`).
    pub fn annotations(&mut self, mailbox: Option<&MboxName>) -> Result<()> {
        let owner = mailbox.and_then(|name| self.names.owner(name));
        let server = &self.settings.server;
        let _lock = self.store.sync_lock(server, owner.as_ref(), self.settings.wait)?;
        let name = mailbox.cloned().unwrap_or_default();
        let ticket =
            self.replica.submit(Verb::Get, &mut |w| commands::named(w, "ANNOTATION", &name))?;
        let theirs = super::remote::annotations_reply(self.replica.wait(ticket)?)?;
        let ours = self.store.annotations(mailbox)?;
        let key = |a: &Annotation| (a.entry.clone(), a.userid.clone());
        let mut tickets = Vec::new();
        for gone in theirs.iter().filter(|a| !ours.iter().any(|o| key(o) == key(a))) {
            let line = format!("UNANNOTATION {name} {} {}", gone.entry, gone.userid);
            self.action_on(&name, &line);
            let ticket = self
                .replica
                .submit(Verb::Apply, &mut |w| commands::unannotation(w, &name, gone))?;
            tickets.push((line, ticket));
        }
        let same = |a: &Annotation, b: &Annotation| key(a) == key(b) && a.value == b.value;
        for changed in ours.iter().filter(|a| !theirs.iter().any(|t| same(t, a))) {
            let line = format!("ANNOTATION {name} {} {}", changed.entry, changed.userid);
            self.action_on(&name, &line);
            let ticket = self
                .replica
                .submit(Verb::Apply, &mut |w| commands::annotation(w, &name, changed))?;
            tickets.push((line, ticket));
        }
        let mut failures = Failures::default();
        for (line, ticket) in tickets {
            if let Err(error) = self.replica.wait(ticket) {
                failures.keep(self, Subject::item(line.trim_end()), error)?;
            }
        }
        failures.into_result(
            mailbox.map_or("annotations of the server".into(), |name| {
                format!("annotations of {name}")
            }),
        )
    }
}
