//! Replicates once what the caller names: users, mailboxes, single items, everything.

use std::iter;

use super::Client;
use super::runner::result;
use crate::error::Result;
use crate::events::Report;
use crate::run::batch::Rules;
use crate::run::task::Goal;
use crate::settings::Persistence;
use crate::status::Expected;
use crate::types::{MboxName, UserId};

impl Client {
    /// Connects, and tries again after growing pauses as long as that may help: see
    /// [`Error::is_final`](crate::Error::is_final) and [`Persistence::even_if_refused`]. Every
    /// failure and pause is reported to the observer. [`Cancel::wake`](super::Cancel::wake) ends
    /// a pause.
    ///
    /// # Errors
    /// [`Kind::Cancelled`](crate::Kind::Cancelled) if asked to stop meanwhile; otherwise the reason
    /// for the missing connection, if only one attempt was requested or no further attempt can
    /// help.
    pub fn reach(&mut self, persistence: Persistence) -> Result<()> {
        let mut rules = self.runner.rules();
        rules.connect = true;
        rules.policy.connect = Some(persistence);
        self.runner.batch(Box::new(iter::empty()), rules, None, &mut |_, _| {})
    }

    /// Replicates one user with all mailboxes, quotas, subscriptions, sieve scripts, seen state.
    pub fn sync_user(&mut self, user: &UserId) -> Result<()> {
        self.runner.one(Goal::User(user.clone()))
    }

    /// Replicates users like [`Client::sync_user`], or like [`Client::sync_meta`] with `only_meta`:
    /// several at the same time if there are several connections. `each` receives the result of
    /// every user, in the order of `users`; a failure stops no other user. If the connection is
    /// lost over a user, that user is tried once more over a new one. Excluded users are skipped.
    ///
    /// # Errors
    /// Those of the connection, if it cannot be made again;
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
        let mut settled = |goal: &Goal, undone| {
            if let Goal::User(user) | Goal::Meta(user) = goal {
                each(user, &result(undone));
            }
        };
        self.runner.batch(Box::new(goals), rules, None, &mut settled)
    }

    /// Replicates the named mailboxes, of any users; many mailboxes go over several connections.
    pub fn sync_mailboxes(&mut self, names: &[MboxName]) -> Result<()> {
        let expected = Expected { users: None, mailboxes: Some(names.len() as u64) };
        self.runner.shared.observer.tally().begin(expected);
        self.runner.one(Goal::Mailboxes(names.to_vec()))
    }

    /// Replicates seen state, subscriptions and sieve scripts of a user.
    pub fn sync_meta(&mut self, user: &UserId) -> Result<()> {
        self.runner.one(Goal::Meta(user.clone()))
    }

    /// Replicates one goal, for example a part of a user's data, as Cyrus's `sync_do_seen`,
    /// `sync_do_sub`, `sync_do_quota` and `sync_do_annotation` do.
    pub fn sync_goal(&mut self, goal: Goal) -> Result<()> {
        self.runner.one(goal)
    }

    /// Replicates every user and every shared mailbox whose name begins with `prefix`, and, if
    /// `prefix` is empty, the server's annotations too. `each` receives the result of every task; a
    /// failure stops no other task. A task that loses the connection is tried once more over a new
    /// one.
    ///
    /// # Errors
    /// Those of the connection, if they persist; [`Kind::Corrupt`](crate::Kind::Corrupt) and
    /// [`Kind::Io`](crate::Kind::Io) of mailboxes.db, after everything that could be read from it
    /// was replicated.
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
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::engine::Cancel;
    use crate::error::Kind;
    use crate::events::{Event, Observer};
    use crate::settings;

    /// Wakes the client in every pause, and finally cancels it.
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
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let text = format!(
            "configdirectory: {dir}\npartition-default: {dir}\ndefaultpartition: default\n\
             sync_host: 127.0.0.1\nsync_port: {port}\n",
            dir = dir.path().display(),
            port = closed.port(),
        );
        let settings = settings::tests::of(&text);
        let observer = Arc::new(Impatient::default());
        let cancel = observer.cancel.clone();
        let mut client = Client::new(settings, cancel, observer.clone()).unwrap();
        // Each pause is twice as long as the one before: without wakes the test would never end.
        let error = client.reach(Persistence::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Cancelled);
        assert_eq!(observer.heard.load(Ordering::Relaxed), 31);
    }
}
