//! Computes sync CRCs: checksums of the records and annotations of a mailbox, by which master and
//! replica find out whether they differ (`mailbox_synccrcs` in `imap/mailbox.c`).
//!
//! A sync CRC is the XOR of many CRC-32s. Each of these is computed from a line of text that
//! describes one record or annotation. So the order does not matter, and a second XOR removes a
//! record again. Expunged records do not count.

use std::fmt;
use std::io::Write;

use serde::Serialize;

use super::{Annotation, InternalFlags, Record, SystemFlags, Text, Uid};
use crate::limits::USER_FLAGS;

/// The sync CRCs of a mailbox. A CRC is `None` if it is unknown. On the wire and on disk, 0 means
/// unknown, but 0 can also be a real CRC, for example of a mailbox without messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct SyncCrcs {
    /// CRC of the unexpunged records: UID, modseq, flags, dates, GUID.
    pub basic: Option<u32>,
    /// CRC of the annotations of unexpunged records. It includes the virtual annotations, which
    /// hold fields of the record. The annotations of the mailbox itself do not count.
    pub annot: Option<u32>,
    /// Like `annot`, but with thread ids in the form `ThreadIds::Padded`. Only computed CRCs have
    /// this value: a server or a file has one CRC, in the form of its version.
    #[serde(skip)]
    pub(crate) padded: Option<u32>,
}

/// The form of thread ids in the text from which [`SyncCrcs::annot`] is computed. The forms differ
/// for ids that begin with a zero digit, which is one id in sixteen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ThreadIds {
    /// Thread ids have no leading zeros, unlike thread ids on the wire. Cyrus up to 3.13.0 uses this
    /// form.
    #[default]
    Plain,
    /// Thread ids have all sixteen digits, with leading zeros. Cyrus 3.13.1 and later use this form.
    Padded,
}

impl SyncCrcs {
    /// Neither CRC is known.
    pub const UNKNOWN: SyncCrcs = SyncCrcs { basic: None, annot: None, padded: None };

    /// Creates the value from two computed CRCs.
    pub fn computed(basic: u32, annot: u32) -> Self {
        SyncCrcs { basic: Some(basic), annot: Some(annot), padded: None }
    }

    /// Returns the CRCs in the form of a server that uses `ids`, if that form was computed.
    /// Otherwise returns them unchanged.
    #[must_use]
    pub(crate) fn with(self, ids: ThreadIds) -> Self {
        match ids {
            ThreadIds::Padded if self.padded.is_some() => SyncCrcs { annot: self.padded, ..self },
            _ => self,
        }
    }

    /// Creates the value from two numbers that Cyrus stores or sends, where 0 means unknown. An
    /// index before version 13 has no `annot`, and one before version 12 has no `basic` either. If
    /// `annot` is known, a `basic` of 0 is a real CRC.
    pub fn from_wire(basic: u32, annot: u32) -> Self {
        let annot = (annot != 0).then_some(annot);
        let basic = (basic != 0 || annot.is_some()).then_some(basic);
        SyncCrcs { basic, annot, padded: None }
    }

    /// Returns `basic` and `annot` as numbers, with 0 for unknown. The receiver does not check a
    /// CRC of 0 (`mailbox_crceq`).
    pub fn to_wire(self) -> [u32; 2] {
        [self.basic, self.annot].map(|crc| crc.unwrap_or(0))
    }

    /// Returns whether a known CRC is 0. A replica does not check such a CRC, because it treats 0
    /// as unknown.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.basic == Some(0) || self.annot == Some(0)
    }

    /// Returns whether both values can belong to the same contents: every CRC that is known on both
    /// sides is equal.
    #[must_use]
    pub(crate) fn agrees(self, other: SyncCrcs) -> bool {
        let agree = |a: Option<u32>, b: Option<u32>| a.is_none() || b.is_none() || a == b;
        let other_form = |a: SyncCrcs, b: SyncCrcs| a.padded.is_some() && a.padded == b.annot;
        let annots =
            agree(self.annot, other.annot) || other_form(self, other) || other_form(other, self);
        agree(self.basic, other.basic) && annots
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

/// The sums during the computation of sync CRCs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CrcSum {
    /// See [`SyncCrcs::basic`].
    pub basic: u32,
    /// See [`SyncCrcs::annot`].
    pub annot: u32,
    /// See [`SyncCrcs::padded`].
    pub padded: u32,
}

impl CrcSum {
    /// The sums of a mailbox without records (`CRC_INIT_BASIC`, `CRC_INIT_ANNOT`).
    pub const EMPTY: CrcSum = CrcSum { basic: 0, annot: 12_345_678, padded: 12_345_678 };

    /// Adds a record, with the fields that count as annotations, but without its stored
    /// annotations. `minor_version` is the version of cyrus.index.
    pub fn record(&mut self, record: &Record, flags: &FlagCrcs, minor_version: u32) {
        self.basic ^= basic(record, flags);
        let (plain, padded) = virtual_annots(record, minor_version);
        self.annot ^= plain;
        self.padded ^= padded;
    }

    /// Adds a stored annotation of an unexpunged record. `minor_version` is the version of
    /// cyrus.index. Skips annotations that hold a field of the record, because [`CrcSum::record`]
    /// adds these.
    pub fn annotation(&mut self, uid: Uid, annotation: &Annotation, minor_version: u32) {
        if !is_virtual(&annotation.entry, minor_version) {
            let crc = annot(uid, annotation);
            self.annot ^= crc;
            self.padded ^= crc;
        }
    }

    /// Returns the CRCs of the records and annotations that were added.
    pub fn crcs(self) -> SyncCrcs {
        SyncCrcs { padded: Some(self.padded), ..SyncCrcs::computed(self.basic, self.annot) }
    }
}

/// The CRC of the name of each user flag, as used in the CRC of a record. Computed once for each
/// mailbox.
#[derive(Debug, Clone)]
pub(crate) struct FlagCrcs([u32; USER_FLAGS]);

impl FlagCrcs {
    /// Computes the CRCs from the names of the user flags, in lower case. The position of a name is
    /// the bit of the flag.
    pub fn new(names: &[Option<Text>]) -> Self {
        let mut crcs = [0; USER_FLAGS];
        for (crc, name) in crcs.iter_mut().zip(names) {
            if let Some(name) = name {
                *crc = crc32fast::hash(&name.as_bytes().to_ascii_lowercase());
            }
        }
        FlagCrcs(crcs)
    }

    /// Returns the XOR of the CRCs of all flags that are set. Flags without a name count as 0.
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

/// Returns the CRC that a record contributes to [`SyncCrcs::basic`] (`crc_basic`).
pub(crate) fn basic(record: &Record, flags: &FlagCrcs) -> u32 {
    if record.internal_flags.has(InternalFlags::EXPUNGED) {
        return 0;
    }
    let Record { uid, modseq, last_updated, internaldate, guid, .. } = record;
    let flags = flags.of(record);
    crc(format_args!("{uid} {modseq} {last_updated} ({flags}) {internaldate} "), &[&guid.to_hex()])
}

/// Returns the CRC that a stored annotation of an unexpunged record contributes to
/// [`SyncCrcs::annot`] (`crc_annot`).
///
/// The caller must leave out annotations for which [`is_virtual`] is true.
pub fn annot(uid: Uid, annotation: &Annotation) -> u32 {
    let Annotation { entry, userid, value, .. } = annotation;
    let parts = [entry.as_bytes(), b" ", userid.as_bytes(), b" ", value.as_bytes()];
    crc(format_args!("{uid} "), &parts)
}

/// The virtual annotations, which hold fields of a record, each with the first version of
/// cyrus.index that has the field. On the wire they are mixed with stored annotations.
pub(crate) const VIRTUAL: [(&str, u32); 3] = [
    ("/vendor/cmu/cyrus-imapd/thrid", 13),
    ("/vendor/cmu/cyrus-imapd/savedate", 15),
    ("/vendor/cmu/cyrus-imapd/createdmodseq", 16),
];

/// Further fields, which versions before 20 store as ordinary annotations: the nanoseconds of the
/// INTERNALDATE, and the id of the thread from which this thread was split off. The engine treats
/// these fields as annotations in all versions.
pub(crate) const LATE_VIRTUAL: [(&str, u32); 2] = [
    ("/vendor/cmu/cyrus-imapd/internaldate.nsec", LATE_VIRTUAL_SINCE),
    ("/vendor/cmu/cyrus-imapd/basethrid", LATE_VIRTUAL_SINCE),
];
/// The first version of cyrus.index that stores these values as fields.
pub(crate) const LATE_VIRTUAL_SINCE: u32 = 20;

/// Returns whether an annotation of a message holds a field of its record in this version of
/// cyrus.index. Then a stored annotation of the same name is ignored (`mailbox_is_virtannot`).
pub fn is_virtual(entry: &Text, minor_version: u32) -> bool {
    let mut all = VIRTUAL.iter().chain(&LATE_VIRTUAL);
    all.any(|(name, since)| entry == name && minor_version >= *since)
}

/// Returns name and value of each field in [`LATE_VIRTUAL`] that is set in a record. The list is
/// empty for versions of cyrus.index that store these values as annotations.
pub(crate) fn late_virtual(record: &Record, minor_version: u32) -> Vec<(&'static str, String)> {
    let [(nsec, _), (basethrid, _)] = LATE_VIRTUAL;
    let Record { internaldate_nsec, basecid, .. } = record;
    let values = [
        (nsec, *internaldate_nsec != 0, internaldate_nsec.to_string()),
        (basethrid, *basecid != 0, format!("{basecid:016x}")),
    ];
    let set =
        values.into_iter().filter(|(_, is_set, _)| *is_set && minor_version >= LATE_VIRTUAL_SINCE);
    set.map(|(name, _, value)| (name, value)).collect()
}

/// Computes the CRC-32 of `text`, which holds only numbers and names of fields, and of the bytes of
/// `rest` after it.
fn crc(text: fmt::Arguments<'_>, rest: &[&[u8]]) -> u32 {
    // Room for the longest text: five numbers of at most 20 digits, or two numbers and the name of
    // a field.
    let mut line = [0; 128];
    let mut free = &mut line[..];
    // Writing cannot fail, because the buffer is large enough.
    let _ = free.write_fmt(text);
    let unused = free.len();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(line.get(..line.len() - unused).unwrap_or_default());
    rest.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

/// Returns the CRCs that the fields of a record contribute to [`SyncCrcs::annot`] and to
/// [`SyncCrcs::padded`], for this version of cyrus.index (`crc_virtannot`).
fn virtual_annots(record: &Record, minor_version: u32) -> (u32, u32) {
    if record.internal_flags.has(InternalFlags::EXPUNGED) {
        return (0, 0);
    }
    let Record { uid, cid, savedate, createdmodseq, .. } = record;
    let [thrid, saved, created] = VIRTUAL;
    let of = |(name, since): (&str, u32), present: bool, value: fmt::Arguments<'_>| {
        if present && minor_version >= since {
            crc(format_args!("{uid} {name}  {value}"), &[])
        } else {
            0
        }
    };
    let mut all = of(saved, *savedate != 0, format_args!("{savedate}"))
        ^ of(created, *createdmodseq != 0, format_args!("{createdmodseq}"));
    if record.internaldate_nsec != 0 || record.basecid != 0 {
        for (name, value) in late_virtual(record, minor_version) {
            all ^= crc(format_args!("{uid} {name}  {value}"), &[]);
        }
    }
    let plain = of(thrid, *cid != 0, format_args!("{cid:x}"));
    let has_zeros = cid.leading_zeros() >= 4;
    let padded = if has_zeros { of(thrid, *cid != 0, format_args!("{cid:016x}")) } else { plain };
    (all ^ plain, all ^ padded)
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
            // These are bits 0, 1 and 127. Bits 0 and 127 have no name.
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
        let versions = (12..=16).map(|version| virtual_annots(&record(), version).0);
        let expected = [0, thrid, thrid, thrid ^ saved, thrid ^ saved ^ created];
        assert_eq!(versions.collect::<Vec<_>>(), expected);
        assert_eq!(virtual_annots(&Record { uid: 7, ..Record::default() }, 17), (0, 0));

        let late = Record { internaldate_nsec: 5, basecid: 0xb, ..record() };
        let (nsec, base) = (of("internaldate.nsec", "5"), of("basethrid", "000000000000000b"));
        let of_record = virtual_annots(&record(), 19);
        assert_eq!(virtual_annots(&late, 19), of_record);
        let padded = of("thrid", "0000000000000a1b") ^ saved ^ created;
        assert_eq!(of_record.1, padded);
        assert_eq!(virtual_annots(&late, 20), (of_record.0 ^ nsec ^ base, padded ^ nsec ^ base));

        let entry = Text::from("/vendor/cmu/cyrus-imapd/savedate");
        assert_eq!((14..=15).map(|v| is_virtual(&entry, v)).collect::<Vec<_>>(), [false, true]);
        let base = "/vendor/cmu/cyrus-imapd/basethrid".into();
        assert!(!is_virtual(&base, 19) && is_virtual(&base, 20));
    }

    #[test]
    fn expunged_records_count_nothing() {
        let gone = Record { internal_flags: InternalFlags(InternalFlags::EXPUNGED), ..record() };
        assert_eq!(basic(&gone, &FlagCrcs::new(&[])), 0);
        assert_eq!(virtual_annots(&gone, 17), (0, 0));
    }

    #[test]
    fn only_what_is_not_known_agrees_with_everything() {
        let crcs = SyncCrcs::computed;
        assert!(crcs(1, 2).agrees(crcs(1, 2)));
        assert!(!crcs(1, 2).agrees(crcs(3, 2)));
        assert!(!crcs(1, 2).agrees(crcs(0, 2)), "0 is the CRC of a mailbox without messages");
        assert!(crcs(1, 2).agrees(SyncCrcs::from_wire(1, 0)));
        assert!(!crcs(1, 2).agrees(SyncCrcs::from_wire(3, 0)));
        assert!(crcs(1, 2).agrees(SyncCrcs::from_wire(0, 0)));
        assert!(!crcs(1, 2).agrees(SyncCrcs::from_wire(0, 3)));
        assert!(crcs(1, 2).agrees(SyncCrcs::UNKNOWN));
    }

    #[test]
    fn a_computed_crc_agrees_with_both_forms_of_thread_ids() {
        let both = SyncCrcs { padded: Some(3), ..SyncCrcs::computed(1, 2) };
        for annot in [2, 3] {
            let reported = SyncCrcs::from_wire(1, annot);
            assert!(both.agrees(reported) && reported.agrees(both));
            assert!(!both.agrees(SyncCrcs::from_wire(9, annot)));
        }
        assert!(!both.agrees(SyncCrcs::from_wire(1, 4)));
        assert_eq!(both.with(ThreadIds::Padded).to_wire(), [1, 3]);
        assert_eq!(both.with(ThreadIds::Plain).to_wire(), [1, 2]);
        assert_eq!(SyncCrcs::from_wire(1, 2).with(ThreadIds::Padded).to_wire(), [1, 2]);
    }

    #[test]
    fn numbers_tell_what_is_known() {
        assert_eq!(SyncCrcs::from_wire(0, 0), SyncCrcs::UNKNOWN);
        assert_eq!(SyncCrcs::from_wire(0, 7), SyncCrcs::computed(0, 7));
        assert_eq!(SyncCrcs::from_wire(7, 0), SyncCrcs { basic: Some(7), ..SyncCrcs::UNKNOWN });
        assert_eq!(SyncCrcs::from_wire(7, 0).to_wire(), [7, 0]);
        assert_eq!(SyncCrcs::UNKNOWN.to_wire(), [0, 0]);
        assert!(SyncCrcs::from_wire(0, 7).is_zero() && !SyncCrcs::from_wire(7, 0).is_zero());
        let shown = [SyncCrcs::computed(0, 7), SyncCrcs::from_wire(7, 0), SyncCrcs::UNKNOWN];
        assert_eq!(shown.map(|crcs| crcs.to_string()), ["0/7", "7/unknown", "unknown"]);
    }
}
