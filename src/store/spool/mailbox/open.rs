//! Opens a mailbox of a Cyrus spool under the locks that Cyrus takes for reading
//! (`mailbox_open_irl` in `imap/mailbox.c`).
//!
//! The locks are shared and are taken in this order:
//!
//! 1. the namespace of the owner, so that no process renames or deletes the mailbox;
//! 2. the mailbox's name, so that no process replaces or removes its files;
//! 3. cyrus.index, so that no process writes to it.
//!
//! The mailbox is looked up after the first lock and before the second.
//!
//! To find out whether a mailbox has changed, these locks are not needed; see `unlocked.rs`.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::files::{Files, read_header};
use super::found::{Annotations, Found};
use super::index::Index;
use super::refuse::{OPEN, not_found, openable};
use super::state::{Oddity, oddities, state};
use crate::error::{Error, Kind, Result, Subject};
use crate::format::index as format;
use crate::store::errors::index_unlocked;
use crate::store::message::MessageFile;
use crate::store::traits::{Mailbox, MailboxFiles, Records};
use crate::sys::lock::{LockGuard, Mode, Wait, lock_name};
use crate::types::{Annotation, MailboxState, Record, Uid};

/// An open mailbox. Dropping the value releases the mailbox's locks.
pub struct SpoolMailbox<'a> {
    state: MailboxState,
    oddities: Vec<Oddity>,
    files: Files,
    annotations: Box<dyn Annotations + 'a>,
    /// The open index, which holds the locks of cyrus.index and of the namespace. `None` once these
    /// locks are released.
    index: Option<Index>,
    _lock: LockGuard,
}

impl<'a> SpoolMailbox<'a> {
    /// Opens a mailbox. `wait` says how long to wait for each lock.
    ///
    /// `namespaces` are the lock files of the owner's namespace, or of the namespace of shared
    /// mailboxes. `find` looks the mailbox up while these files are locked. Afterwards, the caller
    /// must set `xconvmodseq` and `raclmodseq` through [`SpoolMailbox::state_mut`].
    ///
    /// Do not open a mailbox while another mailbox of the same user is open, because of a possible
    /// deadlock: a process that holds the namespace lock may be waiting to delete the mailbox that
    /// is already open.
    ///
    /// # Errors
    /// Those of `find`. [`Kind::NotFound`] if the entry is a tombstone, an intermediate or a
    /// reserved name, if the mailbox is on another server, or if it is being deleted;
    /// [`Kind::Moved`] if it is being moved to another server; [`Kind::Corrupt`] or
    /// [`Kind::Unsupported`] if a file is damaged or of an unknown version; [`Kind::Io`].
    pub fn open(
        namespaces: &[PathBuf],
        wait: Wait,
        find: impl FnOnce() -> Result<Found<'a>>,
    ) -> Result<Self> {
        let lock_shared = |path: &PathBuf| lock_name(path, Mode::Shared, wait);
        let namespaces = namespaces.iter().map(lock_shared).collect::<Result<Vec<_>>>()?;
        let Found { entry, files, annotations } = find()?;
        openable(&entry)?;
        let lock = lock_name(&files.lock, Mode::Shared, wait)?;
        let index = Index::open(&files.index, namespaces, wait)?;
        // Without the lock, the file could change: Cyrus writes cyrus.header only under an
        // exclusive lock of cyrus.index.
        let header = read_header(&files.header)?;
        if index.header().is_deleted {
            return Err(not_found(&entry, "the mailbox is being deleted"));
        }
        let oddities = oddities(&entry, &header, index.header());
        let state = state(entry, header, index.header());
        if state.uniqueid.is_empty() {
            let detail = "it has a uniqueid neither in mailboxes.db nor in cyrus.header";
            return Err(
                Error::new(Kind::Corrupt, OPEN, &state.name, detail).with_hint(format::REPAIR)
            );
        }
        Ok(SpoolMailbox { state, oddities, files, annotations, index: Some(index), _lock: lock })
    }

    /// Returns the state for writing, so that the caller can add the fields from other databases.
    pub fn state_mut(&mut self) -> &mut MailboxState {
        &mut self.state
    }

    /// Returns the inconsistencies of the mailbox that are to be logged.
    pub fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    fn index(&mut self) -> Result<&mut Index> {
        self.index.as_mut().ok_or_else(|| index_unlocked(&self.state.name))
    }
}

impl MailboxFiles for SpoolMailbox<'_> {
    fn message(&self, record: &Record) -> Result<MessageFile> {
        self.files.message(record)
    }

    fn read_ahead(&self, record: &Record) {
        self.files.read_ahead(record);
    }

    fn message_name(&self, record: &Record) -> Subject {
        self.files.message_name(record)
    }
}

impl Mailbox for SpoolMailbox<'_> {
    fn state(&self) -> &MailboxState {
        &self.state
    }

    fn annotations(&self) -> Result<Vec<Annotation>> {
        self.annotations.of_mailbox()
    }

    fn scan(
        &mut self,
        records: Records,
        visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.index()?.scan(records, visit)
    }

    fn visit_annotations(
        &self,
        uids: &[Uid],
        visit: &mut dyn FnMut(Uid, Annotation) -> Result<()>,
    ) -> Result<()> {
        self.annotations.of_messages(uids, visit)
    }

    fn files(&self) -> Option<Box<dyn MailboxFiles>> {
        Some(Box::new(self.files.clone()))
    }

    fn inconsistency(&self) -> Option<String> {
        self.oddities.first().map(ToString::to_string)
    }

    fn unlock_index(&mut self) {
        self.index = None;
    }
}
