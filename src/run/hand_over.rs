//! Tracks the channel's log and work file, and the operation that is running on them. Pure: no I/O,
//! no clock.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use super::log::channel::{Kept, Taken};
use super::log::read::Logged;
use super::step::{Action, LogAction, Moment};
use crate::error::Result;
use crate::events::RunEvent;

/// A work file of another client is taken over after this time, because that client has probably
/// ended.
const ADOPT: Duration = Duration::from_secs(600);

/// The operation that is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Busy {
    Taking,
    Lending,
    Reading,
    Noting,
    GivingBack,
}

/// The result of a step of the take-over of a log.
#[derive(Debug, PartialEq, Eq)]
pub enum TakeOver {
    /// The take-over continues.
    Goes,
    /// There is nothing to take over.
    Nothing,
    /// These entries were logged, and are in the work file now.
    Entries(Logged),
}

/// The state of a channel's log and work file, as the daemon knows it.
#[derive(Debug)]
pub struct HandOver {
    /// Path of the work file, for messages.
    path: PathBuf,
    busy: Option<Busy>,
    /// The entries in the work file, or equivalent ones.
    noted: Vec<u8>,
    /// The entries that are being written to the work file.
    noting: Vec<u8>,
    /// Whether our work file exists.
    exists: bool,
    /// Whether all undone entries are in the log, because the work file belongs to another client.
    lent: bool,
    /// Since when it belongs to another client.
    others: Option<Moment>,
    /// Whether the work file has entries that were not read yet. Then it must not be replaced.
    unread: bool,
    /// The range of the work file with entries that are queued already.
    own: Range<u64>,
}

impl HandOver {
    /// Makes the initial state. The work file at `path` may have entries.
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

    /// Returns whether an operation is running.
    pub fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    /// Returns whether the undone entries are in the log already.
    pub fn is_lent(&self) -> bool {
        self.lent
    }

    /// Starts to read the work file that an earlier client left behind.
    pub fn read_first(&mut self) -> LogAction {
        self.read(true)
    }

    fn read(&mut self, reprocess: bool) -> LogAction {
        self.busy = Some(Busy::Reading);
        LogAction::Read { own: self.own.clone(), reprocess }
    }

    /// Starts to take over the log. `undone` holds all undone entries.
    pub fn take(&mut self, undone: Vec<u8>) -> LogAction {
        if self.unread {
            return self.read(false);
        }
        self.busy = Some(Busy::Taking);
        LogAction::Take(if self.lent { Vec::new() } else { undone })
    }

    /// Handles the end of a take-over.
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

    /// Handles the end of appending the undone entries to the log.
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

    /// Waits for another client. Reads its work file once that client has probably ended.
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

    /// Handles the end of reading the work file. The caller queues the entries and then calls
    /// [`HandOver::queued`].
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

    /// Records that `undone` is equivalent to the contents of the work file.
    pub fn queued(&mut self, undone: Vec<u8>) {
        self.noted = undone;
    }

    /// Starts to append all undone entries to the log, for the next run.
    pub fn give_back(&mut self, undone: Vec<u8>) -> LogAction {
        self.busy = Some(Busy::GivingBack);
        LogAction::PutBack(undone)
    }

    /// Returns whether the undone entries are being appended to the log.
    pub fn is_giving_back(&self) -> bool {
        self.busy == Some(Busy::GivingBack)
    }

    /// Handles the end of appending the undone entries for the next run.
    pub fn given_back(&mut self, result: Result<()>) -> Result<()> {
        self.busy = None;
        result
    }

    /// Starts to write the undone entries to the work file, unless they are there already.
    pub fn note(&mut self, undone: Vec<u8>) -> Option<LogAction> {
        let holds_it = undone == self.noted && !(undone.is_empty() && self.exists);
        if self.unread || self.lent || holds_it {
            return None;
        }
        self.busy = Some(Busy::Noting);
        self.noting.clone_from(&undone);
        Some(LogAction::Note(undone))
    }

    /// Starts to check that the work file still has its entries, because another client may have
    /// removed it.
    pub fn restore(&mut self) -> Option<LogAction> {
        if self.unread || self.lent || self.noted.is_empty() {
            return None;
        }
        self.busy = Some(Busy::Noting);
        self.noting.clone_from(&self.noted);
        Some(LogAction::Restore(self.noted.clone()))
    }

    /// Handles the end of writing the work file. If that failed, the old contents are still valid:
    /// they only list too much.
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
