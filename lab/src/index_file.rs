//! Changes a cyrus.index in ways that a current Cyrus never does, for tests of files from old
//! versions or of damage that no checksum detects. Supports only version 17, which Cyrus 3.6 and
//! 3.8 write. A file of a later Cyrus is converted first.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use crate::cyrus::Cyrus;
use crate::{places, tools};

const HEADER: usize = 160;
const RECORD: usize = 112;
const NUM_RECORDS: usize = 20;
const EXISTS: usize = 84;
const SYNC_CRC: usize = 100;
const SYNC_CRC_ANNOT: usize = 120;

/// A numeric field of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// UID.
    Uid,
    /// INTERNALDATE.
    InternalDate,
    /// LAST_UPDATED.
    LastUpdated,
    /// MODSEQ.
    Modseq,
}

impl Field {
    fn place(self) -> Range<usize> {
        match self {
            Field::Uid => 0..4,
            Field::InternalDate => 4..8,
            Field::LastUpdated => 28..32,
            Field::Modseq => 80..88,
        }
    }
}

/// The cyrus.index of a mailbox, in memory. No other program may have the mailbox open meanwhile.
#[derive(Debug, Clone)]
pub struct IndexFile {
    path: PathBuf,
    header: Vec<u8>,
    records: Vec<Vec<u8>>,
}

impl IndexFile {
    /// Reads the file.
    ///
    /// # Panics
    /// If it is not of version 17, or if messages have user flags, which are not supported here.
    #[track_caller]
    pub fn of(cyrus: &Cyrus, internal: &str) -> IndexFile {
        let file = IndexFile::with_user_flags(cyrus, internal);
        assert!(file.records.iter().all(|record| record[36..52] == [0; 16]), "user flags");
        file
    }

    /// Reads the file even if there are user flags. Then it must not be [saved](IndexFile::save)
    /// with new sync CRCs.
    #[track_caller]
    pub fn with_user_flags(cyrus: &Cyrus, internal: &str) -> IndexFile {
        let path = places::place(cyrus, internal).meta.join("cyrus.index");
        let version = |path: &PathBuf| fs::read(path).ok().map(|bytes| number(&bytes[8..12]));
        if version(&path).is_some_and(|version| version > 17) {
            tools::run(cyrus, "reconstruct", &["-V", "17", &cyrus.admin_name(internal)]);
        }
        let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let (header, rest) = bytes.split_at(HEADER);
        assert_eq!(number(&header[8..12]), 17, "minor version of {}", path.display());
        let count = usize::try_from(number(&header[NUM_RECORDS..][..4])).expect("32 bits");
        let records: Vec<_> = rest.chunks_exact(RECORD).take(count).map(<[u8]>::to_vec).collect();
        assert_eq!(records.len(), count);
        IndexFile { path, header: header.to_vec(), records }
    }

    /// Returns the UIDs.
    pub fn uids(&self) -> Vec<u64> {
        self.records.iter().map(|record| number(&record[Field::Uid.place()])).collect()
    }

    #[track_caller]
    fn at(&self, uid: u64) -> usize {
        self.uids().iter().position(|one| *one == uid).unwrap_or_else(|| panic!("no UID {uid}"))
    }

    /// Returns a field of a record.
    #[track_caller]
    pub fn get(&self, uid: u64, field: Field) -> u64 {
        number(&self.records[self.at(uid)][field.place()])
    }

    /// Sets a field of a record.
    #[track_caller]
    pub fn set(&mut self, uid: u64, field: Field, value: u64) {
        let at = self.at(uid);
        let place = field.place();
        let bytes = value.to_be_bytes();
        self.records[at][place.clone()].copy_from_slice(&bytes[8 - place.len()..]);
    }

    /// Inverts bits of a record: those that are set in `bits`, from byte `at` on.
    #[track_caller]
    pub fn flip(&mut self, uid: u64, at: usize, bits: &[u8]) {
        let record = self.at(uid);
        flip(&mut self.records[record][at..], bits);
    }

    /// Inverts bits of the header: those that are set in `bits`, from byte `at` on.
    pub fn flip_header(&mut self, at: usize, bits: &[u8]) {
        flip(&mut self.header[at..], bits);
    }

    /// Returns whether a record is expunged.
    #[track_caller]
    pub fn is_expunged(&self, uid: u64) -> bool {
        is_expunged(&self.records[self.at(uid)])
    }

    /// Removes a record. The message file stays.
    #[track_caller]
    pub fn remove(&mut self, uid: u64) {
        let at = self.at(uid);
        self.records.remove(at);
    }

    /// Returns the SYNC_CRC computed from the records.
    pub fn sync_crc(&self) -> u32 {
        self.records.iter().fold(0, |all, record| all ^ basic(record))
    }

    /// Returns the SYNC_CRC stored in the header.
    pub fn stored_sync_crc(&self) -> u32 {
        u32::try_from(number(&self.header[SYNC_CRC..][..4])).expect("four bytes")
    }

    /// Sets a wrong SYNC_CRC in the header. Use [`IndexFile::save_records`] to keep it.
    pub fn spoil_sync_crc(&mut self) {
        flip(&mut self.header[SYNC_CRC..], &[0xff; 4]);
    }

    /// Changes the LAST_UPDATED of one message and the INTERNALDATE of another so that the SYNC_CRC
    /// becomes 0. It searches for a pair of values that fits. Two different fields are necessary:
    /// with the same field in both messages, too few different CRCs are possible.
    #[track_caller]
    pub fn make_sync_crc_zero(&mut self, uids: [u64; 2]) {
        let fields = [Field::LastUpdated, Field::InternalDate];
        let wanted = self.records.iter().enumerate().fold(0, |all, (at, record)| {
            if uids.map(|uid| self.at(uid)).contains(&at) { all } else { all ^ basic(record) }
        });
        let crcs = |n: usize| {
            let (uid, field) = (uids[n], fields[n]);
            let now = self.get(uid, field);
            let mut record = self.records[self.at(uid)].clone();
            (0..1 << 18).map(move |back| {
                let time = now - 997 * back;
                record[field.place()].copy_from_slice(&time.to_be_bytes()[4..]);
                (basic(&record), time)
            })
        };
        let first: HashMap<u32, u64> = crcs(0).collect();
        let pair =
            crcs(1).find_map(|(crc, time)| first.get(&(crc ^ wanted)).map(|other| [*other, time]));
        let pair = pair.expect("2^36 pairs for 2^32 CRCs");
        (0..2).for_each(|n| self.set(uids[n], fields[n], pair[n]));
        assert_eq!(self.sync_crc(), 0);
    }

    /// Writes the file with correct CRCs and counts.
    pub fn save(mut self) {
        let count = u32::try_from(self.records.len()).expect("few");
        let living = self.records.iter().filter(|record| !is_expunged(record)).count();
        let exists = u32::try_from(living).expect("few");
        let annot = self.records.iter().fold(12_345_678, |all, record| all ^ annot(record));
        for (at, value) in [
            (NUM_RECORDS, count),
            (EXISTS, exists),
            (SYNC_CRC, self.sync_crc()),
            (SYNC_CRC_ANNOT, annot),
        ] {
            self.header[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        self.write();
    }

    /// Writes the file with a header that counts `num_records` records. The sync CRCs stay
    /// unchanged.
    pub fn save_counting(mut self, num_records: u32) {
        self.header[NUM_RECORDS..][..4].copy_from_slice(&num_records.to_be_bytes());
        self.write();
    }

    /// Writes the file. The counts and sync CRCs in the header stay unchanged.
    pub fn save_records(self) {
        self.write();
    }

    fn write(mut self) {
        seal(&mut self.header);
        self.records.iter_mut().for_each(|record| seal(record));
        let bytes = [&[self.header][..], &self.records].concat().concat();
        // Write in place, to keep owner and mode.
        fs::write(&self.path, bytes).unwrap_or_else(|e| panic!("{}: {e}", self.path.display()));
    }
}

fn flip(bytes: &mut [u8], bits: &[u8]) {
    bytes.iter_mut().zip(bits).for_each(|(byte, bits)| *byte ^= bits);
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte))
}

fn is_expunged(record: &[u8]) -> bool {
    record[32] & 0x80 != 0
}

/// Returns the CRC that a record contributes to SYNC_CRC.
fn basic(record: &[u8]) -> u32 {
    if is_expunged(record) {
        return 0;
    }
    let system =
        [(4, "\\deleted"), (1, "\\answered"), (2, "\\flagged"), (8, "\\draft"), (16, "\\seen")];
    let set = system.iter().filter(|(bit, _)| record[35] & bit != 0);
    let flags = set.fold(0, |all, (_, name)| all ^ crc32(name.as_bytes()));
    let [uid, date, updated, modseq] =
        [Field::Uid, Field::InternalDate, Field::LastUpdated, Field::Modseq]
            .map(|field| number(&record[field.place()]));
    let guid: String = record[60..80].iter().map(|byte| format!("{byte:02x}")).collect();
    crc32(format!("{uid} {modseq} {updated} ({flags}) {date} {guid}").as_bytes())
}

/// Returns the CRC that a record's fields contribute to SYNC_CRC_ANNOT. Message annotations are not
/// supported.
fn annot(record: &[u8]) -> u32 {
    if is_expunged(record) {
        return 0;
    }
    let uid = number(&record[Field::Uid.place()]);
    let [saved, cid, created] = [52..56, 88..96, 96..104].map(|place| number(&record[place]));
    let fields = [
        ("thrid", cid, format!("{cid:x}")),
        ("savedate", saved, saved.to_string()),
        ("createdmodseq", created, created.to_string()),
    ];
    let there = fields.iter().filter(|(_, value, _)| *value != 0);
    there.fold(0, |all, (name, _, text)| {
        all ^ crc32(format!("{uid} /vendor/cmu/cyrus-imapd/{name}  {text}").as_bytes())
    })
}

/// Corrects the CRC in the last four bytes.
fn seal(bytes: &mut [u8]) {
    let end = bytes.len() - 4;
    let crc = crc32(&bytes[..end]).to_be_bytes();
    bytes[end..].copy_from_slice(&crc);
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut value = at as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[at] = value;
        at += 1;
    }
    table
};

fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes
        .iter()
        .fold(!0u32, |crc, byte| TABLE[usize::from((crc & 0xff) as u8 ^ byte)] ^ crc >> 8);
    !crc
}
