//! What a caller wants to have replicated, once: users, mailboxes, pieces, everything.

use super::Client;
use crate::error::Result;
use crate::run::batch::{Batch, Rules};
use crate::run::env::Driver;
use crate::run::everything;
use crate::run::options::Persistence;
use crate::run::outcome::{Report, Undone};
use crate::run::plan::OnStep;
use crate::run::real::{OnSettled, Real};
use crate::run::retry::RetryPolicy;
use crate::run::task::Goal;
use crate::run::worker::Shared;
use crate::types::{MboxName, Text, UniqueId, UserId};

impl Client {
    /// Connects, and tries again after growing pauses as long as that may help: see
    /// [`Error::is_final`](crate::Error::is_final) and [`Persistence::even_if_refused`]. Every
    /// failure and pause is reported to the observer. [`Cancel::nudge`](super::Cancel::nudge) ends a
    /// pause.
    ///
    /// # Errors
    /// [`Kind::Cancelled`](crate::Kind::Cancelled) if asked to stop meanwhile; else why there is no
    /// connection, if it was to be tried once or will not get better.
    pub fn reach(&mut self, persistence: Persistence) -> Result<()> {
        let mut rules = self.rules();
        rules.connect = true;
        rules.policy.connect = Some(persistence);
        self.batch(Vec::new(), rules, None, &mut |_, _| {})
    }

    /// Replicates one user with all mailboxes, quotas, subscriptions, sieve scripts, seen state.
    pub fn sync_user(&mut self, user: &UserId) -> Result<()> {
        self.one(Goal::User(user.clone()))
    }

    /// Replicates the named mailboxes, of whichever users.
    pub fn sync_mailboxes(&mut self, names: &[MboxName]) -> Result<()> {
        self.one(Goal::Mailboxes(names.to_vec()))
    }

    /// Replicates seen state, subscriptions and sieve scripts of a user.
    pub fn sync_meta(&mut self, user: &UserId) -> Result<()> {
        self.one(Goal::Meta(user.clone()))
    }

    /// Replicates what a user has seen of a mailbox (`sync_do_seen`).
    pub fn sync_seen(&mut self, user: &UserId, mailbox: &UniqueId) -> Result<()> {
        self.one(Goal::Seen(user.clone(), mailbox.clone()))
    }

    /// Replicates whether a user is subscribed to a mailbox (`sync_do_sub`).
    pub fn sync_subscription(&mut self, user: &UserId, mailbox: &MboxName) -> Result<()> {
        self.one(Goal::Subscription(user.clone(), mailbox.clone()))
    }

    /// Replicates the limits of a quota root (`sync_do_quota`).
    pub fn sync_quota(&mut self, root: &Text) -> Result<()> {
        self.one(Goal::Quota(root.clone()))
    }

    /// Replicates the annotations of a mailbox, or those of the server (`sync_do_annotation`).
    pub fn sync_annotations(&mut self, mailbox: Option<&MboxName>) -> Result<()> {
        self.one(Goal::Annotations(mailbox.cloned()))
    }

    /// Replicates every user and every shared mailbox whose name begins with `prefix`, and
    /// without one the server's annotations too. `each` hears how every task ended; a failure
    /// stops no other. A task that loses the connection is tried once more over a new one.
    ///
    /// # Errors
    /// Those of the connection, if they stay; [`Kind::Corrupt`](crate::Kind::Corrupt) and
    /// [`Kind::Io`](crate::Kind::Io) of mailboxes.db, after all that could be found in it was
    /// replicated.
    pub fn sync_all(
        &mut self,
        prefix: &[u8],
        each: &mut dyn FnMut(&Goal, &Result<()>),
    ) -> Result<Report> {
        let rules = Rules { lost_ends_all: false, ..self.rules() };
        self.everything(prefix, rules, None, each)
    }

    /// Has a batch made of all that has names that begin with `prefix`.
    pub(super) fn everything(
        &mut self,
        prefix: &[u8],
        rules: Rules,
        plan: Option<&mut OnStep<'_>>,
        each: &mut dyn FnMut(&Goal, &Result<()>),
    ) -> Result<Report> {
        let Shared { store, names, .. } = &self.shared;
        let (goals, unlisted) = everything::goals(store.as_ref(), names, prefix);
        let mut report = Report::default();
        let mut settled = |goal: &Goal, undone| {
            let result = result(undone);
            report.count(&result);
            each(goal, &result);
        };
        self.batch(goals, rules, plan, &mut settled)?;
        unlisted.map_or(Ok(report), Err)
    }

    /// Does one task.
    fn one(&mut self, goal: Goal) -> Result<()> {
        let mut ended = Ok(());
        let mut settled = |_: &Goal, undone| ended = result(undone);
        self.batch(vec![goal], self.rules(), None, &mut settled)?;
        ended
    }

    /// How a batch of this client works, unless a mode wants something else.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            policy: RetryPolicy { connect: None, reconnect: self.reconnect, again: true },
            lost_ends_all: true,
            release: false,
            connect: false,
            workers: 1,
            is_open: self.worker.is_open(),
        }
    }

    /// Does tasks, one after the other, and gives how each ended to `settled`.
    pub(super) fn batch(
        &mut self,
        goals: Vec<Goal>,
        rules: Rules,
        plan: Option<&mut OnStep<'_>>,
        settled: &mut OnSettled<'_>,
    ) -> Result<()> {
        let Client { shared, worker, .. } = self;
        let batch = Batch::new(goals, rules, &shared.names, &shared.settings.server);
        let mut env = Real::new(shared, worker, plan.map(|each| each as _), settled);
        Driver::new(batch).run(&mut env, None)
    }
}

/// The result of a task that is not one of a log: it fails as a whole.
fn result(undone: Vec<Undone>) -> Result<()> {
    undone.into_iter().next().map_or(Ok(()), |undone| Err(undone.error))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::config::Config;
    use crate::engine::{Cancel, Options};
    use crate::error::Kind;
    use crate::events::{Event, Observer};

    /// Nudges while nothing waits, and at last has it end.
    #[derive(Default)]
    struct Impatient {
        cancel: Cancel,
        heard: AtomicU32,
    }

    impl Observer for Impatient {
        fn event(&self, event: &Event) {
            if !matches!(event, Event::Unreachable { .. }) {
                return;
            }
            match self.heard.fetch_add(1, Ordering::Relaxed) {
                0..30 => self.cancel.nudge(),
                _ => self.cancel.finish(),
            }
        }
    }

    #[test]
    fn a_nudge_that_comes_before_the_pause_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let text = format!(
            "configdirectory: {dir}\npartition-default: {dir}\ndefaultpartition: default\n\
             sync_host: 127.0.0.1\nsync_port: {port}\n",
            dir = dir.path().display(),
            port = closed.port(),
        );
        let config = Config::from_text(text.as_bytes(), "test").unwrap();
        let observer = Arc::new(Impatient::default());
        let options = Options { cancel: observer.cancel.clone(), ..Options::default() };
        let mut client = Client::new(config, options, observer.clone()).unwrap();
        // Each pause is twice as long as the one before: all of them take longer than a life.
        let error = client.reach(Persistence::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Cancelled);
        assert_eq!(observer.heard.load(Ordering::Relaxed), 31);
    }
}
