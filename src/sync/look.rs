//! Looks which mailboxes must be sent, and asks which of their messages the replica has already.

use super::remote::RemoteFolder;
use super::snapshot::find_batch;
use super::{Syncer, commands};
use crate::error::{Kind, Result};
use crate::events::{Event, Level};
use crate::replica::Verb;
use crate::store::Mailbox;
use crate::types::{Guid, MailboxEntry, MboxName, Text};

/// What a look at one mailbox found.
#[derive(Debug)]
pub(super) enum Look {
    /// It is not there (any more).
    Gone,
    /// The replica has the same.
    Same {
        /// Its quota root.
        quotaroot: Option<Text>,
    },
    /// It must be sent.
    Differs {
        /// Its quota root.
        quotaroot: Option<Text>,
    },
}

impl Syncer<'_> {
    /// Looks whether a mailbox must be sent; if so and if `reserve`, notes the files it needs.
    pub(super) fn look(
        &mut self,
        entry: &MailboxEntry,
        remote: Option<&RemoteFolder>,
        reserve: bool,
    ) -> Result<Look> {
        let mut mailbox = match self.store.open(&entry.name) {
            Ok(mailbox) => mailbox,
            Err(error) if error.kind() == Kind::NotFound => return Ok(Look::Gone),
            Err(error) => return Err(error),
        };
        let quotaroot = mailbox.state().quotaroot.clone();
        let annotations = mailbox.annotations()?;
        let difference = self.difference(mailbox.as_mut(), &annotations, remote)?;
        let Some(difference) = difference else { return Ok(Look::Same { quotaroot }) };
        let differs = Event::Differs { mailbox: entry.name.clone(), why: difference };
        self.observer.event(&differs);
        if reserve {
            self.want_files(mailbox.as_mut(), remote)?;
        }
        Ok(Look::Differs { quotaroot })
    }

    fn want_files(
        &mut self,
        mailbox: &mut dyn Mailbox,
        remote: Option<&RemoteFolder>,
    ) -> Result<()> {
        let partition = self.partition(&mailbox.state().partition);
        let mut new: Vec<(u32, Guid)> = Vec::new();
        let partial = find_batch(mailbox, self.settings.batch_size, remote, |record| {
            new.push((record.uid, record.guid));
        })?;
        let end = partial.map_or(u32::MAX, |p| p.last_uid);
        for (_, guid) in new.into_iter().take_while(|(uid, _)| *uid <= end) {
            self.staged.want(&partition, guid);
        }
        Ok(())
    }

    /// Asks the replica which of the wanted files it has in the mailboxes `among`.
    pub(super) fn reserve(&mut self, among: &[MboxName]) -> Result<()> {
        if among.is_empty() {
            return Ok(()); // nowhere to find them
        }
        let mut asked = Vec::new();
        for (partition, guids) in self.staged.ask() {
            let ticket = self
                .replica
                .submit(Verb::Apply, &mut |w| commands::reserve(w, &partition, among, &guids))?;
            asked.push((partition, guids, ticket));
        }
        for (partition, guids, ticket) in asked {
            let missing = match self.replica.wait(ticket) {
                Ok(reply) => commands::missing(&reply)?,
                Err(error) if error.is_connection() => return Err(error),
                Err(error) => {
                    // It is only about sending less.
                    self.log(Level::Notice, format!("sending all messages: {error}"));
                    guids.clone()
                }
            };
            self.staged.answered(&partition, &guids, &missing);
        }
        Ok(())
    }
}
