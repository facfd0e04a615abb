//! Reads the files of messages that the replica has already: damage to them would otherwise be
//! found when they are needed, and the good copy may be gone by then.

use std::ops::ControlFlow;

use super::{Failures, Syncer};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::store::Records;
use crate::types::{InternalFlags, MailboxEntry, MboxName};

/// Messages that are read under one lock of their mailbox, which keeps others from removing
/// messages meanwhile.
const CHUNK: usize = 1024;

impl Syncer<'_> {
    /// The mailboxes of which [`Syncer::check_messages`] shall read the messages: none unless it
    /// was asked for.
    pub(super) fn to_check(&self, entries: &[MailboxEntry]) -> Vec<MboxName> {
        let real = entries.iter().filter(|e| !e.mbtype.is_intermediate());
        real.filter(|_| self.settings.check_messages).map(|e| e.name.clone()).collect()
    }

    /// Reads all messages that are not expunged: each must be there with the size and the SHA-1
    /// of its record. Each that is not is told; for each mailbox with such ones a failure is kept.
    pub(super) fn check_messages(
        &mut self,
        names: &[MboxName],
        failures: &mut Failures,
    ) -> Result<()> {
        for name in names {
            let mut damaged = Damaged::default();
            match self.check_mailbox(name, &mut damaged) {
                Err(error) if error.kind() == Kind::Cancelled => return Err(error),
                // It could not be replicated either, which was told.
                Err(error) => self.log(Level::Debug, format!("{name} not checked: {error}")),
                Ok(()) => {}
            }
            failures.0.extend(damaged.into_error().map(|error| (name.clone(), error)));
        }
        Ok(())
    }

    fn check_mailbox(&mut self, name: &MboxName, damaged: &mut Damaged) -> Result<()> {
        let mut left = Records::All;
        loop {
            let mut mailbox = self.store.open(name)?;
            let mut records = Vec::new();
            mailbox.scan(left, &mut |record| {
                if !record.internal_flags.has(InternalFlags::EXPUNGED | InternalFlags::UNLINKED) {
                    records.push(*record);
                }
                Ok(match records.len() < CHUNK {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                })
            })?;
            mailbox.unlock_index();
            for record in &records {
                self.cancel.check(&name.to_string())?;
                if let Err(error) = self.messages.open(mailbox.as_ref(), record).map(drop) {
                    self.log(Level::Error, format!("SYNCERROR: damaged message: {error}"));
                    damaged.add(error);
                }
            }
            match records.last() {
                Some(last) if records.len() == CHUNK => left = Records::After(last.uid),
                _ => return Ok(()),
            }
        }
    }
}

/// The damaged messages of one mailbox: how many, and why the first of them is.
#[derive(Debug, Default)]
struct Damaged {
    count: u64,
    first: Option<Error>,
}

impl Damaged {
    fn add(&mut self, error: Error) {
        self.count += 1;
        self.first.get_or_insert(error);
    }

    fn into_error(self) -> Option<Error> {
        let first = self.first?;
        if self.count == 1 {
            return Some(first);
        }
        let detail = format!("{}; {} messages are damaged, the log names each", first.detail(), {
            self.count
        });
        let (op, subject) = (first.op().to_owned(), first.subject().to_owned());
        let hint = first.hint_text().to_owned();
        Some(Error::new(first.kind(), op, subject, detail).hint(hint).caused_by(first))
    }
}
