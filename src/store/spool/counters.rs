//! The counters file of a user or domain (`imap/mboxname.c`). Cyrus replaces it by renaming, so it
//! is read without a lock.

use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::format::counters;
use crate::limits::COUNTERS_FILE_BYTES;
use crate::sys::file::open_regular;
use crate::types::Modseq;

/// The modseq of a user's reverse ACLs from the counters file at `path`, 0 if there is none.
///
/// It is the INBOX's alone, and unused unless imapd.conf says `conversations: yes`
/// (`mboxname_readraclmodseq`): do not ask for others.
///
/// # Errors
/// [`Kind::Io`](crate::Kind::Io), or [`Kind::Corrupt`](crate::Kind::Corrupt), where Cyrus takes 0.
pub fn raclmodseq(path: &Path) -> Result<Modseq> {
    const OP: &str = "read counters";
    let mut data = Vec::new();
    let read = open_regular(path)
        .and_then(|(file, _)| file.take(COUNTERS_FILE_BYTES).read_to_end(&mut data));
    match read {
        Ok(_) => counters::raclmodseq(&data).map_err(|malformed| {
            malformed.in_file(OP, path, "remove the file: Cyrus makes a new one")
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(Error::io(OP, path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_file_is_read_missing_or_broken() {
        let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/userdata/dump");
        assert!(raclmodseq(&dump.join("fred.counters.db")).unwrap() > 0);
        assert_eq!(raclmodseq(&dump.join("nobody.counters.db")).unwrap(), 0);
        assert_eq!(raclmodseq(&dump.join("mailboxes.db")).unwrap_err().kind(), Kind::Corrupt);
        assert_eq!(raclmodseq(&dump.join("quota/x")).unwrap_err().kind(), Kind::Io);
    }
}
