//! Implements [`Mailbox`] with the functions of a host.

use std::ffi::{OsStr, c_void};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::super::failure::cyrsync_failure;
use super::super::strings::cyrsync_str;
use super::emitted::Emitted;
use super::given::bytes;
use super::glue::{Sink, answer, call, emit, go_on};
use super::read::{annotation, record, record_for_c, state};
use super::structs::*;
use super::table::Table;
use crate::error::{Error, Kind, Result, Subject, reason};
use crate::store::{MESSAGE_REPAIR, Mailbox, MailboxFiles, MessageFile, Records};
use crate::sys::file::open_regular;
use crate::types::{Annotation, MailboxState, MboxName, Record, Uid};

/// The value of since_modseq for no limit: the host emits records with modseq 0, too.
const EVERY_MODSEQ: u64 = 0;

/// A mailbox that the host opened. Dropping the handle closes the mailbox.
struct Handle<'h> {
    table: &'h Table,
    mailbox: *mut c_void,
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        if let Some(close) = self.table.functions().close {
            // SAFETY: the pointer came from the host's open function, and a drop happens only once.
            unsafe { close(self.table.userdata(), self.mailbox) };
        }
    }
}

/// The location of a message: an open file, bytes that the host lends, or a path.
struct Whereabouts<'m> {
    file: Option<File>,
    content: &'m [u8],
    path: PathBuf,
}

/// An open mailbox of the host.
pub(super) struct OpenMailbox<'h> {
    handle: Handle<'h>,
    state: MailboxState,
    inconsistency: Option<String>,
}

impl<'h> OpenMailbox<'h> {
    /// Takes over the mailbox `name` that the host opened, and reads its state.
    pub(super) fn new(table: &'h Table, mailbox: *mut c_void, name: &MboxName) -> Result<Self> {
        let handle = Handle { table, mailbox };
        // SAFETY: every member may be zero: an empty text, no flags, number 0 or false.
        let mut out: cyrsync_mailbox_state = unsafe { std::mem::zeroed() };
        out.size = size_of::<cyrsync_mailbox_state>();
        call!(table, "read state of", name, state(mailbox, &mut out))?;
        let (state, inconsistency) = state(&out)?;
        Ok(OpenMailbox { handle, state, inconsistency })
    }

    /// Gets the location of a message from the host.
    fn find_message(&self, record: &Record) -> Result<Whereabouts<'_>> {
        let nothing = cyrsync_str::lend(b"");
        let size = size_of::<cyrsync_message_file>();
        let mut out = cyrsync_message_file { size, fd: -1, path: nothing, content: nothing };
        let record = record_for_c(record);
        let subject = format!("UID {} of {}", record.uid, self.state.name);
        let result = call!(
            self.handle.table,
            "open message",
            &subject,
            message_file(self.handle.mailbox, &record, &mut out)
        );
        // SAFETY: cyrsync.h says that the library owns the descriptor as soon as the host has set
        // it, even if the call failed.
        let owned = (out.fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(out.fd) });
        result?;
        Ok(Whereabouts {
            file: owned.map(File::from),
            content: bytes(out.content, "content")?,
            path: PathBuf::from(OsStr::from_bytes(bytes(out.path, "path")?)),
        })
    }

    /// Returns the subject for errors about a message. `path` is the path of its file; empty if it
    /// is not known.
    fn name_at(&self, record: &Record, path: &Path) -> Subject {
        let path = Some(path).filter(|path| !path.as_os_str().is_empty());
        Subject::message(self.state.name.clone(), record.uid, path.map(Path::to_owned))
    }
}

impl MailboxFiles for OpenMailbox<'_> {
    fn message(&self, record: &Record) -> Result<MessageFile> {
        let Whereabouts { file, content, path } = self.find_message(record)?;
        let opened = match file {
            Some(file) => MessageFile::open(file),
            None if !content.is_empty() => Ok(content.to_vec().into()),
            None => open_regular(&path).and_then(|(file, _)| MessageFile::open(file)),
        };
        opened.map_err(|error| {
            let (kind, detail) = match error.kind() {
                io::ErrorKind::NotFound => (Kind::Corrupt, "the file is missing".to_owned()),
                _ => (Kind::Io, reason(&error)),
            };
            Error::new(kind, "open message", self.name_at(record, &path), detail)
                .with_hint(MESSAGE_REPAIR)
                .with_source(error)
        })
    }

    fn message_name(&self, record: &Record) -> Subject {
        let path = self.find_message(record).map(|found| found.path);
        self.name_at(record, &path.unwrap_or_default())
    }
}

impl Mailbox for OpenMailbox<'_> {
    fn state(&self) -> &MailboxState {
        &self.state
    }

    fn annotations(&self) -> Result<Vec<Annotation>> {
        const OP: &str = "read annotations of";
        let name = &self.state.name;
        let (mut all, mut emitted) = (Vec::new(), Emitted::default());
        call!(self.handle.table, OP, name,
        mailbox_annotations(self.handle.mailbox) => emit::<cyrsync_annotation>, |one| {
            let one = annotation(&one)?;
            emitted.annotation(&one, OP, name)?;
            all.push(one);
            go_on()
        })?;
        Ok(all)
    }

    fn scan(
        &mut self,
        records: Records,
        visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let from = match records {
            Records::All => Some(0),
            Records::After(last) => last.checked_add(1),
        };
        // There are no records above the highest possible UID.
        let Some(from) = from else { return Ok(()) };
        call!(self.handle.table, "read records of", &self.state.name,
            scan(self.handle.mailbox, from, EVERY_MODSEQ) => emit::<cyrsync_record>,
            |one| visit(&record(&one)))
    }

    fn visit_annotations(
        &self,
        uids: &[Uid],
        visit: &mut dyn FnMut(Uid, Annotation) -> Result<()>,
    ) -> Result<()> {
        const OP: &str = "read annotations of a message of";
        let name = &self.state.name;
        for uid in uids {
            let mut emitted = Emitted::default();
            call!(self.handle.table, OP, name,
            message_annotations(self.handle.mailbox, *uid) => emit::<cyrsync_annotation>, |one| {
                let one = annotation(&one)?;
                emitted.annotation(&one, OP, name)?;
                visit(*uid, one)?;
                go_on()
            })?;
        }
        Ok(())
    }

    fn inconsistency(&self) -> Option<String> {
        self.inconsistency.clone()
    }

    fn unlock_index(&mut self) {
        if let Some(unlock) = self.handle.table.functions().unlock_index {
            // SAFETY: the pointer came from the host's open function, and the mailbox is not closed
            // yet.
            unsafe { unlock(self.handle.table.userdata(), self.handle.mailbox) };
        }
    }
}
