//! [`HostMailbox`] over the table of functions that C supplies.

use std::ffi::{OsStr, c_void};
use std::fs::File;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::super::failure::cyrsync_failure;
use super::super::strings::cyrsync_str;
use super::glue::{Sink, answer, call, emit, go_on};
use super::read::{annotation, bytes, record, record_for_c, state};
use super::structs::*;
use super::table::Table;
use crate::error::{Error, Kind, Result};
use crate::store::Records;
use crate::store::host::{Emitted, HostMailbox, VisitRecord};
use crate::sys::file::open_regular;
use crate::types::{Annotation, MailboxState, MboxName, Record, SyncCrcs, Uid};

/// What the header says of since_modseq: no bound, so that records with modseq 0 come too.
const EVERY_MODSEQ: u64 = 0;

/// An open mailbox of the host.
pub(super) struct OpenMailbox<'h> {
    pub(super) table: &'h Table,
    pub(super) mailbox: *mut c_void,
    pub(super) name: MboxName,
}

impl OpenMailbox<'_> {
    /// The file of a message, or its path, or both.
    fn message_file(&self, record: &Record) -> Result<(Option<File>, PathBuf)> {
        let mut told = cyrsync_message_file { fd: -1, path: cyrsync_str::lend(b"") };
        let record = record_for_c(record);
        let subject = format!("UID {} of {}", record.uid, self.name);
        let result = call!(
            self.table,
            "open message",
            &subject,
            message_file(self.mailbox, &record, &mut told)
        );
        // SAFETY: the header says that the file is the library's from here on, whatever else.
        let owned = (told.fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(told.fd) });
        result?;
        Ok((owned.map(File::from), PathBuf::from(OsStr::from_bytes(bytes(told.path, "path")?))))
    }
}

impl HostMailbox for OpenMailbox<'_> {
    fn state(&self) -> Result<(MailboxState, Option<String>)> {
        // SAFETY: zero is a value of every member: no text, no flags, number 0, false.
        let mut told: cyrsync_mailbox_state = unsafe { std::mem::zeroed() };
        call!(self.table, "read state of", &self.name, state(self.mailbox, &mut told))?;
        state(&told)
    }

    fn scan(&self, records: Records, visit: &mut VisitRecord<'_>) -> Result<()> {
        let from = match records {
            Records::All => Some(0),
            Records::After(last) => last.checked_add(1),
        };
        // Above the highest number there is nothing to ask for.
        let Some(from) = from else { return Ok(()) };
        call!(self.table, "read records of", &self.name,
            scan(self.mailbox, from, EVERY_MODSEQ) => emit::<cyrsync_record>,
            // SAFETY: not NULL, and it lives through the call of the emit function.
            |one: *const cyrsync_record| visit(&record(unsafe { &*one })))
    }

    fn recompute_crcs(&self) -> Result<Option<SyncCrcs>> {
        if self.table.functions().recompute_crcs.is_none() {
            return Ok(None);
        }
        let mut told = cyrsync_crcs::default();
        call!(self.table, "compute CRCs of", &self.name, recompute_crcs(self.mailbox, &mut told))?;
        Ok(Some(SyncCrcs::computed(told.basic, told.annot)))
    }

    fn annotations(&self) -> Result<Vec<Annotation>> {
        const OP: &str = "read annotations of";
        let (mut all, mut emitted) = (Vec::new(), Emitted::default());
        call!(self.table, OP, &self.name,
        mailbox_annotations(self.mailbox) => emit::<cyrsync_annotation>, |one| {
            let one = annotation(one)?;
            emitted.annotation(&one, OP, &self.name)?;
            all.push(one);
            go_on()
        })?;
        Ok(all)
    }

    fn message_annotations(&self, uid: Uid) -> Result<Vec<Annotation>> {
        const OP: &str = "read annotations of a message of";
        let (mut all, mut emitted) = (Vec::new(), Emitted::default());
        call!(self.table, OP, &self.name,
        message_annotations(self.mailbox, uid) => emit::<cyrsync_annotation>, |one| {
            let one = annotation(one)?;
            emitted.annotation(&one, OP, &self.name)?;
            all.push(one);
            go_on()
        })?;
        Ok(all)
    }

    fn message(&self, record: &Record) -> Result<File> {
        let (file, path) = self.message_file(record)?;
        if let Some(file) = file {
            return Ok(file);
        }
        open_regular(&path).map(|(file, _)| file).map_err(|error| {
            let (kind, detail) = match error.kind() {
                std::io::ErrorKind::NotFound => (Kind::Corrupt, "the file is missing".to_owned()),
                _ => (Kind::Io, error.to_string()),
            };
            let subject = format!("UID {} of {} ({})", record.uid, self.name, path.display());
            Error::new(kind, "open message", subject, detail)
                .hint(crate::store::MESSAGE_REPAIR)
                .caused_by(error)
        })
    }

    fn message_path(&self, record: &Record) -> Option<PathBuf> {
        let (_, path) = self.message_file(record).ok()?;
        (!path.as_os_str().is_empty()).then_some(path)
    }

    fn unlock_index(&self) {
        if let Some(unlock) = self.table.functions().unlock_index {
            // SAFETY: open gave it, and it is not closed yet.
            unsafe { unlock(self.table.userdata(), self.mailbox) };
        }
    }
}

impl Drop for OpenMailbox<'_> {
    fn drop(&mut self) {
        if let Some(close) = self.table.functions().close {
            // SAFETY: open gave it, and this happens once.
            unsafe { close(self.table.userdata(), self.mailbox) };
        }
    }
}
