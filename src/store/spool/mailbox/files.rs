//! Paths of a mailbox's files, and functions that open message files and read cyrus.header.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Malformed, Result, Subject, reason};
use crate::format::{header, index as format};
use crate::limits::MAILBOX_HEADER_BYTES;
use crate::store::errors::{broken_message, message_of_other_size, unlinked_message};
use crate::store::message::MessageFile;
use crate::store::traits::MailboxFiles;
use crate::sys::advise::will_need;
use crate::sys::file::{open_regular, open_unchecked};
use crate::types::{InternalFlags, MboxName, Record};

/// The paths of a mailbox's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The mailbox's name, for error messages.
    pub name: MboxName,
    /// Directory of the message files.
    pub data: PathBuf,
    /// Directory of the archived message files; the same as `data` if there is no archive
    /// partition.
    pub archive: PathBuf,
    /// Path of the mailbox's cyrus.header.
    pub header: PathBuf,
    /// Path of the mailbox's cyrus.index.
    pub index: PathBuf,
    /// The lock file that every opener of the mailbox locks (`mboxname_lock`).
    pub lock: PathBuf,
}

impl Files {
    fn path(&self, record: &Record) -> PathBuf {
        let archived = record.internal_flags.has(InternalFlags::ARCHIVED);
        let directory = if archived { &self.archive } else { &self.data };
        directory.join(format!("{}.", record.uid))
    }
}

impl MailboxFiles for Files {
    fn message(&self, record: &Record) -> Result<MessageFile> {
        let name = || self.message_name(record);
        if record.internal_flags.has(InternalFlags::UNLINKED) {
            return Err(unlinked_message(name()));
        }
        match open_regular(&self.path(record)) {
            Ok((file, len)) if len == record.size => Ok(MessageFile::of_len(file, len)),
            Ok((_, len)) => Err(message_of_other_size(name(), len, record.size)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let detail = "the file is missing";
                Err(broken_message(Kind::Corrupt, name(), detail).with_source(error))
            }
            Err(error) => Err(broken_message(Kind::Io, name(), reason(&error)).with_source(error)),
        }
    }

    fn read_ahead(&self, record: &Record) {
        let opened = open_unchecked(File::options().read(true), &self.path(record));
        opened.iter().for_each(will_need);
    }

    fn message_name(&self, record: &Record) -> Subject {
        Subject::message(self.name.clone(), record.uid, Some(self.path(record)))
    }
}

/// Reads cyrus.header. Cyrus replaces the file by renaming a new one, so a read without a lock sees
/// a complete file.
pub(in crate::store::spool) fn read_header(path: &Path) -> Result<header::Header> {
    const OP: &str = "read cyrus.header";
    let (mut file, len) = open_regular(path).map_err(|error| missing(OP, path, error))?;
    let parsed = match usize::try_from(len) {
        Ok(size) if len <= MAILBOX_HEADER_BYTES => {
            // Cyrus replaces the file by renaming, so its length cannot change.
            let mut data = vec![0; size];
            file.read_exact(&mut data)
                .map_err(|error| Error::io(OP, path, error).or_hint(UNREADABLE))?;
            header::parse(&data)
        }
        _ => Err(Malformed::new(MAILBOX_HEADER_BYTES, "the file is too large")),
    };
    parsed.map_err(|malformed| malformed.in_file(OP, path, format::REPAIR))
}

/// Advice for a mailbox file that exists but cannot be read. It does not recommend reconstruct,
/// because reconstruct would rebuild the mailbox from the readable part only.
pub(super) const UNREADABLE: &str = "check what is at this path, and see the system log";

/// Makes the error for a mailbox file that cannot be opened. A missing file is reported as damage:
/// the caller holds the namespace lock, so the mailbox cannot have been deleted meanwhile.
pub(super) fn missing(op: &'static str, path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => {
            let path = path.display().to_string();
            Error::new(Kind::Corrupt, op, path, "the file is missing")
                .with_hint(format::REPAIR)
                .with_source(error)
        }
        _ => Error::io(op, path, error).or_hint(UNREADABLE),
    }
}
