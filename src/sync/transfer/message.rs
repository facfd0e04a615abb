//! Reads message files to send, and checks that each file matches its record.
//!
//! A replica of version 3.6.1 aborts if a file does not match the record that is applied
//! (`sync_append_copyfile`), and a damaged message would spread to the replica. Cyrus's client
//! checks each file too (`printfile` in `imap/dlist.c`). SHA-1 needs only a twentieth of the time
//! of deflate.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use sha1::{Digest, Sha1};

use crate::error::{Error, Kind, Result, reason};
use crate::store::{MESSAGE_REPAIR, MailboxFiles, MessageFile};
use crate::sys::advise::disk_reads;
use crate::types::{Guid, Record};

/// Messages up to this size are read once and sent from memory.
const IN_MEMORY: u64 = 1 << 20;
/// Number of bytes of a larger message that are read and hashed at a time.
const CHUNK: usize = 256 << 10;

/// Number of files that are read ahead if files come from a disk.
const READ_AHEAD: usize = 64;
/// Reading and hashing a small file that the kernel has in memory takes less time than this.
const FROM_MEMORY: Duration = Duration::from_micros(100);

/// Reads message files into a reusable buffer.
#[derive(Debug, Default)]
pub struct Messages {
    buffer: Vec<u8>,
    /// Number of disk reads of this thread at the last check.
    disk_reads: u64,
    /// Number of following files for which a read-ahead was requested already.
    ahead: usize,
}

/// A message whose content was checked.
pub enum Opened {
    /// The content is in the buffer of [`Messages`].
    Buffered,
    /// The content is too large for the buffer and is read from the file again.
    File(MessageFile),
}

impl Messages {
    /// Opens the file of a message, and checks that it has the size and the GUID of its record.
    pub fn open(&mut self, mailbox: &dyn MailboxFiles, record: &Record) -> Result<Opened> {
        let mut file = mailbox.message(record)?;
        let subject = || mailbox.message_name(record);
        let found = if record.size <= IN_MEMORY {
            self.read(&mut file, record.size)
        } else {
            self.hash(&mut file)
        };
        let found = found.map_err(|error| {
            Error::new(Kind::Io, "read message", subject(), reason(&error))
                .with_hint(MESSAGE_REPAIR)
                .with_source(error)
        })?;
        let wanted = (record.size, record.guid);
        if found != wanted {
            let (size, guid) = found;
            let detail = format!(
                "the file has {size} bytes with SHA-1 {guid}, cyrus.index says {} with {}",
                wanted.0, wanted.1
            );
            return Err(Error::new(Kind::Corrupt, "read message", subject(), detail)
                .with_hint(MESSAGE_REPAIR));
        }
        Ok(if record.size <= IN_MEMORY { Opened::Buffered } else { Opened::File(file) })
    }

    /// Opens the file of a message like [`Messages::open`]. If the content came from a disk, tells
    /// the kernel to read the files of the `next` records too. A disk is faster with several
    /// requests at a time, and the files are read while data is written to the replica.
    pub fn open_one_of(
        &mut self,
        mailbox: &dyn MailboxFiles,
        record: &Record,
        next: &[Record],
    ) -> Result<Opened> {
        let began = Instant::now();
        let opened = self.open(mailbox, record);
        let mut from_disk = began.elapsed() >= FROM_MEMORY;
        if from_disk {
            let reads = disk_reads();
            from_disk = std::mem::replace(&mut self.disk_reads, reads) != reads;
        }
        self.read_ahead_of(from_disk, next).iter().for_each(|record| mailbox.read_ahead(record));
        opened
    }

    /// Returns the records of `next` whose files must be read ahead.
    fn read_ahead_of<'n>(&mut self, from_disk: bool, next: &'n [Record]) -> &'n [Record] {
        self.ahead = self.ahead.saturating_sub(1).min(next.len());
        if !from_disk {
            return &[];
        }
        let from = self.ahead;
        self.ahead = READ_AHEAD.min(next.len());
        next.get(from..self.ahead).unwrap_or_default()
    }

    /// Returns the content of the last opened message, from its start.
    pub fn content(&self, opened: Opened) -> Box<dyn Read + '_> {
        match opened {
            Opened::Buffered => Box::new(self.buffer.as_slice()),
            Opened::File(file) => Box::new(file),
        }
    }

    fn read(&mut self, file: &mut MessageFile, size: u64) -> io::Result<(u64, Guid)> {
        // Read one byte more than expected, to detect a file that has grown.
        let wanted = usize::try_from(size).unwrap_or(usize::MAX - 1);
        self.buffer.resize(wanted.saturating_add(1), 0);
        let mut len = 0;
        // Stop after the expected number of bytes, to save the read that would find the end of the
        // file.
        while len < wanted || len == 0 {
            match file.read(self.buffer.get_mut(len..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(count) => len += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.buffer.truncate(len);
        Ok((len as u64, Guid(Sha1::digest(&self.buffer).into())))
    }

    fn hash(&mut self, file: &mut MessageFile) -> io::Result<(u64, Guid)> {
        self.buffer.resize(CHUNK, 0);
        let (mut sha1, mut size) = (Sha1::new(), 0);
        loop {
            match file.read(&mut self.buffer)? {
                0 => break,
                count => {
                    sha1.update(self.buffer.get(..count).unwrap_or_default());
                    size += count as u64;
                }
            }
        }
        file.rewind()?;
        Ok((size, Guid(sha1.finalize().into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_ahead_once_each_and_only_where_files_come_from_a_disk() {
        let all: Vec<Record> = (1..=200).map(|uid| Record { uid, ..Record::default() }).collect();
        let mut messages = Messages::default();
        let mut hinted = |opened: usize, from_disk| {
            let next = all.get(opened..).unwrap_or_default();
            let found = messages.read_ahead_of(from_disk, next);
            (found.first().map(|record| record.uid), found.len())
        };
        assert_eq!(hinted(1, false), (None, 0));
        assert_eq!(hinted(2, true), (Some(3), 64));
        assert_eq!(hinted(3, false), (None, 0));
        assert_eq!(hinted(4, true), (Some(67), 2));
        (5..60).for_each(|opened| assert_eq!(hinted(opened, false), (None, 0)));
        assert_eq!(hinted(60, true), (Some(69), 56));
        (61..150).for_each(|opened| assert_eq!(hinted(opened, false), (None, 0)));
        assert_eq!(hinted(150, true), (Some(151), 50));
        assert_eq!(hinted(151, true), (None, 0));
        assert_eq!(hinted(200, true), (None, 0));
        // The first file of the next mailbox: its files were not read ahead yet.
        assert_eq!(hinted(0, true), (Some(1), 64));
    }
}
