//! Carries out the steps of [`meta`]: all are written before the first reply is awaited.

use super::remote::RemoteUser;
use super::{Failures, Syncer, commands, meta};
use crate::dlist::Writer;
use crate::error::{Kind, Result};
use crate::replica::Verb;
use crate::types::{Annotation, MboxName, Quota, Text, UserId};
use meta::Step;

impl Syncer<'_> {
    /// Replicates seen state, subscriptions and sieve scripts of a user (`sync_do_meta`).
    pub fn meta(&mut self, user: &UserId) -> Result<()> {
        let _lock = self.store.sync_lock(&self.settings.server, Some(user), self.settings.wait)?;
        self.action(format!("META {user}"));
        let ticket = self.replica.submit(Verb::Get, &mut |w| commands::named(w, "META", user))?;
        let remote = match self.replica.wait(ticket) {
            Ok(reply) => RemoteUser::from_reply(reply)?,
            Err(error) if error.kind() == Kind::ReplicaNoMailbox => RemoteUser::default(),
            Err(error) => return Err(error),
        };
        let mut steps = meta::seen(self.store.seen(user)?, &remote.seen);
        steps.extend(meta::subscriptions(&self.store.subscriptions(user)?, &remote.subscriptions));
        steps.extend(self.sieve_steps(user, &remote.sieve)?);
        self.apply_steps(user, steps)
    }

    pub(super) fn quota_steps(&self, roots: Vec<Text>, theirs: &[Quota]) -> Result<Vec<Step>> {
        let read = |root: Text| Ok((root.clone(), self.store.quota(&root)?));
        let ours: Vec<_> = roots.into_iter().map(read).collect::<Result<_>>()?;
        Ok(meta::quotas(&ours, theirs))
    }

    /// Brings over the limits of those of these quota roots that belong to no user: here or there
    /// shared mailboxes name them. Cyrus's client does so only for users and when its log says so.
    pub(super) fn shared_quotas(
        &mut self,
        mut roots: Vec<Text>,
        failures: &mut Failures,
    ) -> Result<()> {
        roots.retain(|root| self.names.owner(&MboxName::new(root.as_bytes())).is_none());
        roots.sort();
        roots.dedup();
        let mut tickets = Vec::with_capacity(roots.len());
        for root in &roots {
            let ask = |w: &mut Writer<'_>| commands::named(w, "QUOTA", root);
            tickets.push(self.replica.submit(Verb::Get, &mut { ask })?);
        }
        let mut theirs = Vec::new();
        for ticket in tickets {
            theirs.extend(super::remote::quota_reply(self.replica.wait(ticket)?)?);
        }
        let steps = self.quota_steps(roots, &theirs)?;
        let failed = self.carry_out(&UserId::default(), steps)?;
        failures.0.extend(failed.0);
        Ok(())
    }

    /// Writes all steps, then awaits all replies. A step that fails does not stop the others.
    pub(super) fn apply_steps(&mut self, user: &UserId, steps: Vec<Step>) -> Result<()> {
        self.carry_out(user, steps)?.into_result(super::user_subject(user))
    }

    fn carry_out(&mut self, user: &UserId, steps: Vec<Step>) -> Result<Failures> {
        let mut failures = Failures::default();
        let mut tickets = Vec::with_capacity(steps.len());
        for step in steps {
            let subject = MboxName::from(step.line(user).into_bytes());
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
            self.action(step.line(user));
            let ticket = self
                .replica
                .submit(Verb::Apply, &mut |w| commands::step(w, user, &step, &content))?;
            tickets.push((subject, ticket));
        }
        for (subject, ticket) in tickets {
            if let Err(error) = self.replica.wait(ticket) {
                failures.keep(self, &subject, error)?;
            }
        }
        Ok(failures)
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
            self.action(format!("UNANNOTATION {name} {} {}", gone.entry, gone.userid));
            tickets.push(
                self.replica
                    .submit(Verb::Apply, &mut |w| commands::unannotation(w, &name, gone))?,
            );
        }
        let same = |a: &Annotation, b: &Annotation| key(a) == key(b) && a.value == b.value;
        for changed in ours.iter().filter(|a| !theirs.iter().any(|t| same(t, a))) {
            self.action(format!("ANNOTATION {name} {} {}", changed.entry, changed.userid));
            tickets.push(
                self.replica
                    .submit(Verb::Apply, &mut |w| commands::annotation(w, &name, changed))?,
            );
        }
        self.wait_all(tickets)
    }
}
