//! Sync CRCs: a fingerprint of a mailbox that both sides can keep up to date
//! record by record (`mailbox_synccrcs` in `imap/mailbox.c`).
//!
//! All are CRC-32 over a line of text, XORed over records: the order does not matter, and a
//! record is taken out as it is put in. Records that are expunged count nothing.

use std::fmt;
use std::io::Write;

use serde::Serialize;

use super::{Annotation, InternalFlags, Record, SystemFlags, Text, Uid};
use crate::limits::USER_FLAGS;

/// Fingerprint of a mailbox's records and annotations. A part is `None` where nobody knows it: on
/// the wire and on disk that is a 0, which is also a CRC like any other, that of a mailbox without
/// messages for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SyncCrcs {
    /// Over the unexpunged records: uid, modseq, flags, dates, GUID.
    pub basic: Option<u32>,
    /// Over the annotations of the unexpunged records, those included that stand for fields of
    /// the record. The mailbox's own annotations do not count.
    pub annot: Option<u32>,
}

impl SyncCrcs {
    /// Nothing is known.
    pub const UNKNOWN: SyncCrcs = SyncCrcs { basic: None, annot: None };

    /// Both, as they were computed.
    pub fn computed(basic: u32, annot: u32) -> Self {
        SyncCrcs { basic: Some(basic), annot: Some(annot) }
    }

    /// From two numbers as Cyrus stores and tells them. An index before version 13 has no annot,
    /// one before 12 neither; then the numbers are 0. A basic of 0 beside an annot is a CRC.
    pub fn told(basic: u32, annot: u32) -> Self {
        let annot = (annot != 0).then_some(annot);
        SyncCrcs { basic: (basic != 0 || annot.is_some()).then_some(basic), annot }
    }

    /// As numbers; whoever gets them does not check one that is 0 (`mailbox_crceq`).
    pub fn to_wire(self) -> [u32; 2] {
        [self.basic, self.annot].map(|crc| crc.unwrap_or(0))
    }

    /// Whether one of both is known and yet looks on the wire like one that is not: then a
    /// replica does not check it.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.basic == Some(0) || self.annot == Some(0)
    }

    /// Whether both may be of the same contents: all that both know is the same.
    #[must_use]
    pub fn agrees(self, other: SyncCrcs) -> bool {
        let agree = |a: Option<u32>, b: Option<u32>| a.is_none() || b.is_none() || a == b;
        agree(self.basic, other.basic) && agree(self.annot, other.annot)
    }
}

impl fmt::Display for SyncCrcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [basic, annot] = self.to_wire();
        match (self.basic, self.annot) {
            (None, None) => f.write_str("unknown"),
            (_, None) => write!(f, "{basic}/unknown"),
            (None, _) => write!(f, "unknown/{annot}"),
            _ => write!(f, "{basic}/{annot}"),
        }
    }
}

/// Both CRCs while they are computed.
#[derive(Debug, Clone, Copy)]
pub struct CrcSum {
    /// See [`SyncCrcs::basic`].
    pub basic: u32,
    /// See [`SyncCrcs::annot`].
    pub annot: u32,
}

impl CrcSum {
    /// Those of a mailbox without records (`CRC_INIT_BASIC`, `CRC_INIT_ANNOT`).
    pub const EMPTY: CrcSum = CrcSum { basic: 0, annot: 12_345_678 };
}

impl From<CrcSum> for SyncCrcs {
    fn from(sum: CrcSum) -> SyncCrcs {
        SyncCrcs::computed(sum.basic, sum.annot)
    }
}

/// What each flag adds to a record's CRC: computed once a mailbox.
#[derive(Debug, Clone)]
pub struct FlagCrcs([u32; USER_FLAGS]);

impl FlagCrcs {
    /// From the names of the user flags by bit. Names count in lower case.
    pub fn new(names: &[Option<Text>]) -> Self {
        let mut crcs = [0; USER_FLAGS];
        for (crc, name) in crcs.iter_mut().zip(names) {
            if let Some(name) = name {
                *crc = crc32fast::hash(&name.as_bytes().to_ascii_lowercase());
            }
        }
        FlagCrcs(crcs)
    }

    /// The XOR over the flags that are set. Bits without a name count nothing.
    fn of(&self, record: &Record) -> u32 {
        const SYSTEM: [(u32, &[u8]); 5] = [
            (SystemFlags::DELETED, b"\\deleted"),
            (SystemFlags::ANSWERED, b"\\answered"),
            (SystemFlags::FLAGGED, b"\\flagged"),
            (SystemFlags::DRAFT, b"\\draft"),
            (SystemFlags::SEEN, b"\\seen"),
        ];
        let system = SYSTEM.iter().filter(|(flag, _)| record.system_flags.has(*flag));
        let system = system.fold(0, |crc, (_, name)| crc ^ crc32fast::hash(name));
        let user = self.0.chunks(32).zip(record.user_flags).flat_map(|(crcs, word)| {
            let set = move |(bit, _): &(usize, &u32)| word >> bit & 1 != 0;
            crcs.iter().enumerate().filter(set).map(|(_, crc)| crc)
        });
        user.fold(system, |all, crc| all ^ crc)
    }
}

/// What a record adds to [`SyncCrcs::basic`] (`crc_basic`).
pub fn basic(record: &Record, flags: &FlagCrcs) -> u32 {
    if record.internal_flags.has(InternalFlags::EXPUNGED) {
        return 0;
    }
    let Record { uid, modseq, last_updated, internaldate, guid, .. } = record;
    let flags = flags.of(record);
    let numbers = format_args!("{uid} {modseq} {last_updated} ({flags}) {internaldate} ");
    crc(numbers, &[&guid.to_hex()])
}

/// What a stored annotation of an unexpunged record adds to [`SyncCrcs::annot`] (`crc_annot`).
///
/// Those that [`is_virtual`] must be left out.
pub fn annot(uid: Uid, annotation: &Annotation) -> u32 {
    let Annotation { entry, userid, value, .. } = annotation;
    let parts = [entry.as_bytes(), b" ", userid.as_bytes(), b" ", value.as_bytes()];
    crc(format_args!("{uid} "), &parts)
}

/// The annotations that stand for fields of a record, with the version of cyrus.index that has
/// the field. On the wire they are among the stored ones.
pub(crate) const VIRTUAL: [(&str, u32); 3] = [
    ("/vendor/cmu/cyrus-imapd/thrid", 13),
    ("/vendor/cmu/cyrus-imapd/savedate", 15),
    ("/vendor/cmu/cyrus-imapd/createdmodseq", 16),
];

/// Whether an annotation of a message stands for a field of its record in a mailbox of this
/// version: then one of that name in the database counts nothing (`mailbox_is_virtannot`).
pub fn is_virtual(entry: &Text, minor_version: u32) -> bool {
    VIRTUAL.iter().any(|(name, since)| entry == name && minor_version >= *since)
}

/// CRC-32 of a text that consists of numbers and fixed words, and of what follows it.
fn crc(text: fmt::Arguments<'_>, rest: &[&[u8]]) -> u32 {
    // Five numbers of at most 20 digits are the most, or two and the name of a field.
    let mut line = [0; 128];
    let mut free = &mut line[..];
    // Cannot fail: it is large enough.
    let _ = free.write_fmt(text);
    let unused = free.len();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(line.get(..line.len() - unused).unwrap_or_default());
    rest.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

/// What the fields of a record add to [`SyncCrcs::annot`] in a mailbox of this version
/// (`crc_virtannot`).
pub fn virtual_annots(record: &Record, minor_version: u32) -> u32 {
    if record.internal_flags.has(InternalFlags::EXPUNGED) {
        return 0;
    }
    let Record { uid, cid, savedate, createdmodseq, .. } = record;
    let [thrid, saved, created] = VIRTUAL;
    let mut all = 0;
    let mut add = |(name, since): (&str, u32), present: bool, value: fmt::Arguments<'_>| {
        if present && minor_version >= since {
            all ^= crc(format_args!("{uid} {name}  {value}"), &[]);
        }
    };
    // Without leading zeros, which the same value has on the wire.
    add(thrid, *cid != 0, format_args!("{cid:x}"));
    add(saved, *savedate != 0, format_args!("{savedate}"));
    add(created, *createdmodseq != 0, format_args!("{createdmodseq}"));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotation(entry: &str, userid: &str, value: &str) -> Annotation {
        Annotation { entry: entry.into(), userid: userid.into(), value: value.into(), modseq: 9 }
    }

    fn record() -> Record {
        Record {
            uid: 7,
            modseq: 12,
            last_updated: 1_700_000_000,
            internaldate: 1_600_000_000,
            cid: 0x0a1b,
            savedate: 5,
            createdmodseq: 3,
            ..Record::default()
        }
    }

    #[test]
    fn lines_are_those_of_cyrus() {
        let flags = FlagCrcs::new(&[None, Some("$FooBar".into())]);
        let zeros = "0".repeat(40);
        let line = |flags: u32| {
            crc32fast::hash(format!("7 12 1700000000 ({flags}) 1600000000 {zeros}").as_bytes())
        };
        assert_eq!(basic(&record(), &flags), line(0));

        let flagged = Record {
            system_flags: SystemFlags(SystemFlags::SEEN | SystemFlags::DRAFT),
            // Bits 0 and 127 have no name.
            user_flags: [0b11, 0, 0, 1 << 31],
            ..record()
        };
        let names = ["\\seen", "\\draft", "$foobar"];
        let expected = names.iter().fold(0, |all, name| all ^ crc32fast::hash(name.as_bytes()));
        assert_eq!(basic(&flagged, &flags), line(expected));

        let shared = annotation("/comment", "", "a b");
        assert_eq!(annot(7, &shared), crc32fast::hash(b"7 /comment  a b"));
        let private = annotation("/comment", "fred", "");
        assert_eq!(annot(7, &private), crc32fast::hash(b"7 /comment fred "));
    }

    #[test]
    fn fields_count_as_annotations_from_the_version_that_has_them() {
        let of = |entry: &str, value: &str| {
            annot(7, &annotation(&format!("/vendor/cmu/cyrus-imapd/{entry}"), "", value))
        };
        let (thrid, saved, created) =
            (of("thrid", "a1b"), of("savedate", "5"), of("createdmodseq", "3"));
        let versions = (12..=16).map(|version| virtual_annots(&record(), version));
        let expected = [0, thrid, thrid, thrid ^ saved, thrid ^ saved ^ created];
        assert_eq!(versions.collect::<Vec<_>>(), expected);
        assert_eq!(virtual_annots(&Record { uid: 7, ..Record::default() }, 17), 0);

        let entry = Text::from("/vendor/cmu/cyrus-imapd/savedate");
        assert_eq!((14..=15).map(|v| is_virtual(&entry, v)).collect::<Vec<_>>(), [false, true]);
        assert!(!is_virtual(&"/vendor/cmu/cyrus-imapd/basethrid".into(), 19));
    }

    #[test]
    fn expunged_records_count_nothing() {
        let gone = Record { internal_flags: InternalFlags(InternalFlags::EXPUNGED), ..record() };
        assert_eq!(basic(&gone, &FlagCrcs::new(&[])), 0);
        assert_eq!(virtual_annots(&gone, 17), 0);
    }

    #[test]
    fn only_what_is_not_known_agrees_with_everything() {
        let crcs = SyncCrcs::computed;
        assert!(crcs(1, 2).agrees(crcs(1, 2)));
        assert!(!crcs(1, 2).agrees(crcs(3, 2)));
        assert!(!crcs(1, 2).agrees(crcs(0, 2)), "0 is the CRC of a mailbox without messages");
        assert!(crcs(1, 2).agrees(SyncCrcs::told(1, 0)));
        assert!(!crcs(1, 2).agrees(SyncCrcs::told(3, 0)));
        assert!(crcs(1, 2).agrees(SyncCrcs::told(0, 0)));
        assert!(!crcs(1, 2).agrees(SyncCrcs::told(0, 3)));
        assert!(crcs(1, 2).agrees(SyncCrcs::UNKNOWN));
    }

    #[test]
    fn numbers_tell_what_is_known() {
        assert_eq!(SyncCrcs::told(0, 0), SyncCrcs::UNKNOWN);
        assert_eq!(SyncCrcs::told(0, 7), SyncCrcs::computed(0, 7));
        assert_eq!(SyncCrcs::told(7, 0), SyncCrcs { basic: Some(7), annot: None });
        assert_eq!(SyncCrcs::told(7, 0).to_wire(), [7, 0]);
        assert_eq!(SyncCrcs::UNKNOWN.to_wire(), [0, 0]);
        assert!(SyncCrcs::told(0, 7).is_zero() && !SyncCrcs::told(7, 0).is_zero());
        let shown = [SyncCrcs::computed(0, 7), SyncCrcs::told(7, 0), SyncCrcs::UNKNOWN];
        assert_eq!(shown.map(|crcs| crcs.to_string()), ["0/7", "7/unknown", "unknown"]);
    }
}
