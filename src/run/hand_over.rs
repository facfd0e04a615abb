//! Tracks what the log and the work file of a channel contain, and which operation on them is
//! running. The log becomes the work file when it is taken over. Pure: no I/O, no clock.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use super::log::channel::{Kept, Taken};
use super::log::read::Logged;
use super::step::{Action, LogAction, Moment};
use crate::error::Result;
use crate::events::RunEvent;

/// The client takes over a work file of another client if it is still there after this time: the
/// other client has probably ended.
const ADOPT: Duration = Duration::from_secs(600);

/// The operation on the files that is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Busy {
    Taking,
    Lending,
    Reading,
    Noting,
    GivingBack,
}

/// The result of one step of a take-over.
#[derive(Debug, PartialEq, Eq)]
pub enum TakeOver {
    /// The take-over continues with another operation.
    Goes,
    /// There are no new entries.
    Nothing,
    /// The new entries, which are now in the work file.
    Entries(Logged),
}

/// What the daemon knows about a channel's log and work file.
#[derive(Debug)]
pub struct HandOver {
    /// Path of the work file, for messages.
    path: PathBuf,
    busy: Option<Busy>,
    /// The contents of the work file, or equivalent entries.
    noted: Vec<u8>,
    /// The entries that an operation is writing to the work file.
    noting: Vec<u8>,
    /// Whether there is a work file of this client.
    exists: bool,
    /// Whether the pending entries were appended to the log, because the work file belongs to
    /// another client.
    lent: bool,
    /// Since when the work file belongs to another client. `None` if it does not.
    others: Option<Moment>,
    /// Whether the work file has entries that were not read yet. It must not be replaced then.
    unread: bool,
    /// The byte range of the work file whose entries are queued already.
    own: Range<u64>,
}

impl HandOver {
    /// Makes the state at the start, when the contents of the work file at `path` are unknown.
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

    /// Returns whether the pending entries were appended to the log.
    pub fn is_lent(&self) -> bool {
        self.lent
    }

    /// Starts to read the work file that an earlier client may have left behind.
    pub fn read_first(&mut self) -> LogAction {
        self.read(true)
    }

    fn read(&mut self, reprocess: bool) -> LogAction {
        self.busy = Some(Busy::Reading);
        LogAction::Read { own: self.own.clone(), reprocess }
    }

    /// Starts to take over the log. `pending` holds the pending entries. If the work file has
    /// unread entries, starts to read it instead.
    pub fn take(&mut self, pending: Vec<u8>) -> LogAction {
        if self.unread {
            return self.read(false);
        }
        self.busy = Some(Busy::Taking);
        LogAction::Take(if self.lent { Vec::new() } else { pending })
    }

    /// Handles the result of a take-over. `pending` holds the pending entries.
    pub fn taken(
        &mut self,
        taken: Result<Taken>,
        pending: Vec<u8>,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Result<TakeOver> {
        self.busy = None;
        match taken? {
            Taken::Nothing => Ok(TakeOver::Nothing),
            Taken::Others if self.lent => Ok(self.wait_for_others(now, out)),
            Taken::Others => {
                self.busy = Some(Busy::Lending);
                if pending.is_empty() {
                    return self.put_back(Ok(()), now, out);
                }
                out.push(Action::Log(LogAction::PutBack(pending)));
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

    /// Handles the result of appending the pending entries to the log.
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
        out.push(Action::Notify(RunEvent::ChannelShared { path }.into()));
    }

    /// Does nothing while another client may still process its work file. After ten minutes, starts
    /// to read the work file of the other client.
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

    /// Handles the result of reading the work file. The caller then queues the entries and calls
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

    /// Records the pending entries that the work file contains now.
    pub fn queued(&mut self, pending: Vec<u8>) {
        self.noted = pending;
    }

    /// Starts to append all pending entries to the log, where the next client will find them.
    pub fn give_back(&mut self, pending: Vec<u8>) -> LogAction {
        self.busy = Some(Busy::GivingBack);
        LogAction::PutBack(pending)
    }

    /// Returns whether the pending entries are being appended to the log.
    pub fn is_giving_back(&self) -> bool {
        self.busy == Some(Busy::GivingBack)
    }

    /// Handles the result of appending all pending entries to the log.
    pub fn given_back(&mut self, result: Result<()>) -> Result<()> {
        self.busy = None;
        result
    }

    /// Starts to write the pending entries to the work file. Returns `None` if the work file has
    /// them already or must not be changed.
    pub fn note(&mut self, pending: Vec<u8>) -> Option<LogAction> {
        let holds_it = pending == self.noted && !(pending.is_empty() && self.exists);
        if self.unread || self.lent || holds_it {
            return None;
        }
        self.busy = Some(Busy::Noting);
        self.noting.clone_from(&pending);
        Some(LogAction::Note(pending))
    }

    /// Starts to check whether the work file still exists, and to write it again if another client
    /// has removed it. Returns `None` if the work file has no entries or must not be changed.
    pub fn restore(&mut self) -> Option<LogAction> {
        if self.unread || self.lent || self.noted.is_empty() {
            return None;
        }
        self.busy = Some(Busy::Noting);
        self.noting.clone_from(&self.noted);
        Some(LogAction::Restore(self.noted.clone()))
    }

    /// Handles the result of writing the work file. After a failure the file has its old contents,
    /// which may list entries that are done already.
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
