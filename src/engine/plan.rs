//! Plans: reports what a run would do and why, without doing it.

use std::io::{self, Read};
use std::path::Path;

use super::runner::{Runner, result};
use crate::error::Result;
use crate::events::{PlannedStep, Report};
use crate::run::batch::Rules;
use crate::run::log::disk::{LogDisk, LogFile, at_log};
use crate::run::log::files::LogFiles;
use crate::run::outcome::Pending;
use crate::run::retry::Retries;
use crate::run::task::Goal;
use crate::sys::file::open_regular;
use crate::types::{MboxName, UserId};

/// Plans what a client would do. Each method passes the planned steps to `each`, task by task. No
/// step is carried out: the replica only receives queries. Locks are taken like in a real run. The
/// plan assumes that earlier renames and deletes have been done. For a mailbox that would be sent,
/// all records are compared, so that the plan shows whether it would be repaired. The plan does not
/// show which message files would be sent, because a replica only reports missing files when it
/// reserves the others.
///
/// ```no_run
/// # fn of(mut client: cyrsync::Client) -> cyrsync::Result<()> {
/// client.planner().mailboxes(&["shared".into()], &mut |step| println!("{}", step.line))?;
/// # Ok(())
/// # }
/// ```
pub struct Planner<'c> {
    pub(super) runner: &'c mut Runner,
    /// The sync log of the channel.
    pub(super) log: &'c Path,
}

impl Planner<'_> {
    /// Plans what [`Client::process_log`](super::Client::process_log) would do with a log. Returns
    /// the entries that could not be planned.
    ///
    /// # Errors
    /// Like [`Client::process_log`](super::Client::process_log). Also fails if the connection is
    /// lost, because a plan does not reconnect.
    pub fn log(
        &mut self,
        log: impl Read,
        each: &mut dyn FnMut(&PlannedStep),
    ) -> Result<Vec<Pending>> {
        let goals = self.runner.goals_of(log, "plan")?;
        let rules = self.rules();
        self.runner.log(goals, rules, Some(each))
    }

    /// Plans what [`Client::roll`](super::Client::roll) would do with the current entries of the
    /// client's channel, and with those that an earlier client has left behind. The logs are not
    /// changed.
    ///
    /// # Errors
    /// Like [`Planner::log`].
    pub fn channel(&mut self, each: &mut dyn FnMut(&PlannedStep)) -> Result<Vec<Pending>> {
        let files = LogFiles::new(self.log);
        let mut logged: Box<dyn Read> = Box::new(io::empty());
        for path in [LogFile::Work, LogFile::Log].map(|file| files.path(file)) {
            match open_regular(path) {
                Ok((file, _)) => logged = Box::new(logged.chain(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(at_log("open", path, error)),
            }
        }
        self.log(logged, each)
    }

    /// Plans what [`Client::sync_users`](super::Client::sync_users) would do. `ended` is called for
    /// each user with the result of planning.
    ///
    /// # Errors
    /// Like [`Client::sync_users`](super::Client::sync_users), except that there is only one
    /// attempt to reconnect. If the connection is lost, the current user fails and is not retried.
    pub fn users(
        &mut self,
        users: &mut dyn Iterator<Item = UserId>,
        only_meta: bool,
        each: &mut dyn FnMut(&PlannedStep),
        ended: &mut dyn FnMut(&UserId, &Result<()>),
    ) -> Result<()> {
        let goals = users.map(|user| if only_meta { Goal::Meta(user) } else { Goal::User(user) });
        let mut settled = |goal: &Goal, pending| {
            if let Goal::User(user) | Goal::Meta(user) = goal {
                ended(user, &result(pending));
            }
        };
        let rules = Rules { lost_ends_all: false, ..self.rules() };
        self.runner.batch(Box::new(goals), rules, Some(each), &mut settled)
    }

    /// Plans what [`Client::sync_mailboxes`](super::Client::sync_mailboxes) would do.
    ///
    /// # Errors
    /// Like [`Client::sync_mailboxes`](super::Client::sync_mailboxes). Also fails if the connection
    /// is lost, because a plan does not reconnect.
    pub fn mailboxes(
        &mut self,
        names: &[MboxName],
        each: &mut dyn FnMut(&PlannedStep),
    ) -> Result<()> {
        let mut ended = Ok(());
        let mut settled = |_: &Goal, pending| ended = result(pending);
        let goal = Goal::Mailboxes(names.to_vec());
        let rules = self.rules();
        self.runner.batch(Box::new([goal].into_iter()), rules, Some(each), &mut settled)?;
        ended
    }

    /// Plans what [`Client::sync_all`](super::Client::sync_all) would do. `ended` is called for
    /// each task with the result of planning.
    ///
    /// # Errors
    /// Like [`Client::sync_all`](super::Client::sync_all). Also fails if the connection is lost,
    /// because a plan does not reconnect.
    pub fn all(
        &mut self,
        prefix: &[u8],
        each: &mut dyn FnMut(&PlannedStep),
        ended: &mut dyn FnMut(&Goal, &Result<()>),
    ) -> Result<Report> {
        let rules = self.rules();
        self.runner.everything(prefix, rules, Some(each), ended)
    }

    fn rules(&self) -> Rules {
        let policy = Retries { connect: None, reconnect: None, again: false, config_ends: false };
        Rules { policy, ..self.runner.rules() }
    }
}
