//! A mailbox as it is stored in its directory.

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
    /// Sorted.
    pub annotations: Vec<Annotation>,
    /// Its file; `None` after it was unlinked.
    pub file: Option<Arc<[u8]>>,
}

/// A mailbox as it is stored in its directory. Name, ACL and type are in its entry.
#[derive(Debug, Clone, Default)]
pub(in crate::sim) struct Folder {
    pub state: MailboxState,
    /// Annotations of the mailbox itself, sorted.
    pub annotations: Vec<Annotation>,
    pub messages: BTreeMap<Uid, Message>,
    /// The form of thread ids in its server's CRCs.
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
    /// Computes both sync CRCs.
    pub fn crcs(&self) -> SyncCrcs {
        let flags = crc::FlagCrcs::new(&self.state.flags);
        let mut sum = CrcSum::EMPTY;
        for message in self.messages.values().filter(|message| !message.is_expunged()) {
            sum.record(&message.record, &flags, MINOR_VERSION);
            for annotation in &message.annotations {
                sum.annotation(message.record.uid, annotation, MINOR_VERSION);
            }
        }
        sum.into()
    }

    /// Returns the bit of a user flag. A new flag gets the next bit.
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
        self.state.highestmodseq += 1;
        self.state.highestmodseq
    }

    /// Gives private annotations of the old owner to the new owner. Cyrus marks them as the
    /// owner's, without a name, so they follow the mailbox to another user.
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

    /// Updates the counts and CRCs of the index header from the records.
    pub fn settle(&mut self) {
        let count = |n: usize| u32::try_from(n).unwrap();
        self.state.num_records = count(self.messages.len());
        let exists = self.messages.values().filter(|message| !message.is_expunged());
        self.state.exists = Some(count(exists.count()));
        if self.state.exists == Some(0) {
            // A reader of the header of an empty mailbox assumes this option.
            self.state.options.0 |= Options::POP3_NEW_UIDL;
        }
        // A server stores only its own form.
        self.state.crcs = SyncCrcs { padded: None, ..self.crcs().with(self.thread_ids) };
    }
}

/// Sets or removes an annotation in a sorted list.
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
