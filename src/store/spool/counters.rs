//! Reads the counters file of a user or domain (`imap/mboxname.c`), which holds the highest
//! modseqs. Cyrus replaces the file by renaming, so it can be read without a lock.

use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Error, Result};
use crate::format::counters::{self, Counters};
use crate::limits::COUNTERS_FILE_BYTES;
use crate::sys::file::read_regular;

/// Reads the counters file at `path`. Returns 0 for all counters if there is no file.
///
/// Use these counters only if imapd.conf says `conversations: yes`. Use the modseq of reverse ACLs
/// only for an INBOX. Cyrus has the same conditions (`mboxname_readmodseq`,
/// `mboxname_readraclmodseq`).
///
/// # Errors
/// [`Kind::Io`](crate::Kind::Io) or [`Kind::Corrupt`](crate::Kind::Corrupt). Cyrus uses 0 instead.
pub fn read(path: &Path) -> Result<Counters> {
    const OP: &str = "read counters";
    match read_regular(path, COUNTERS_FILE_BYTES) {
        Ok(data) => counters::parse(&data).map_err(|malformed| {
            malformed.in_file(OP, path, "remove the file: Cyrus creates a new one")
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Counters::default()),
        Err(error) => Err(Error::io(OP, path, error).or_hint("check what is at this path")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_file_is_read_missing_or_broken() {
        let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/userdata/dump");
        let counters = read(&dump.join("fred.counters.db")).unwrap();
        assert!(counters.raclmodseq > 0 && counters.highestmodseq >= counters.raclmodseq);
        assert_eq!(read(&dump.join("nobody.counters.db")).unwrap(), Counters::default());
        assert_eq!(read(&dump.join("mailboxes.db")).unwrap_err().kind(), Kind::Corrupt);
        assert_eq!(read(&dump.join("quota/x")).unwrap_err().kind(), Kind::Io);
    }
}
