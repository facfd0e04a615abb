//! Where the fields of cyrus.index are, by minor version.
//!
//! Numbers are big-endian. Only what replication needs is named; the CRC-32 of a header or a
//! record is always in its last four bytes. The facts are those of `imap/mailbox.h` and of
//! `mailbox_buf_to_index_header`, `mailbox_buf_to_index_record` and `mailbox_repack_setup` in
//! `imap/mailbox.c` of Cyrus 3.12.3.

/// Offset of a 32-bit number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Be32(u16);

/// Offset of a 64-bit number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Be64(u16);

/// An offset past everything: a version without the field, which reads as 0.
const NONE: u16 = u16::MAX;

impl Be32 {
    /// The number in `bytes`, a header or record of at most 4 KiB.
    pub(super) fn of(self, bytes: &[u8]) -> u32 {
        let field = bytes.get(usize::from(self.0)..).and_then(<[u8]>::first_chunk);
        field.map_or(0, |field| u32::from_be_bytes(*field))
    }
}

impl Be32 {
    /// The same; `None` of a version without the field.
    pub(super) fn of_version(self, bytes: &[u8]) -> Option<u32> {
        (self.0 != NONE).then(|| self.of(bytes))
    }
}

impl Be64 {
    /// The number in `bytes`, a header or record of at most 4 KiB.
    pub(super) fn of(self, bytes: &[u8]) -> u64 {
        let field = bytes.get(usize::from(self.0)..).and_then(<[u8]>::first_chunk);
        field.map_or(0, |field| u64::from_be_bytes(*field))
    }
}

/// Fields of the header that are the same in all versions: enough to know the others.
pub(super) const MINOR_VERSION: Be32 = Be32(8);
pub(super) const START_OFFSET: Be32 = Be32(12);
pub(super) const RECORD_SIZE: Be32 = Be32(16);
pub(super) const NUM_RECORDS: Be32 = Be32(20);

/// Fields of the header.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeaderFields {
    pub(super) last_appenddate: Be32,
    pub(super) last_uid: Be32,
    pub(super) pop3_last_login: Be32,
    pub(super) uidvalidity: Be32,
    pub(super) exists: Be32,
    pub(super) options: Be32,
    pub(super) highestmodseq: Be64,
    pub(super) deletedmodseq: Be64,
    pub(super) header_file_crc: Be32,
    pub(super) synccrc_basic: Be32,
    pub(super) synccrc_annot: Be32,
    pub(super) recentuid: Be32,
    pub(super) recenttime: Be32,
    pub(super) pop3_show_after: Be32,
    pub(super) createdmodseq: Be64,
}

/// Fields of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordFields {
    pub(super) uid: Be32,
    pub(super) internaldate: Be32,
    pub(super) size: Be32,
    pub(super) last_updated: Be32,
    pub(super) flags: Be32,
    pub(super) user_flags: [Be32; 4],
    pub(super) savedate: Be32,
    /// 20 bytes.
    pub(super) guid: u16,
    pub(super) modseq: Be64,
    pub(super) cid: Be64,
    pub(super) createdmodseq: Be64,
}

/// A minor version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) minor_version: u32,
    pub(super) header_size: u16,
    pub(super) header: HeaderFields,
    pub(super) record_size: u16,
    pub(super) record: RecordFields,
}

/// Cyrus 2.4: the first with CRCs, and with expunged messages in cyrus.index itself.
const V12: Layout = Layout {
    minor_version: 12,
    header_size: 128,
    header: HeaderFields {
        last_appenddate: Be32(24),
        last_uid: Be32(28),
        pop3_last_login: Be32(40),
        uidvalidity: Be32(44),
        options: Be32(60),
        highestmodseq: Be64(68),
        deletedmodseq: Be64(76),
        exists: Be32(84),
        header_file_crc: Be32(96),
        synccrc_basic: Be32(100),
        recentuid: Be32(104),
        recenttime: Be32(108),
        pop3_show_after: Be32(NONE),
        synccrc_annot: Be32(NONE),
        createdmodseq: Be64(NONE),
    },
    record_size: 96,
    record: RecordFields {
        uid: Be32(0),
        internaldate: Be32(4),
        size: Be32(12),
        last_updated: Be32(28),
        flags: Be32(32),
        user_flags: [Be32(36), Be32(40), Be32(44), Be32(48)],
        savedate: Be32(NONE),
        guid: 60,
        modseq: Be64(80),
        cid: Be64(NONE),
        createdmodseq: Be64(NONE),
    },
};

/// Conversations and annotations.
const V13: Layout = Layout {
    minor_version: 13,
    header: HeaderFields { pop3_show_after: Be32(112), synccrc_annot: Be32(120), ..V12.header },
    record_size: 104,
    record: RecordFields { cid: Be64(88), ..V12.record },
    ..V12
};

/// Room in the header.
const V14: Layout = Layout { minor_version: 14, header_size: 160, ..V13 };

/// When a message was saved, in a field that was no longer used.
const V15: Layout =
    Layout { minor_version: 15, record: RecordFields { savedate: Be32(52), ..V14.record }, ..V14 };

/// Modseqs of creation.
const V16: Layout = Layout {
    minor_version: 16,
    header: HeaderFields { createdmodseq: Be64(128), ..V15.header },
    record_size: 112,
    record: RecordFields { createdmodseq: Be64(96), ..V15.record },
    ..V15
};

/// Adds `changes_epoch`, which replication does not need. The version of Cyrus 3.6 and 3.8.
const V17: Layout = Layout { minor_version: 17, ..V16 };

/// Adds the bytes of deleted and expunged messages, which replication does not need.
const V18: Layout = Layout { minor_version: 18, ..V17 };

/// Moves header fields so that 64-bit numbers are aligned. The version of Cyrus 3.12.
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

/// All versions that are read.
pub(super) const LAYOUTS: [Layout; 8] = [V12, V13, V14, V15, V16, V17, V18, V19];
