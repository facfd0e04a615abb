//! The counters file of a user or domain (`imap/mboxname.c`). Cyrus replaces it by renaming, so it
//! is read without a lock.

use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Error, Result};
use crate::format::counters::{self, Counters};
use crate::limits::COUNTERS_FILE_BYTES;
use crate::sys::file::read_regular;

/// The counters file at `path`; all are 0 if there is none.
///
/// The modseq of reverse ACLs is the INBOX's alone. None is used unless imapd.conf says
/// `conversations: yes` (`mboxname_readraclmodseq`, `mboxname_readmodseq`): do not ask for others.
///
/// # Errors
/// [`Kind::Io`](crate::Kind::Io), or [`Kind::Corrupt`](crate::Kind::Corrupt), where Cyrus takes 0.
pub fn read(path: &Path) -> Result<Counters> {
    const OP: &str = "read counters";
    match read_regular(path, COUNTERS_FILE_BYTES) {
        Ok(data) => counters::parse(&data).map_err(|malformed| {
            malformed.in_file(OP, path, "remove the file: Cyrus makes a new one")
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Counters::default()),
        Err(error) => Err(Error::io(OP, path, error).or_hint("see what is at this path")),
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
