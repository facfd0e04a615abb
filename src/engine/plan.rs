//! Plans: the steps that a run would take, with their reasons, without taking them.

use std::io::{self, Read};
use std::path::Path;

use super::runner::{Runner, result};
use crate::error::Result;
use crate::events::{PlannedStep, Report};
use crate::run::batch::Rules;
use crate::run::log::disk::{LogDisk, LogFile, at_log};
use crate::run::log::files::LogFiles;
use crate::run::outcome::Undone;
use crate::run::retry::RetryPolicy;
use crate::run::task::Goal;
use crate::sys::file::open_regular;
use crate::types::{MboxName, UserId};

/// Plans what a client would do. Each method passes the steps to `each`, task by task, and takes
/// none of them: the replica only receives queries. Locks are taken as in a real run. The plan
/// assumes that earlier renames and deletes have been done. For a mailbox that would be sent, all
/// records are compared, so that the plan shows whether it would be repaired. It is unknown which
/// message files would be sent, because a replica only reports the missing ones when it reserves
/// the others.
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
    /// the entries that cannot be planned.
    ///
    /// # Errors
    /// Like [`Client::process_log`](super::Client::process_log), except that a lost connection is
    /// not made again.
    pub fn log(
        &mut self,
        log: impl Read,
        each: &mut dyn FnMut(&PlannedStep),
    ) -> Result<Vec<Undone>> {
        let goals = self.runner.goals_of(log, "plan")?;
        let rules = self.rules();
        self.runner.log(goals, rules, Some(each))
    }

    /// Plans what [`Client::roll`](super::Client::roll) would do with the entries that are now
    /// logged to the client's channel, and those that an earlier client has left. The logs stay as
    /// they are.
    ///
    /// # Errors
    /// Like [`Planner::log`].
    pub fn channel(&mut self, each: &mut dyn FnMut(&PlannedStep)) -> Result<Vec<Undone>> {
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

    /// Plans what [`Client::sync_users`](super::Client::sync_users) would do. `ended` receives the
    /// result of the planning for every user.
    ///
    /// # Errors
    /// Like [`Client::sync_users`](super::Client::sync_users), except that a lost connection is not
    /// made again.
    pub fn users(
        &mut self,
        users: &mut dyn Iterator<Item = UserId>,
        only_meta: bool,
        each: &mut dyn FnMut(&PlannedStep),
        ended: &mut dyn FnMut(&UserId, &Result<()>),
    ) -> Result<()> {
        let goals = users.map(|user| if only_meta { Goal::Meta(user) } else { Goal::User(user) });
        let mut settled = |goal: &Goal, undone| {
            if let Goal::User(user) | Goal::Meta(user) = goal {
                ended(user, &result(undone));
            }
        };
        let rules = Rules { lost_ends_all: false, ..self.rules() };
        self.runner.batch(Box::new(goals), rules, Some(each), &mut settled)
    }

    /// Plans what [`Client::sync_mailboxes`](super::Client::sync_mailboxes) would do.
    ///
    /// # Errors
    /// Like [`Client::sync_mailboxes`](super::Client::sync_mailboxes), except that a lost
    /// connection is not made again.
    pub fn mailboxes(
        &mut self,
        names: &[MboxName],
        each: &mut dyn FnMut(&PlannedStep),
    ) -> Result<()> {
        let mut ended = Ok(());
        let mut settled = |_: &Goal, undone| ended = result(undone);
        let goal = Goal::Mailboxes(names.to_vec());
        let rules = self.rules();
        self.runner.batch(Box::new([goal].into_iter()), rules, Some(each), &mut settled)?;
        ended
    }

    /// Plans what [`Client::sync_all`](super::Client::sync_all) would do. `ended` receives the
    /// result of the planning for every task.
    ///
    /// # Errors
    /// Like [`Client::sync_all`](super::Client::sync_all), except that a lost connection is not
    /// made again.
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
        let policy = RetryPolicy { connect: None, reconnect: None, again: false };
        Rules { policy, ..self.runner.rules() }
    }
}
