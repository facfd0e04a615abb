//! Combines a mailbox's entry, cyrus.header and the header of cyrus.index into its state.

use crate::format::{header, index as format};
use crate::types::{MailboxEntry, MailboxHeader, MailboxState, Modseq, UniqueId};

/// An inconsistency with which Cyrus still opens the mailbox. reconstruct repairs it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Oddity {
    /// cyrus.header does not match the CRC in cyrus.index.
    #[error("the CRC of cyrus.header is {computed:08x}, but cyrus.index says {stored:08x}")]
    HeaderCrc {
        /// The CRC that cyrus.index stores.
        stored: u32,
        /// The CRC of the present cyrus.header.
        computed: u32,
    },
    /// mailboxes.db and cyrus.header have different uniqueids. The uniqueid in mailboxes.db is
    /// used. If mailboxes.db has none, as in entries written by Cyrus before 2.5, this is no
    /// inconsistency.
    #[error("the uniqueid is {entry} in mailboxes.db, but {header} in cyrus.header")]
    UniqueId {
        /// The uniqueid in mailboxes.db.
        entry: UniqueId,
        /// The uniqueid in cyrus.header; empty if there is none.
        header: UniqueId,
    },
}

/// Returns the inconsistencies of a mailbox.
pub(super) fn oddities(
    entry: &MailboxEntry,
    header: &header::Header,
    index: &format::Header,
) -> Vec<Oddity> {
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

/// Combines entry, cyrus.header and index header into the state. Where two of them have a value,
/// the choice is that of the accessors in `imap/mailbox.c` (`mailbox_uniqueid`, `mailbox_acl`,
/// `mailbox_quotaroot`, `mailbox_jmapid`, ...).
pub(super) fn state(
    entry: MailboxEntry,
    header: header::Header,
    index: &format::Header,
) -> MailboxState {
    let uniqueid = if entry.uniqueid.is_empty() { header.uniqueid } else { entry.uniqueid };
    MailboxState {
        flags: header.flags,
        unknown: header.unknown,
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
            jmapid: entry.jmapid.or(header.jmapid),
            minor_version: index.minor_version(),
            deletedmodseq: index.deletedmodseq,
            xconvmodseq: None,
            compact_emailids: None,
            raclmodseq: None,
            usergroups: None,
        },
    }
}

/// Returns a modseq, or `None` for 0, which means "not set".
pub(super) fn known(modseq: Modseq) -> Option<Modseq> {
    Some(modseq).filter(|modseq| *modseq != 0)
}
