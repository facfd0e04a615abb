//! Checks everything that an open mailbox returns if a program (the host) supplies the mail store.

use std::ops::ControlFlow;

use crate::error::{Error, Kind, Result, Subject};
use crate::format::index::{REPAIR, VERSIONS, not_read};
use crate::limits::{USER_FLAGS, USER_GROUPS_BYTES};
use crate::store::annotations::in_order;
use crate::store::errors::{index_unlocked, message_of_other_size, senseless, unlinked_message};
use crate::store::message::MessageFile;
use crate::store::traits::{Mailbox, MailboxFiles, Records};
use crate::types::{Annotation, InternalFlags, MailboxState, MboxName, Record, Uid};

/// An open mailbox with its corrected state. `locked` tells whether the index lock is still held.
pub(super) struct CheckedMailbox<'s> {
    mailbox: Box<dyn Mailbox + 's>,
    state: MailboxState,
    locked: bool,
}

impl<'s> CheckedMailbox<'s> {
    /// Wraps `mailbox`, which was opened by this name. Fails if the state of the mailbox is
    /// impossible.
    pub(super) fn new(mailbox: Box<dyn Mailbox + 's>, name: &MboxName) -> Result<Self> {
        let mut state = mailbox.state().clone();
        let refuse = |detail| Err(senseless("open mailbox", name, detail));
        if state.name != *name {
            return refuse("the host opened another mailbox");
        }
        if state.uniqueid.is_empty() {
            return refuse("it has no uniqueid");
        }
        if !VERSIONS.contains(&state.minor_version) {
            return Err(not_read(state.minor_version, "open mailbox", name.to_string()));
        }
        if state.flags.len() > USER_FLAGS {
            return refuse("it has more user flags than Cyrus allows");
        }
        if state.usergroups.as_ref().is_some_and(|all| all.as_bytes().len() > USER_GROUPS_BYTES) {
            return refuse("its owner is in more groups than this program supports");
        }
        // Cyrus reads a stored 0 as 1. A repair sends the modseq as the condition of its update,
        // and the condition 0 would match any state.
        state.header.highestmodseq = state.header.highestmodseq.max(1);
        // A host may return Cyrus's whole table of flags. Remove the empty entries at its end.
        while state.flags.last().is_some_and(Option::is_none) {
            state.flags.pop();
        }
        Ok(CheckedMailbox { mailbox, state, locked: true })
    }

    fn need_lock(&self) -> Result<()> {
        if self.locked { Ok(()) } else { Err(index_unlocked(&self.state.name)) }
    }
}

fn no_uid(name: &MboxName) -> Error {
    let detail = "a record has no UID";
    Error::new(Kind::Corrupt, "read records", name, detail).with_hint(REPAIR)
}

impl MailboxFiles for CheckedMailbox<'_> {
    fn message(&self, record: &Record) -> Result<MessageFile> {
        let name = || self.message_name(record);
        if record.internal_flags.has(InternalFlags::UNLINKED) {
            return Err(unlinked_message(name()));
        }
        let file = self.mailbox.message(record)?;
        match file.byte_len() {
            len if len == record.size => Ok(file),
            len => Err(message_of_other_size(name(), len, record.size)),
        }
    }

    fn read_ahead(&self, record: &Record) {
        self.mailbox.read_ahead(record);
    }

    fn message_name(&self, record: &Record) -> Subject {
        self.mailbox.message_name(record)
    }
}

impl Mailbox for CheckedMailbox<'_> {
    fn state(&self) -> &MailboxState {
        &self.state
    }

    fn annotations(&self) -> Result<Vec<Annotation>> {
        self.mailbox.annotations().map(in_order)
    }

    fn scan(
        &mut self,
        records: Records,
        visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.need_lock()?;
        let name = &self.state.name;
        let mut last = 0;
        self.mailbox.scan(records, &mut |record| {
            if record.uid == 0 {
                return Err(no_uid(name));
            }
            if record.uid <= last {
                let detail = format!("UID {} comes after UID {last}", record.uid);
                return Err(senseless("read records", name, detail));
            }
            last = record.uid;
            // The store may return records that were not requested.
            if records.contain(record.uid) { visit(record) } else { Ok(ControlFlow::Continue(())) }
        })
    }

    fn visit_annotations(
        &self,
        uids: &[Uid],
        visit: &mut dyn FnMut(Uid, Annotation) -> Result<()>,
    ) -> Result<()> {
        self.need_lock()?;
        self.mailbox.visit_annotations(
            uids,
            &mut |uid, annotation| match uids.binary_search(&uid) {
                Ok(_) => visit(uid, annotation),
                Err(_) => Ok(()),
            },
        )
    }

    fn files(&self) -> Option<Box<dyn MailboxFiles>> {
        self.mailbox.files()
    }

    fn inconsistency(&self) -> Option<String> {
        self.mailbox.inconsistency()
    }

    fn unlock_index(&mut self) {
        if std::mem::take(&mut self.locked) {
            self.mailbox.unlock_index();
        }
    }
}
