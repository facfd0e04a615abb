//! Parses cyrus.index: a header, then one record of fixed size for each message, in ascending order
//! of UIDs.
//!
//! Cyrus writes the file in place under the index lock. Therefore, data is consistent if it is read
//! under that lock.

mod layout;

use std::path::Path;

use crate::error::{Error, Kind, Malformed};
use crate::limits::INDEX_RECORD_BYTES;
use crate::types::{
    Guid, InternalFlags, Modseq, Options, Record, SyncCrcs, SystemFlags, Time, Uid,
};
use layout::{LAYOUTS, Layout, MINOR_VERSION, NUM_RECORDS, RECORD_SIZE, START_OFFSET};

/// Length of the longest header of all versions, in bytes.
pub const HEADER_BYTES: usize = 192;

/// Range of the minor versions that can be read.
pub const VERSIONS: std::ops::RangeInclusive<u32> = 12..=20;

/// The reason why a cyrus.index is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The file is damaged.
    Malformed(Malformed),
    /// The file has a minor version outside [`VERSIONS`].
    Version(u32),
}

/// Makes the error for a minor version outside [`VERSIONS`].
pub fn not_read(version: u32, op: &'static str, subject: String) -> Error {
    let (oldest, newest) = (VERSIONS.start(), VERSIONS.end());
    let detail = format!("minor version {version} is not supported ({oldest} to {newest} are)");
    Error::new(Kind::Unsupported, op, subject, detail).with_hint(if version < *oldest {
        "convert the mailbox to the current version: run reconstruct -V max MAILBOX".into()
    } else {
        format!("use a later release of this program, or run reconstruct -V {newest} MAILBOX")
    })
}

impl From<Malformed> for Refused {
    fn from(malformed: Malformed) -> Self {
        Refused::Malformed(malformed)
    }
}

impl Refused {
    /// Converts the reason to an error that names the file and the repair.
    pub fn in_file(self, path: &Path) -> Error {
        const OP: &str = "read cyrus.index";
        match self {
            Refused::Malformed(malformed) => malformed.in_file(OP, path, REPAIR),
            Refused::Version(version) => not_read(version, OP, path.display().to_string()),
        }
    }
}

/// The option bits that are replicated.
const OPTIONS: u32 = Options::POP3_NEW_UIDL
    | Options::IMAP_SHAREDSEEN
    | Options::IMAP_DUPDELIVER
    | Options::IMAP_HAS_ALARMS;
/// Option bit that marks a deleted mailbox.
const DELETED: u32 = 1 << 31;

/// Advice for a damaged cyrus.index.
pub const REPAIR: &str = "run Cyrus's reconstruct on the mailbox";

/// The fields of a cyrus.index header that replication needs (`struct index_header` in
/// `imap/mailbox.h`).
#[derive(Debug, Clone)]
pub struct Header {
    layout: &'static Layout,
    /// Offset of the first record.
    pub start_offset: u32,
    /// Size of each record in bytes.
    pub record_size: u32,
    /// Number of records, including those of expunged messages. The file has at least this many.
    pub num_records: u32,
    /// Time when a message was last appended.
    pub last_appenddate: Time,
    /// Highest UID ever assigned.
    pub last_uid: Uid,
    /// Time of the last POP3 login.
    pub pop3_last_login: Time,
    /// UIDVALIDITY of the mailbox.
    pub uidvalidity: u32,
    /// Number of messages that are not expunged.
    pub exists: u32,
    /// Option bits that are replicated (`MAILBOX_OPTIONS_MASK`).
    pub options: Options,
    /// Whether the mailbox has been deleted, but its files have not been removed yet
    /// (`OPT_MAILBOX_DELETED`).
    pub is_deleted: bool,
    /// Highest modseq of the mailbox, at least 1.
    pub highestmodseq: Modseq,
    /// Records of expunged messages below this modseq have been removed from the file.
    pub deletedmodseq: Modseq,
    /// CRC-32 of the cyrus.header that belongs to this file. `None` if it is not stored.
    pub header_file_crc: Option<u32>,
    /// The stored sync CRCs. Versions before 13 have no `annot`.
    pub synccrcs: SyncCrcs,
    /// Highest UID that was reported as recent to an IMAP client of the owner.
    pub recentuid: Uid,
    /// Time at which `recentuid` was reported.
    pub recenttime: Time,
    /// POP3 clients see only messages from this time on. 0 in versions before 13.
    pub pop3_show_after: Time,
    /// Modseq at the creation of the mailbox. 0 in versions before 16.
    pub createdmodseq: Modseq,
}

impl Header {
    /// Parses the header at the start of `data`. `data` must contain the first [`HEADER_BYTES`] of
    /// the file, or the whole file if it is shorter. `file_size` is the size of the file in bytes.
    ///
    /// # Errors
    /// [`Refused`] if the version cannot be read, the CRC is wrong, or the file is too short for
    /// its records.
    pub fn parse(data: &[u8], file_size: u64) -> Result<Header, Refused> {
        if data.len() < 12 {
            return Err(Malformed::new(data.len(), "too short for a version number").into());
        }
        let version = MINOR_VERSION.of(data);
        let layout = LAYOUTS.iter().find(|layout| layout.minor_version == version);
        let layout = layout.ok_or(Refused::Version(version))?;
        let header_size = usize::from(layout.header_size);
        let data = data.get(..header_size).ok_or(Malformed::new(data.len(), "too short"))?;
        checked(data, "the header's CRC is wrong")?;

        let start_offset = START_OFFSET.of(data);
        let record_size = RECORD_SIZE.of(data);
        let num_records = NUM_RECORDS.of(data);
        if start_offset < u32::from(layout.header_size) {
            return Err(Malformed::new(12u64, "the records begin inside the header").into());
        }
        if !(u32::from(layout.record_size)..=INDEX_RECORD_BYTES).contains(&record_size) {
            return Err(Malformed::new(16u64, "an impossible record size").into());
        }
        // Neither the product nor the sum can overflow, because all numbers have 32 bits.
        let end = u64::from(start_offset) + u64::from(num_records) * u64::from(record_size);
        if end > file_size {
            let what = format!("the file is too short for {num_records} records");
            return Err(Malformed::new(20u64, what).into());
        }

        let fields = &layout.header;
        let exists = fields.exists.of(data);
        let stored = fields.options.of(data);
        let mut options = stored & OPTIONS;
        if exists == 0 {
            options |= Options::POP3_NEW_UIDL;
        }
        Ok(Header {
            layout,
            start_offset,
            record_size,
            num_records,
            last_appenddate: fields.last_appenddate.of(data),
            last_uid: fields.last_uid.of(data),
            pop3_last_login: fields.pop3_last_login.of(data),
            uidvalidity: fields.uidvalidity.of(data),
            exists,
            options: Options(options),
            is_deleted: stored & DELETED != 0,
            highestmodseq: fields.highestmodseq.of(data).max(1),
            deletedmodseq: fields.deletedmodseq.of(data),
            // Cyrus stores 0 if it does not know the CRC, and does not compare a stored 0.
            header_file_crc: Some(fields.header_file_crc.of(data)).filter(|crc| *crc != 0),
            synccrcs: SyncCrcs {
                basic: Some(fields.synccrc_basic.of(data)),
                annot: fields.synccrc_annot.of_version(data),
                padded: None,
            },
            recentuid: fields.recentuid.of(data),
            recenttime: fields.recenttime.of(data),
            pop3_show_after: fields.pop3_show_after.of(data),
            createdmodseq: fields.createdmodseq.of(data),
        })
    }

    /// Returns the minor version.
    pub fn minor_version(&self) -> u32 {
        self.layout.minor_version
    }

    /// Returns the offset of the `n`-th record in the file, counted from 0.
    pub fn offset_of(&self, n: u32) -> u64 {
        u64::from(self.start_offset) + u64::from(n) * u64::from(self.record_size)
    }

    /// Returns the UID of the record at the start of `data`, for a binary search. Does not check
    /// the CRC.
    pub fn uid(&self, data: &[u8]) -> Uid {
        self.layout.record.uid.of(data)
    }

    /// Parses the record at the start of `data`.
    ///
    /// # Errors
    /// [`Malformed`] if the record's CRC is wrong, or `data` is shorter than a record.
    pub fn record(&self, data: &[u8]) -> Result<Record, Malformed> {
        let fields = &self.layout.record;
        let size = usize::from(self.layout.record_size);
        let data = data.get(..size).ok_or(Malformed::new(data.len(), "a record is cut short"))?;
        checked(data, "a record's CRC is wrong")?;
        // The low 16 bits are the flags of IMAP, the high 16 bits are Cyrus's internal flags.
        let flags = fields.flags.of(data);
        let guid = data.get(usize::from(fields.guid)..).and_then(<[u8]>::first_chunk);
        Ok(Record {
            uid: fields.uid.of(data),
            size: fields.size.of(data),
            internaldate: fields.internaldate.of(data),
            internaldate_nsec: fields.internaldate.nanoseconds(data),
            last_updated: fields.last_updated.of(data),
            savedate: fields.savedate.of(data),
            modseq: fields.modseq.of(data),
            createdmodseq: fields.createdmodseq.of(data),
            cid: fields.cid.of(data),
            basecid: fields.basecid.of(data),
            system_flags: SystemFlags(flags & 0xffff),
            internal_flags: InternalFlags(flags & 0xffff_0000),
            user_flags: fields.user_flags.map(|word| word.of(data)),
            guid: guid.map_or(Guid::default(), |guid| Guid(*guid)),
        })
    }
}

/// Checks the CRC-32 of all bytes before the last four, which store the CRC.
fn checked(bytes: &[u8], complaint: &'static str) -> Result<(), Malformed> {
    match bytes.split_last_chunk() {
        Some((body, crc)) if crc32fast::hash(body) == u32::from_be_bytes(*crc) => Ok(()),
        _ => Err(Malformed::new(bytes.len().saturating_sub(4), complaint)),
    }
}

#[cfg(test)]
pub(crate) mod recorded;
#[cfg(test)]
mod tests;
