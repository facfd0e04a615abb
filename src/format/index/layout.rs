//! The offsets of the fields of cyrus.index, for each minor version.
//!
//! Numbers are big-endian. Only the fields that replication needs are listed. The last four bytes
//! of a header or record are always its CRC-32. The offsets come from `imap/mailbox.h` and from
//! `mailbox_buf_to_index_header`, `mailbox_buf_to_index_record` and `mailbox_repack_setup` in
//! `imap/mailbox.c` of Cyrus 3.12.3. The offsets of version 20 come from the tables in
//! `imap/index_file.c` of Cyrus 3.13.

use crate::types::Time;

/// Offset of a 32-bit number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Be32(u16);

/// Offset of a 64-bit number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Be64(u16);

/// Offset of a field that the version does not have. It is beyond every record, so the field reads
/// as 0.
const NONE: u16 = u16::MAX;

impl Be32 {
    /// Reads the number from `bytes`, which is a header or record of at most 4 KiB.
    pub(super) fn of(self, bytes: &[u8]) -> u32 {
        let field = bytes.get(usize::from(self.0)..).and_then(<[u8]>::first_chunk);
        field.map_or(0, |field| u32::from_be_bytes(*field))
    }
}

impl Be32 {
    /// Like [`of`](Self::of), but returns `None` if the version does not have the field.
    pub(super) fn of_version(self, bytes: &[u8]) -> Option<u32> {
        (self.0 != NONE).then(|| self.of(bytes))
    }
}

impl Be64 {
    /// Reads the number from `bytes`, which is a header or record of at most 4 KiB.
    pub(super) fn of(self, bytes: &[u8]) -> u64 {
        let field = bytes.get(usize::from(self.0)..).and_then(<[u8]>::first_chunk);
        field.map_or(0, |field| u64::from_be_bytes(*field))
    }
}

/// Offset of a time: 32 bits with seconds since 1970, or 64 bits with nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    Seconds(Be32),
    Nanoseconds(Be64),
}

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

impl When {
    /// Returns the time in `bytes` in seconds since 1970.
    pub(super) fn of(self, bytes: &[u8]) -> Time {
        match self {
            When::Seconds(field) => field.of(bytes).into(),
            // The conversion is exact: the quotient is far below 2^63.
            When::Nanoseconds(field) => (field.of(bytes) / SECOND).cast_signed(),
        }
    }

    /// Returns the nanoseconds after the full second. 0 if the version stores only seconds.
    pub(super) fn nanoseconds(self, bytes: &[u8]) -> u32 {
        match self {
            When::Seconds(_) => 0,
            // The remainder is below 2^30, so the conversion does not fail.
            When::Nanoseconds(field) => u32::try_from(field.of(bytes) % SECOND).unwrap_or(0),
        }
    }
}

/// Offset of a number of 32 or 64 bits.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Short(Be32),
    Long(Be64),
}

impl Number {
    /// Reads the number from `bytes`.
    pub(super) fn of(self, bytes: &[u8]) -> u64 {
        match self {
            Number::Short(field) => field.of(bytes).into(),
            Number::Long(field) => field.of(bytes),
        }
    }
}

/// Returns the field for a time in seconds at `offset`.
const fn seconds(offset: u16) -> When {
    When::Seconds(Be32(offset))
}

/// Returns the field for a time in nanoseconds at `offset`.
const fn nanoseconds(offset: u16) -> When {
    When::Nanoseconds(Be64(offset))
}

/// Header fields with the same offset in all versions. The parser reads them before it knows the
/// version.
pub(super) const MINOR_VERSION: Be32 = Be32(8);
pub(super) const START_OFFSET: Be32 = Be32(12);
pub(super) const RECORD_SIZE: Be32 = Be32(16);
pub(super) const NUM_RECORDS: Be32 = Be32(20);

/// Offsets of the other header fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeaderFields {
    pub(super) last_appenddate: When,
    pub(super) last_uid: Be32,
    pub(super) pop3_last_login: When,
    pub(super) uidvalidity: Be32,
    pub(super) exists: Be32,
    pub(super) options: Be32,
    pub(super) highestmodseq: Be64,
    pub(super) deletedmodseq: Be64,
    pub(super) header_file_crc: Be32,
    pub(super) synccrc_basic: Be32,
    pub(super) synccrc_annot: Be32,
    pub(super) recentuid: Be32,
    pub(super) recenttime: When,
    pub(super) pop3_show_after: When,
    pub(super) createdmodseq: Be64,
}

/// Offsets of the fields of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordFields {
    pub(super) uid: Be32,
    pub(super) internaldate: When,
    pub(super) size: Number,
    pub(super) last_updated: When,
    pub(super) flags: Be32,
    pub(super) user_flags: [Be32; 4],
    pub(super) savedate: When,
    /// Offset of the 20 bytes of the GUID.
    pub(super) guid: u16,
    pub(super) modseq: Be64,
    pub(super) cid: Be64,
    pub(super) createdmodseq: Be64,
    pub(super) basecid: Be64,
}

/// The layout of one minor version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) minor_version: u32,
    pub(super) header_size: u16,
    pub(super) header: HeaderFields,
    pub(super) record_size: u16,
    pub(super) record: RecordFields,
}

/// Cyrus 2.4. The first version with CRCs, and with records of expunged messages in cyrus.index.
const V12: Layout = Layout {
    minor_version: 12,
    header_size: 128,
    header: HeaderFields {
        last_appenddate: seconds(24),
        last_uid: Be32(28),
        pop3_last_login: seconds(40),
        uidvalidity: Be32(44),
        options: Be32(60),
        highestmodseq: Be64(68),
        deletedmodseq: Be64(76),
        exists: Be32(84),
        header_file_crc: Be32(96),
        synccrc_basic: Be32(100),
        recentuid: Be32(104),
        recenttime: seconds(108),
        pop3_show_after: seconds(NONE),
        synccrc_annot: Be32(NONE),
        createdmodseq: Be64(NONE),
    },
    record_size: 96,
    record: RecordFields {
        uid: Be32(0),
        internaldate: seconds(4),
        size: Number::Short(Be32(12)),
        last_updated: seconds(28),
        flags: Be32(32),
        user_flags: [Be32(36), Be32(40), Be32(44), Be32(48)],
        savedate: seconds(NONE),
        guid: 60,
        modseq: Be64(80),
        cid: Be64(NONE),
        createdmodseq: Be64(NONE),
        basecid: Be64(NONE),
    },
};

/// Adds the conversation id and the CRC of annotations.
const V13: Layout = Layout {
    minor_version: 13,
    header: HeaderFields { pop3_show_after: seconds(112), synccrc_annot: Be32(120), ..V12.header },
    record_size: 104,
    record: RecordFields { cid: Be64(88), ..V12.record },
    ..V12
};

/// Adds unused space at the end of the header.
const V14: Layout = Layout { minor_version: 14, header_size: 160, ..V13 };

/// Adds the time at which a message was saved, in place of an unused field.
const V15: Layout = Layout {
    minor_version: 15,
    record: RecordFields { savedate: seconds(52), ..V14.record },
    ..V14
};

/// Adds the modseq at creation, of the mailbox and of each message.
const V16: Layout = Layout {
    minor_version: 16,
    header: HeaderFields { createdmodseq: Be64(128), ..V15.header },
    record_size: 112,
    record: RecordFields { createdmodseq: Be64(96), ..V15.record },
    ..V15
};

/// Adds `changes_epoch`, which replication does not need. Cyrus 3.6 and 3.8 write this version.
const V17: Layout = Layout { minor_version: 17, ..V16 };

/// Adds the sizes of deleted and expunged messages, which replication does not need.
const V18: Layout = Layout { minor_version: 18, ..V17 };

/// Moves header fields so that 64-bit numbers are aligned. Cyrus 3.12 writes this version.
const V19: Layout = Layout {
    minor_version: 19,
    header: HeaderFields {
        exists: Be32(60),
        options: Be32(64),
        highestmodseq: Be64(72),
        deletedmodseq: Be64(80),
        ..V18.header
    },
    ..V18
};

/// Stores times in nanoseconds and sizes in 64 bits. Cyrus 3.13 writes this version.
const V20: Layout = Layout {
    minor_version: 20,
    header_size: 192,
    header: HeaderFields {
        last_appenddate: nanoseconds(24),
        pop3_last_login: nanoseconds(40),
        exists: Be32(60),
        options: Be32(64),
        highestmodseq: Be64(72),
        deletedmodseq: Be64(80),
        last_uid: Be32(88),
        uidvalidity: Be32(92),
        header_file_crc: Be32(96),
        synccrc_basic: Be32(100),
        recenttime: nanoseconds(104),
        pop3_show_after: nanoseconds(112),
        synccrc_annot: Be32(120),
        createdmodseq: Be64(128),
        recentuid: Be32(184),
    },
    record_size: 144,
    record: RecordFields {
        uid: Be32(0),
        internaldate: nanoseconds(8),
        size: Number::Long(Be64(24)),
        flags: Be32(36),
        user_flags: [Be32(40), Be32(44), Be32(48), Be32(52)],
        guid: 60,
        modseq: Be64(80),
        cid: Be64(88),
        createdmodseq: Be64(96),
        last_updated: nanoseconds(112),
        savedate: nanoseconds(120),
        basecid: Be64(128),
    },
};

/// All versions that can be read, in ascending order.
pub(super) const LAYOUTS: [Layout; 9] = [V12, V13, V14, V15, V16, V17, V18, V19, V20];
