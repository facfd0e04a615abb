//! Replicates once: users, mailboxes, single goals, or everything.

use std::iter;

use super::Client;
use super::runner::result;
use crate::error::Result;
use crate::events::Report;
use crate::run::batch::Rules;
use crate::run::task::Goal;
use crate::settings::RetryPolicy;
use crate::status::Expected;
use crate::types::{MboxName, UserId};

impl Client {
    /// Connects to the replica. If this fails, retries after growing pauses, unless a retry is
    /// useless: see [`Error::is_retryable`](crate::Error::is_retryable) and
    /// [`RetryPolicy::even_if_refused`]. Failures and pauses are reported to the observer.
    /// [`Cancel::wake`](super::Cancel::wake) ends a pause.
    ///
    /// # Errors
    /// [`Kind::Cancelled`](crate::Kind::Cancelled) if a stop is requested. Otherwise the error of
    /// the last attempt, if only one attempt was requested or a retry is useless.
    pub fn reach(&mut self, retry_policy: RetryPolicy) -> Result<()> {
        let mut rules = self.runner.rules();
        rules.connect = true;
        rules.policy.connect = Some(retry_policy);
        self.runner.batch(Box::new(iter::empty()), rules, None, &mut |_, _| {})
    }

    /// Replicates one user completely: mailboxes, quotas, subscriptions, Sieve scripts and seen
    /// state.
    ///
    /// # Errors
    /// The failure, with the [parts](crate::Error::parts) that failed; errors of the connection;
    /// [`Kind::Cancelled`](crate::Kind::Cancelled). If the connection was lost, it is unknown which
    /// parts are done.
    pub fn sync_user(&mut self, user: &UserId) -> Result<()> {
        self.runner.one(Goal::User(user.clone()))
    }

    /// Replicates users, like [`Client::sync_user`] or, with `only_meta`, like
    /// [`Client::sync_meta`]. With several connections, several users are replicated at the same
    /// time. `each` is called with the result of every user, in the order of `users`. A failure
    /// does not stop other users. If the connection is lost during a user, the user is retried over
    /// a new connection. Excluded users are skipped.
    ///
    /// # Errors
    /// Errors of the connection, if reconnecting fails;
    /// [`Kind::Cancelled`](crate::Kind::Cancelled).
    pub fn sync_users(
        &mut self,
        users: &mut dyn Iterator<Item = UserId>,
        only_meta: bool,
        each: &mut dyn FnMut(&UserId, &Result<()>),
    ) -> Result<()> {
        let rules = Rules { lost_ends_all: false, ..self.runner.rules() };
        let (_, most) = users.size_hint();
        let expected = Expected { users: most.map(|most| most as u64), mailboxes: None };
        self.runner.shared.observer.tally().begin(expected);
        let goals = users.map(|user| if only_meta { Goal::Meta(user) } else { Goal::User(user) });
        let mut settled = |goal: &Goal, pending| {
            if let Goal::User(user) | Goal::Meta(user) = goal {
                each(user, &result(pending));
            }
        };
        self.runner.batch(Box::new(goals), rules, None, &mut settled)
    }

    /// Replicates the named mailboxes, of any users. Many mailboxes are distributed over several
    /// connections.
    ///
    /// # Errors
    /// Like [`Client::sync_user`].
    pub fn sync_mailboxes(&mut self, names: &[MboxName]) -> Result<()> {
        let expected = Expected { users: None, mailboxes: Some(names.len() as u64) };
        self.runner.shared.observer.tally().begin(expected);
        self.runner.one(Goal::Mailboxes(names.to_vec()))
    }

    /// Replicates seen state, subscriptions and Sieve scripts of a user.
    ///
    /// # Errors
    /// Like [`Client::sync_user`].
    pub fn sync_meta(&mut self, user: &UserId) -> Result<()> {
        self.runner.one(Goal::Meta(user.clone()))
    }

    /// Replicates one goal, for example a part of a user's data. Cyrus's `sync_do_seen`,
    /// `sync_do_sub`, `sync_do_quota` and `sync_do_annotation` do the same.
    ///
    /// # Errors
    /// Like [`Client::sync_user`].
    pub fn sync_goal(&mut self, goal: Goal) -> Result<()> {
        self.runner.one(goal)
    }

    /// Replicates every user who has a mailbox whose internal name begins with `prefix`, and every
    /// shared mailbox whose name does. A user is replicated as a whole. If `prefix` is empty, the
    /// server's annotations are included. `each` is called with the result of every
    /// task. A failure does not stop other tasks. If the connection is lost during a task, the task
    /// is retried over a new connection.
    ///
    /// # Errors
    /// Errors of the connection, if reconnecting fails; [`Kind::Corrupt`](crate::Kind::Corrupt) and
    /// [`Kind::Io`](crate::Kind::Io) of mailboxes.db. Before the latter are returned, the readable
    /// part was replicated.
    pub fn sync_all(
        &mut self,
        prefix: &[u8],
        each: &mut dyn FnMut(&Goal, &Result<()>),
    ) -> Result<Report> {
        let rules = Rules { lost_ends_all: false, ..self.runner.rules() };
        self.runner.everything(prefix, rules, None, each)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::engine::Cancel;
    use crate::error::Kind;
    use crate::events::{Event, Observer};
    use crate::settings;

    /// Wakes the client in each of the first 30 pauses, and then stops it.
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
                0..30 => self.cancel.wake(),
                _ => self.cancel.finish(),
            }
        }
    }

    #[test]
    fn a_wake_up_that_comes_before_the_pause_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "configdirectory: {dir}\npartition-default: {dir}\ndefaultpartition: default\n\
             sync_host: 127.0.0.1\nsync_port: 1\n",
            dir = dir.path().display(),
        );
        let settings = settings::tests::of(&text);
        let observer = Arc::new(Impatient::default());
        let cancel = observer.cancel.clone();
        let mut client =
            Client::builder(settings).cancel(cancel).observer(observer.clone()).build().unwrap();
        // Each pause is twice as long as the previous one. So the test ends only if wake-ups end
        // the pauses.
        let error = client.reach(RetryPolicy::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Cancelled);
        assert_eq!(observer.heard.load(Ordering::Relaxed), 31);
    }
}
