//! Message files on their way out: none leaves that is not what its record says.
//!
//! A replica of 3.6.1 that is given a file of another content aborts when it applies the record
//! (`sync_append_copyfile`), and a damaged message would be spread. Cyrus's client checks each
//! file too (`printfile` in `imap/dlist.c`). SHA-1 costs a twentieth of what deflate does.

use std::io::{self, Read};

use sha1::{Digest, Sha1};

use crate::error::{Error, Kind, Result, reason};
use crate::store::{MESSAGE_REPAIR, MailboxFiles, MessageFile};
use crate::types::{Guid, Record};

/// Messages up to this size are read once and sent from memory.
const IN_MEMORY: u32 = 1 << 20;
/// Bytes that are read and hashed at once of bigger ones.
const CHUNK: usize = 256 << 10;

/// Reads message files, with a buffer that is used again and again.
#[derive(Debug, Default)]
pub struct Messages {
    buffer: Vec<u8>,
}

/// A message whose content is good.
pub enum Opened {
    /// It is in the buffer.
    Buffered,
    /// It is too big for that.
    File(MessageFile),
}

impl Messages {
    /// Opens the file of a message and makes sure that it has the size and the GUID of its record.
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
                .hint(MESSAGE_REPAIR)
                .caused_by(error)
        })?;
        let wanted = (u64::from(record.size), record.guid);
        if found != wanted {
            let (size, guid) = found;
            let detail = format!(
                "the file has {size} bytes with SHA-1 {guid}, cyrus.index says {} with {}",
                wanted.0, wanted.1
            );
            return Err(
                Error::new(Kind::Corrupt, "read message", subject(), detail).hint(MESSAGE_REPAIR)
            );
        }
        Ok(if record.size <= IN_MEMORY { Opened::Buffered } else { Opened::File(file) })
    }

    /// Returns the content of the message that was opened last, from its beginning.
    pub fn content(&self, opened: Opened) -> Box<dyn Read + '_> {
        match opened {
            Opened::Buffered => Box::new(self.buffer.as_slice()),
            Opened::File(file) => Box::new(file),
        }
    }

    fn read(&mut self, file: &mut MessageFile, size: u32) -> io::Result<(u64, Guid)> {
        self.buffer.clear();
        // One byte more than expected shows a file that has grown.
        let read = file.take(u64::from(size) + 1).read_to_end(&mut self.buffer)?;
        Ok((read as u64, Guid(Sha1::digest(&self.buffer).into())))
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
