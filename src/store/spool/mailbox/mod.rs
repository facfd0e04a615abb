//! An open mailbox of a Cyrus spool, under the locks that Cyrus takes to read one
//! (`mailbox_open_irl` in `imap/mailbox.c`).
//!
//! In order, all shared: the namespace of its owner, so that nobody renames or deletes; the
//! mailbox's name, so that its files are neither replaced nor unlinked; cyrus.index itself, so
//! that it is not written. Between the first and the second the mailbox is looked up.
//!
//! An unchanged mailbox costs these calls, open to close: `openat` and `fcntl` for each of the
//! three locks, `statx` and `pread` of cyrus.index, `openat`, `statx`, `read` and `close` of
//! cyrus.header, then `fcntl` and `close` for each lock.

mod annotated;
mod index;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Malformed, Result, reason};
use crate::format::{header, index as format};
use crate::limits::MAILBOX_HEADER_BYTES;
use crate::store::{Crcs, MESSAGE_REPAIR, Mailbox, MailboxFiles, Records, Wait, no_partition};
use crate::sys::file::open_regular;
use crate::sys::lock::{LockGuard, Mode, lock_name};
use crate::types::crc::{self, FlagCrcs};
use crate::types::{
    Annotation, CrcSum, InternalFlags, MailboxEntry, MailboxHeader, MailboxState, MboxName,
    MboxType, Modseq, Record, SyncCrcs, Uid, UniqueId,
};
use annotated::Annotated;
use index::Index;

pub use annotated::{Annotations, VisitAnnotation};

/// Where the files of a mailbox are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The mailbox, for errors.
    pub name: MboxName,
    /// Directory of the message files.
    pub data: PathBuf,
    /// Directory of the archived message files; `data` where nothing is archived elsewhere.
    pub archive: PathBuf,
    /// `cyrus.header`
    pub header: PathBuf,
    /// `cyrus.index`
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

/// A mailbox that was looked up.
pub struct Found<'a> {
    /// Its entry in mailboxes.db.
    pub entry: MailboxEntry,
    /// Its files.
    pub files: Files,
    /// Its annotations.
    pub annotations: Box<dyn Annotations + 'a>,
}

/// What is odd about a mailbox that Cyrus opens all the same, and which reconstruct puts right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Oddity {
    /// cyrus.header is not the one that cyrus.index belongs to.
    #[error("the CRC of cyrus.header is {computed:08x}, but cyrus.index says {stored:08x}")]
    HeaderCrc {
        /// What cyrus.index says.
        stored: u32,
        /// What it is.
        computed: u32,
    },
    /// The uniqueid in mailboxes.db, which is used, is not that in cyrus.header. Where
    /// mailboxes.db has none, as Cyrus wrote it before 2.5, there is nothing odd about it.
    #[error("the uniqueid is {entry} in mailboxes.db, but {header} in cyrus.header")]
    UniqueId {
        /// That in mailboxes.db.
        entry: UniqueId,
        /// That in cyrus.header; empty if it has none.
        header: UniqueId,
    },
}

/// An open mailbox. Dropping it releases its locks.
pub struct SpoolMailbox<'a> {
    state: MailboxState,
    oddities: Vec<Oddity>,
    files: Files,
    annotations: Annotated<'a>,
    /// With its lock and that of the namespace, until they are released.
    index: Option<Index>,
    _lock: LockGuard,
}

impl<'a> SpoolMailbox<'a> {
    /// Opens a mailbox, waiting for each of its locks as `wait` says.
    ///
    /// `namespace` is the lock file of its owner's namespace, or of that of shared mailboxes;
    /// under that lock `find` looks the mailbox up. `xconvmodseq` and `raclmodseq` of the state
    /// are left for [`SpoolMailbox::set_modseqs`].
    ///
    /// Do not open a mailbox while holding another of the same user: whoever waits to delete the
    /// one keeps the namespace locked.
    ///
    /// # Errors
    /// Those of `find`. [`Kind::NotFound`] if the entry is a tombstone, an intermediate or
    /// reserved, lies on another server, or the mailbox is about to be deleted;
    /// [`Kind::Moved`] if it is on its way to another server; [`Kind::Corrupt`] and
    /// [`Kind::Unsupported`] for its files; [`Kind::Io`].
    pub fn open(
        namespace: &Path,
        wait: Wait,
        find: impl FnOnce() -> Result<Found<'a>>,
    ) -> Result<Self> {
        let namespace = lock_name(namespace, Mode::Shared, wait)?;
        let Found { entry, files, annotations } = find()?;
        openable(&entry)?;
        let lock = lock_name(&files.lock, Mode::Shared, wait)?;
        let index = Index::open(&files.index, namespace, wait)?;
        // Written under an exclusive lock of cyrus.index.
        let header = read_header(&files.header)?;
        if index.header().is_deleted {
            return Err(not_found(&entry, "it is being deleted"));
        }
        let oddities = oddities(&entry, &header, index.header());
        let annotations = Annotated::new(annotations);
        let state = state(entry, header, index.header());
        if state.uniqueid.is_empty() {
            let detail = "it has a uniqueid neither in mailboxes.db nor in cyrus.header";
            return Err(Error::new(Kind::Corrupt, OPEN, state.name.to_string(), detail)
                .hint(format::REPAIR));
        }
        Ok(SpoolMailbox { state, oddities, files, annotations, index: Some(index), _lock: lock })
    }

    /// Completes the state by what other databases hold.
    pub fn set_modseqs(&mut self, xconvmodseq: Option<Modseq>, raclmodseq: Modseq) {
        self.state.xconvmodseq = xconvmodseq;
        self.state.raclmodseq = known(raclmodseq);
    }

    /// What is odd about it, for the log.
    pub fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    fn index(&mut self) -> Result<&mut Index> {
        self.index.as_mut().ok_or_else(|| {
            let detail = "the index lock is not held any more";
            Error::new(Kind::InvalidArgument, "read records", self.state.name.to_string(), detail)
        })
    }

    /// `mailbox_synccrcs` with `force`.
    fn recompute(&mut self) -> Result<SyncCrcs> {
        let version = self.state.minor_version;
        let flags = FlagCrcs::new(&self.state.flags);
        let stored = self.annotations.crcs(version)?;
        let mut stored = stored.into_iter().peekable();
        let mut sum = CrcSum::EMPTY;
        self.scan_all(&mut |record| {
            if record.is_expunged() {
                return Ok(());
            }
            sum.basic ^= crc::basic(record, &flags);
            sum.annot ^= crc::virtual_annots(record, version);
            while let Some((uid, crc)) = stored.next_if(|(uid, _)| *uid <= record.uid) {
                if uid == record.uid {
                    sum.annot ^= crc;
                }
            }
            Ok(())
        })?;
        Ok(sum.into())
    }
}

impl MailboxFiles for Files {
    fn message(&self, record: &Record) -> Result<File> {
        const OP: &str = "open message";
        let broken = |kind, detail: String| Error::new(kind, OP, self.message_name(record), detail);
        if record.internal_flags.has(InternalFlags::UNLINKED) {
            return Err(broken(Kind::Corrupt, "expunged, and its file is removed".into()));
        }
        let error = match open_regular(&self.path(record)) {
            Ok((file, len)) if len == u64::from(record.size) => return Ok(file),
            Ok((_, len)) => {
                let detail = format!("{len} bytes, but cyrus.index says {}", record.size);
                broken(Kind::Corrupt, detail)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                broken(Kind::Corrupt, "the file is missing".into()).caused_by(error)
            }
            Err(error) => broken(Kind::Io, reason(&error)).caused_by(error),
        };
        Err(error.hint(MESSAGE_REPAIR))
    }

    fn message_name(&self, record: &Record) -> String {
        let path = self.path(record);
        format!("UID {} of {} ({})", record.uid, self.name, path.display())
    }
}

impl MailboxFiles for SpoolMailbox<'_> {
    fn message(&self, record: &Record) -> Result<File> {
        self.files.message(record)
    }

    fn message_name(&self, record: &Record) -> String {
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

    fn crcs(&mut self, which: Crcs) -> Result<SyncCrcs> {
        match which {
            Crcs::Stored => Ok(self.state.crcs),
            Crcs::Recomputed => self.recompute(),
        }
    }

    fn scan(
        &mut self,
        records: Records,
        visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.index()?.scan(records, visit)
    }

    fn message_annotations(&self, uid: Uid) -> Result<Vec<Annotation>> {
        self.annotations.of_message(uid)
    }

    fn files(&self) -> Option<Box<dyn MailboxFiles>> {
        Some(Box::new(self.files.clone()))
    }

    fn doubt(&self) -> Option<String> {
        self.oddities.first().map(ToString::to_string)
    }

    fn unlock_index(&mut self) {
        self.index = None;
    }
}

const OPEN: &str = "open mailbox";

fn not_found(entry: &MailboxEntry, detail: &str) -> Error {
    Error::new(Kind::NotFound, OPEN, entry.name.to_string(), detail)
}

/// What `mailbox_open_advanced` refuses by the entry alone.
pub(super) fn openable(entry: &MailboxEntry) -> Result<()> {
    let refused = [
        (MboxType::DELETED, "it is deleted"),
        (MboxType::INTERMEDIATE, "it is no mailbox, only a name above one"),
        (MboxType::RESERVE, "it is not finished yet"),
        (MboxType::REMOTE, "it lies on another server"),
    ];
    if let Some((_, detail)) = refused.iter().find(|(flag, _)| entry.mbtype.has(*flag)) {
        return Err(not_found(entry, detail));
    }
    if entry.mbtype.has(MboxType::MOVING) {
        let detail = "it is on its way to another server";
        return Err(Error::new(Kind::Moved, OPEN, entry.name.to_string(), detail));
    }
    if entry.partition.is_empty() {
        return Err(no_partition(entry));
    }
    Ok(())
}

/// cyrus.header; it is replaced by renaming, so what is read is whole without a lock.
pub(super) fn read_header(path: &Path) -> Result<header::Header> {
    const OP: &str = "read cyrus.header";
    let (mut file, len) = open_regular(path).map_err(|error| missing(OP, path, error))?;
    let parsed = match usize::try_from(len) {
        Ok(size) if len <= MAILBOX_HEADER_BYTES => {
            // It is replaced by renaming, so its length stays.
            let mut data = vec![0; size];
            file.read_exact(&mut data)
                .map_err(|error| Error::io(OP, path, error).or_hint(UNREADABLE))?;
            header::parse(&data)
        }
        _ => Err(Malformed::new(MAILBOX_HEADER_BYTES, "too large")),
    };
    parsed.map_err(|malformed| malformed.in_file(OP, path, format::REPAIR))
}

/// What to do about a file of a mailbox that is there and cannot be read. No reconstruct: that writes
/// the mailbox anew from what it can read.
const UNREADABLE: &str = "see what is at this path, and the system's log";

/// A file that every mailbox has cannot be read: that it is not there is damage, for the
/// namespace lock keeps mailboxes from being deleted.
fn missing(op: &'static str, path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => {
            let path = path.display().to_string();
            Error::new(Kind::Corrupt, op, path, "the file is missing")
                .hint(format::REPAIR)
                .caused_by(error)
        }
        _ => Error::io(op, path, error).or_hint(UNREADABLE),
    }
}

fn oddities(entry: &MailboxEntry, header: &header::Header, index: &format::Header) -> Vec<Oddity> {
    let mut found = Vec::new();
    let computed = header.crc;
    if let Some(stored) = index.header_file_crc.filter(|stored| *stored != computed) {
        found.push(Oddity::HeaderCrc { stored, computed });
    }
    if !entry.uniqueid.is_empty() && entry.uniqueid != header.uniqueid {
        let (entry, header) = (entry.uniqueid.clone(), header.uniqueid.clone());
        found.push(Oddity::UniqueId { entry, header });
    }
    found
}

/// Puts the three sources together as the accessors of `imap/mailbox.c` do (`mailbox_uniqueid`,
/// `mailbox_acl`, `mailbox_quotaroot`, ...).
fn state(entry: MailboxEntry, header: header::Header, index: &format::Header) -> MailboxState {
    let uniqueid = if entry.uniqueid.is_empty() { header.uniqueid } else { entry.uniqueid };
    MailboxState {
        flags: header.flags,
        minor_version: index.minor_version(),
        deletedmodseq: index.deletedmodseq,
        num_records: index.num_records,
        exists: Some(index.exists),
        header: MailboxHeader {
            name: entry.name,
            uniqueid,
            mbtype: entry.mbtype,
            partition: entry.partition,
            acl: entry.acl,
            quotaroot: header.quotaroot,
            options: index.options,
            uidvalidity: index.uidvalidity,
            last_uid: index.last_uid,
            highestmodseq: index.highestmodseq,
            createdmodseq: known(index.createdmodseq),
            foldermodseq: known(entry.foldermodseq),
            recentuid: index.recentuid,
            recenttime: index.recenttime,
            last_appenddate: index.last_appenddate,
            pop3_last_login: index.pop3_last_login,
            pop3_show_after: index.pop3_show_after,
            crcs: index.synccrcs,
            xconvmodseq: None,
            raclmodseq: None,
        },
    }
}

/// A modseq of 0 is none.
fn known(modseq: Modseq) -> Option<Modseq> {
    Some(modseq).filter(|modseq| *modseq != 0)
}
