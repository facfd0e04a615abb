//! Reads the state of a mailbox without its locks.
//!
//! For an unchanged mailbox, the system calls are `openat`, `pread` and `close`, for cyrus.index
//! and for cyrus.header. A cyrus.index longer than the read buffer also needs `statx`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::files::read_header;
use super::state::{oddities, state};
use crate::format::{header, index as format};
use crate::sys::file::{open_unchecked, regular_len};
use crate::types::{MailboxEntry, MailboxState};

/// Size of the read buffer. The header of every cyrus.index fits into it, and almost every
/// cyrus.header. If a read returns fewer bytes than this, the file ends there, and no `statx` is
/// needed.
const BYTES: usize = 4096;

/// Reads the state of the mailbox of `entry`, without the fields that come from other databases.
/// Returns `None` if the mailbox must be opened under its locks instead.
pub(in crate::store::spool) fn read_unlocked(
    entry: &MailboxEntry,
    index: &Path,
    header: &Path,
) -> Option<MailboxState> {
    let mut buffer = [0; BYTES];
    let index = index_header(index, &mut buffer).filter(|index| !index.is_deleted)?;
    let header = small_header(header, &mut buffer)?;
    if !oddities(entry, &header, &index).is_empty() {
        return None;
    }
    let state = state(entry.clone(), header, &index);
    (!state.uniqueid.is_empty()).then_some(state)
}

fn index_header(path: &Path, buffer: &mut [u8; BYTES]) -> Option<format::Header> {
    let file = open(path)?;
    let len = file.read_at(buffer, 0).ok()?;
    let size = if len < BYTES { len as u64 } else { regular_len(&file).ok()? };
    format::Header::parse(buffer.get(..len)?, size).ok()
}

fn small_header(path: &Path, buffer: &mut [u8; BYTES]) -> Option<header::Header> {
    let len = open(path)?.read_at(buffer, 0).ok()?;
    if len < BYTES { header::parse(buffer.get(..len)?).ok() } else { read_header(path).ok() }
}

fn open(path: &Path) -> Option<File> {
    open_unchecked(File::options().read(true), path).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::Spool;
    use super::*;
    use crate::format::index::recorded::Recorded;
    use crate::store::Mailbox;
    use crate::sys::lock::{Mode, Wait, lock_existing};

    fn at(spool: &Spool) -> Option<MailboxState> {
        read_unlocked(&spool.entry, &spool.files.index, &spool.files.header)
    }

    #[test]
    fn reading_without_locks_has_the_same_result_as_opening_and_does_not_block() {
        for recorded in Recorded::all() {
            let spool = Spool::new(&recorded);
            let opened = spool.open().unwrap().state().clone();
            let _writer = lock_existing(&spool.files.index, Mode::Exclusive, Wait::Fail).unwrap();
            assert_eq!(format!("{:?}", at(&spool)), format!("{:?}", Some(opened)));
        }
    }

    #[test]
    fn the_length_of_a_long_index_is_checked() {
        let recorded = Recorded::read("v17");
        let spool = Spool::new(&recorded);
        let count = u32::from_be_bytes(recorded.index[20..24].try_into().unwrap());
        let long = |count: u32| {
            let mut index = recorded.index[..160].to_vec();
            index[20..24].copy_from_slice(&count.to_be_bytes());
            let crc = crc32fast::hash(&index[..156]).to_be_bytes();
            index[156..].copy_from_slice(&crc);
            index.resize(160 + 100 * 112, 0);
            fs::write(&spool.files.index, &index).unwrap();
            at(&spool)
        };
        assert!(count < 100);
        assert_eq!(long(100).map(|state| state.num_records), Some(100));
        assert!(long(101).is_none());
    }

    #[test]
    fn odd_or_damaged_mailboxes_must_be_opened() {
        let recorded = Recorded::read("v17");
        let refused = |change: &dyn Fn(&mut Spool)| {
            let mut spool = Spool::new(&recorded);
            assert!(at(&spool).is_some());
            change(&mut spool);
            assert!(at(&spool).is_none());
        };
        refused(&|spool| fs::remove_file(&spool.files.index).unwrap());
        refused(&|spool| fs::remove_file(&spool.files.header).unwrap());
        refused(&|spool| {
            fs::remove_file(&spool.files.header).unwrap();
            fs::create_dir(&spool.files.header).unwrap();
        });
        refused(&|spool| spool.entry.uniqueid = "another".into());
        // Next: a half-written header, the CRC of another cyrus.header, a mailbox marked as
        // deleted.
        let flipped = |at: usize| {
            let mut index = recorded.index.clone();
            index[at] ^= 1;
            index
        };
        refused(&|spool| fs::write(&spool.files.index, flipped(40)).unwrap());
        refused(&|spool| {
            let mut index = flipped(96);
            let crc = crc32fast::hash(&index[..156]).to_be_bytes();
            index[156..160].copy_from_slice(&crc);
            fs::write(&spool.files.index, index).unwrap();
        });
        refused(&|spool| {
            let mut index = recorded.index.clone();
            index[60] |= 0x80;
            let crc = crc32fast::hash(&index[..156]).to_be_bytes();
            index[156..160].copy_from_slice(&crc);
            fs::write(&spool.files.index, index).unwrap();
        });
    }
}
