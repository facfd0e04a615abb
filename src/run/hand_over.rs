//! What is known of the channel's log and work file, and what is under way there. Pure.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use super::log::channel::{Kept, Taken};
use super::log::read::Logged;
use super::step::{Action, LogAction, Moment};
use crate::error::Result;
use crate::events::RunEvent;

/// After so long a work file of another client is taken for one that was left behind.
const ADOPT: Duration = Duration::from_secs(600);

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Busy {
    Taking,
    Lending,
    Reading,
    Noting,
    GivingBack,
}

/// How the take-over of a log ended.
#[derive(Debug, PartialEq, Eq)]
pub enum TakeOver {
    /// It goes on.
    Goes,
    /// There is nothing to take over.
    Nothing,
    /// These were logged, and are in the work file now.
    Entries(Logged),
}

/// The log of a channel, as the daemon knows it.
#[derive(Debug)]
pub struct HandOver {
    /// The work file, for messages.
    path: PathBuf,
    busy: Option<Busy>,
    /// What the work file holds, or means.
    noted: Vec<u8>,
    /// What it will hold when it is noted.
    noting: Vec<u8>,
    /// Whether there is a work file of ours.
    exists: bool,
    /// Whether all that is not done is in the log, for the work file is another client's.
    lent: bool,
    /// Since when it is.
    others: Option<Moment>,
    /// Whether the work file holds what was not read yet: then nothing may take its place.
    unread: bool,
    /// Where in it is what is queued already.
    own: Range<u64>,
}

impl HandOver {
    /// A channel that was not looked at yet: its work file, at `path`, may hold something.
    pub fn new(path: PathBuf) -> HandOver {
        HandOver {
            path,
            busy: None,
            noted: Vec::new(),
            noting: Vec::new(),
            exists: false,
            lent: false,
            others: None,
            unread: true,
            own: 0..0,
        }
    }

    /// Whether something is under way.
    pub fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    /// Whether what is not done is in the log already.
    pub fn is_lent(&self) -> bool {
        self.lent
    }

    /// Begins to read what an earlier client left behind.
    pub fn read_first(&mut self) -> LogAction {
        self.read(true)
    }

    fn read(&mut self, reprocess: bool) -> LogAction {
        self.busy = Some(Busy::Reading);
        LogAction::Read { own: self.own.clone(), reprocess }
    }

    /// Begins to take over what was logged. `undone` is all that is not done.
    pub fn take(&mut self, undone: Vec<u8>) -> LogAction {
        if self.unread {
            return self.read(false);
        }
        self.busy = Some(Busy::Taking);
        LogAction::Take(if self.lent { Vec::new() } else { undone })
    }

    /// The log was taken over, or not.
    pub fn taken(
        &mut self,
        taken: Result<Taken>,
        undone: Vec<u8>,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Result<TakeOver> {
        self.busy = None;
        match taken? {
            Taken::Nothing => Ok(TakeOver::Nothing),
            Taken::Others if self.lent => Ok(self.wait_for_others(now, out)),
            Taken::Others => {
                self.busy = Some(Busy::Lending);
                if undone.is_empty() {
                    return self.put_back(Ok(()), now, out);
                }
                out.push(Action::Log(LogAction::PutBack(undone)));
                Ok(TakeOver::Goes)
            }
            Taken::Work(own) => {
                self.own = own;
                self.unread = true;
                out.push(Action::Log(self.read(false)));
                Ok(TakeOver::Goes)
            }
        }
    }

    /// What is not done is in the log, or is not.
    pub fn put_back(
        &mut self,
        result: Result<()>,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Result<TakeOver> {
        self.busy = None;
        result?;
        self.lend(out);
        Ok(self.wait_for_others(now, out))
    }

    fn lend(&mut self, out: &mut Vec<Action>) {
        self.lent = true;
        let path = self.path.clone();
        out.push(Action::Tell(RunEvent::ChannelShared { path }.into()));
    }

    /// Another client's work file is read when nobody seems to work on it.
    fn wait_for_others(&mut self, now: Moment, out: &mut Vec<Action>) -> TakeOver {
        let since = *self.others.get_or_insert(now);
        if now.saturating_sub(since) < ADOPT {
            return TakeOver::Nothing;
        }
        self.own = 0..0;
        self.unread = true;
        out.push(Action::Log(self.read(false)));
        TakeOver::Goes
    }

    /// The work file was read, or not. What it holds is queued by the caller, who calls
    /// [`HandOver::queued`] then.
    pub fn work_read(&mut self, entries: Result<Option<Logged>>) -> Result<TakeOver> {
        self.busy = None;
        let entries = entries?;
        self.exists = entries.is_some();
        self.unread = false;
        self.lent = false;
        self.others = None;
        self.own = 0..0;
        Ok(TakeOver::Entries(entries.unwrap_or_default()))
    }

    /// All that the work file says is in `undone`.
    pub fn queued(&mut self, undone: Vec<u8>) {
        self.noted = undone;
    }

    /// Begins to put all that is not done back to the log, for the next time.
    pub fn give_back(&mut self, undone: Vec<u8>) -> LogAction {
        self.busy = Some(Busy::GivingBack);
        LogAction::PutBack(undone)
    }

    /// Whether that is under way.
    pub fn is_giving_back(&self) -> bool {
        self.busy == Some(Busy::GivingBack)
    }

    /// It is in the log, or is not.
    pub fn given_back(&mut self, result: Result<()>) -> Result<()> {
        self.busy = None;
        result
    }

    /// Begins to have the work file hold what is not done, unless it does.
    pub fn note(&mut self, undone: Vec<u8>) -> Option<LogAction> {
        let holds_it = undone == self.noted && !(undone.is_empty() && self.exists);
        if self.unread || self.lent || holds_it {
            return None;
        }
        self.busy = Some(Busy::Noting);
        self.noting.clone_from(&undone);
        Some(LogAction::Note(undone))
    }

    /// Begins to see to it that the work file still holds what it held: another client may have
    /// taken it away.
    pub fn restore(&mut self) -> Option<LogAction> {
        if self.unread || self.lent || self.noted.is_empty() {
            return None;
        }
        self.busy = Some(Busy::Noting);
        self.noting.clone_from(&self.noted);
        Some(LogAction::Restore(self.noted.clone()))
    }

    /// The work file holds what is not done, or does not. What is on disk stays valid then: it only
    /// says too much.
    pub fn noted(&mut self, kept: Result<Kept>, out: &mut Vec<Action>) -> Result<()> {
        self.busy = None;
        let kept = kept?;
        self.noted = std::mem::take(&mut self.noting);
        self.exists = !self.noted.is_empty();
        if kept == Kept::Log {
            self.lend(out);
        }
        Ok(())
    }
}
