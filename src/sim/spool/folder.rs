//! A mailbox, as its directory contains it.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha1::{Digest, Sha1};

use crate::types::{
    Annotation, CrcSum, Guid, InternalFlags, MailboxState, Modseq, Options, Record, SyncCrcs, Text,
    ThreadIds, Uid, UserId, crc,
};

/// The version of cyrus.index that Cyrus 3.6 writes.
pub(in crate::sim) const MINOR_VERSION: u32 = 17;

/// A message and its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) struct Message {
    pub record: Record,
    /// The annotations of the message, sorted.
    pub annotations: Vec<Annotation>,
    /// The message file. `None` after it was removed.
    pub file: Option<Arc<[u8]>>,
}

/// A mailbox, as its directory contains it. Its name, ACL and type are in the list of mailboxes.
#[derive(Debug, Clone, Default)]
pub(in crate::sim) struct Folder {
    pub state: MailboxState,
    /// Annotations of the mailbox itself, sorted.
    pub annotations: Vec<Annotation>,
    pub messages: BTreeMap<Uid, Message>,
    /// How this server computes CRCs of thread ids.
    pub thread_ids: ThreadIds,
}

/// Returns the GUID of a message or script.
pub(in crate::sim) fn guid(bytes: &[u8]) -> Guid {
    Guid(Sha1::digest(bytes).into())
}

impl Message {
    pub fn is_expunged(&self) -> bool {
        self.record.is_expunged()
    }

    pub fn is_unlinked(&self) -> bool {
        self.record.internal_flags.has(InternalFlags::UNLINKED)
    }
}

impl Folder {
    /// Computes the sync CRCs of the records and annotations.
    pub fn crcs(&self) -> SyncCrcs {
        let flags = crc::FlagCrcs::new(&self.state.flags);
        let mut sum = CrcSum::EMPTY;
        for message in self.messages.values().filter(|message| !message.is_expunged()) {
            sum.record(&message.record, &flags, MINOR_VERSION);
            for annotation in &message.annotations {
                sum.annotation(message.record.uid, annotation, MINOR_VERSION);
            }
        }
        sum.crcs()
    }

    /// Returns the bit of a user flag. A new flag gets a new bit.
    pub fn flag_bit(&mut self, name: &Text) -> usize {
        let flags = &mut self.state.flags;
        let known = flags.iter().position(|flag| flag.as_ref() == Some(name));
        known.unwrap_or_else(|| {
            flags.push(Some(name.clone()));
            flags.len() - 1
        })
    }

    /// Raises the highest modseq and returns it.
    pub fn next_modseq(&mut self) -> Modseq {
        self.state.header.highestmodseq += 1;
        self.state.highestmodseq
    }

    /// Gives the private annotations of the old owner to the new owner. Cyrus stores them as
    /// annotations of the owner, without the owner's name.
    pub fn change_owner(&mut self, from: Option<UserId>, to: Option<UserId>) {
        let (Some(from), Some(to)) = (from, to) else { return };
        if from == to {
            return;
        }
        let of_messages = self.messages.values_mut().map(|message| &mut message.annotations);
        for all in of_messages.chain([&mut self.annotations]) {
            for annotation in all.iter_mut().filter(|a| *a.userid.as_bytes() == *from.as_bytes()) {
                annotation.userid = Text::new(&to);
            }
            all.sort();
        }
    }

    /// Updates the header of the mailbox from the records: counts and CRCs.
    pub fn settle(&mut self) {
        let count = |n: usize| u32::try_from(n).unwrap();
        self.state.num_records = count(self.messages.len());
        let exists = self.messages.values().filter(|message| !message.is_expunged());
        self.state.exists = Some(count(exists.count()));
        if self.state.exists == Some(0) {
            // Cyrus sets this option when it reads the header of an empty mailbox.
            self.state.header.options.0 |= Options::POP3_NEW_UIDL;
        }
        // A server stores the CRC in one form only.
        self.state.header.crcs = SyncCrcs { padded: None, ..self.crcs().with(self.thread_ids) };
    }
}

/// Sets an annotation in a sorted list. Removes it if `value` is `None`.
pub(in crate::sim) fn annotate(
    all: &mut Vec<Annotation>,
    entry: &Text,
    userid: &Text,
    value: Option<&[u8]>,
) {
    all.retain(|known| (&known.entry, &known.userid) != (entry, userid));
    if let Some(value) = value {
        let value = Text::new(value);
        all.push(Annotation { entry: entry.clone(), userid: userid.clone(), value, modseq: 0 });
        all.sort();
    }
}
