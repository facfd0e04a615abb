//! The state of a mailbox: its entry, cyrus.header and the header of cyrus.index put together.

use crate::format::{header, index as format};
use crate::types::{MailboxEntry, MailboxHeader, MailboxState, Modseq, UniqueId};

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

/// What is odd about a mailbox.
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

/// Puts the three sources together as the accessors of `imap/mailbox.c` do (`mailbox_uniqueid`,
/// `mailbox_acl`, `mailbox_quotaroot`, `mailbox_jmapid`, ...).
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

/// A modseq of 0 is none.
pub(super) fn known(modseq: Modseq) -> Option<Modseq> {
    Some(modseq).filter(|modseq| *modseq != 0)
}
