use super::recorded::Recorded;
use super::*;
use crate::format::header;
use crate::types::crc::{self, FlagCrcs};
use crate::types::{CrcSum, Text, ThreadIds};

fn parse(data: &[u8]) -> Result<Header, Refused> {
    Header::parse(data, data.len() as u64)
}

fn records(data: &[u8]) -> Vec<Record> {
    let header = parse(data).unwrap();
    let at = |n| usize::try_from(header.offset_of(n)).unwrap();
    (0..header.num_records).map(|n| header.record(&data[at(n)..]).unwrap()).collect()
}

fn flags(record: &Record, names: &[Option<Text>]) -> Vec<String> {
    let system = [
        (SystemFlags::ANSWERED, "\\Answered"),
        (SystemFlags::FLAGGED, "\\Flagged"),
        (SystemFlags::DELETED, "\\Deleted"),
        (SystemFlags::DRAFT, "\\Draft"),
        (SystemFlags::SEEN, "\\Seen"),
    ];
    let system = system.into_iter().filter(|(flag, _)| record.system_flags.has(*flag));
    let mut flags: Vec<_> = system.map(|(_, name)| name.to_owned()).collect();
    flags.extend(record.is_expunged().then(|| "\\Expunged".to_owned()));
    let user = names.iter().enumerate().filter(|(bit, _)| record.has_user_flag(*bit));
    flags.extend(user.map(|(_, name)| name.as_ref().unwrap().to_string()));
    flags.sort();
    flags
}

#[test]
fn headers_of_all_versions_are_as_cyrus_says() {
    for reply in Recorded::all() {
        let header = parse(&reply.index).unwrap();
        if let Some(version) = reply.name.strip_prefix('v') {
            let version = version.split('-').next().unwrap_or_default();
            assert_eq!(header.minor_version().to_string(), version);
        }
        assert_eq!(header.num_records as usize, reply.records.len());
        let got = [
            ("LAST_UID", header.last_uid.into()),
            ("HIGHESTMODSEQ", header.highestmodseq),
            ("RECENTUID", header.recentuid.into()),
            ("RECENTTIME", header.recenttime.cast_unsigned()),
            ("LAST_APPENDDATE", header.last_appenddate.cast_unsigned()),
            ("POP3_LAST_LOGIN", header.pop3_last_login.cast_unsigned()),
            ("POP3_SHOW_AFTER", header.pop3_show_after.cast_unsigned()),
            ("UIDVALIDITY", header.uidvalidity.into()),
            ("CREATEDMODSEQ", header.createdmodseq),
            ("SYNC_CRC", header.synccrcs.to_wire()[0].into()),
            ("SYNC_CRC_ANNOT", header.synccrcs.to_wire()[1].into()),
        ];
        for (key, value) in got {
            assert_eq!(value, reply.number(key), "{key} of {}", reply.name);
        }
        assert_eq!(header.options.to_wire(), reply.mailbox["OPTIONS"]);
        assert_eq!(
            header.exists as usize,
            records(&reply.index).iter().filter(|r| !r.is_expunged()).count()
        );
        assert!(header.deletedmodseq < header.highestmodseq);
        assert_eq!(header.header_file_crc, Some(header::parse(&reply.header).unwrap().crc));
    }
}

#[test]
fn records_of_all_versions_are_as_cyrus_says() {
    for reply in Recorded::all() {
        let names = header::parse(&reply.header).unwrap().flags;
        let version = parse(&reply.index).unwrap().minor_version();
        for (record, expected) in records(&reply.index).iter().zip(&reply.records) {
            let Record { uid, modseq, last_updated, internaldate, size, guid, .. } = record;
            assert_eq!(*uid, expected.uid);
            let fields = format!("{modseq}\t{last_updated}\t{internaldate}\t{size}\t{guid}");
            assert_eq!(fields, expected.fields, "UID {uid} of {}", reply.name);
            assert_eq!(flags(record, &names), expected.flags, "UID {uid} of {}", reply.name);

            // Versions without this field store the value as an annotation of the message.
            let of = |name: &str| {
                let entry = Text::new(format!("/vendor/cmu/cyrus-imapd/{name}"));
                let mut all = reply.annotations.iter().filter(|(of, _)| of == uid);
                all.find(|(_, one)| one.entry == entry && crc::is_virtual(&entry, version))
                    .map_or(String::new(), |(_, one)| one.value.to_string())
            };
            let shown = |number: u64| if number == 0 { String::new() } else { number.to_string() };
            assert_eq!(shown(record.createdmodseq), of("createdmodseq"));
            assert_eq!(shown(record.savedate.cast_unsigned()), of("savedate"));
            let late = crc::late_virtual(record, version);
            let late_of = |name: &str| {
                let found = late.iter().find(|(entry, _)| entry.ends_with(name));
                found.map_or(String::new(), |(_, value)| value.clone())
            };
            for name in ["internaldate.nsec", "basethrid"] {
                assert_eq!(late_of(name), of(name), "UID {uid} of {}", reply.name);
            }
            let cid = if record.cid == 0 { String::new() } else { format!("{:016x}", record.cid) };
            assert_eq!(cid, of("thrid"));
        }
    }
}

#[test]
fn sync_crcs_are_those_of_cyrus() {
    for reply in Recorded::all() {
        let version = parse(&reply.index).unwrap().minor_version();
        let flags = FlagCrcs::new(&header::parse(&reply.header).unwrap().flags);
        let mut sum = CrcSum::EMPTY;
        for record in records(&reply.index) {
            if record.is_expunged() {
                continue;
            }
            sum.record(&record, &flags, version);
            for (_, one) in reply.annotations.iter().filter(|(uid, _)| *uid == record.uid) {
                sum.annotation(record.uid, one, version);
            }
        }
        let crcs = sum.crcs();
        assert_eq!(crcs.basic, reply.crcs().basic, "{}", reply.name);
        assert!(crcs.agrees(reply.crcs()), "{}: {crcs:?} {:?}", reply.name, reply.crcs());
        let is_recent = reply.name.ends_with("-recent") || version == 20;
        let form = if is_recent { ThreadIds::Padded } else { ThreadIds::Plain };
        let [_, annot] = crcs.with(form).to_wire();
        if let Some(stored) = reply.crcs().annot {
            assert_eq!(annot, stored, "{}", reply.name);
        }
        // In these fixtures some thread ids begin with a zero, so the CRCs of the two forms differ.
        assert!(!is_recent || crcs.annot != crcs.padded, "{}", reply.name);
        assert_eq!(
            reply.crcs().annot.is_none(),
            version == 12,
            "only version 12 stores no such CRC"
        );
    }
}

#[test]
fn other_versions_are_refused_with_advice() {
    let mut data = Recorded::read("v17").index;
    for (version, advice) in [(10, "reconstruct -V max"), (11, "-V max"), (21, "reconstruct -V 20")]
    {
        data[8..12].copy_from_slice(&u32::to_be_bytes(version));
        let refused = parse(&data).unwrap_err();
        assert_eq!(refused, Refused::Version(version));
        let error = refused.in_file(Path::new("/m/cyrus.index"));
        assert_eq!(error.kind(), Kind::Unsupported);
        let text = error.to_string();
        assert!(text.contains(advice) && text.contains("/m/cyrus.index"), "{text}");
    }
    assert_eq!(LAYOUTS.map(|layout| layout.minor_version).to_vec(), VERSIONS.collect::<Vec<_>>());
}

/// Returns the index with a correct CRC of the header.
fn sealed(mut data: Vec<u8>) -> Vec<u8> {
    let crc = crc32fast::hash(&data[..156]).to_be_bytes();
    data[156..160].copy_from_slice(&crc);
    data
}

#[test]
fn numbers_that_the_file_cannot_back_are_refused() {
    let good = Recorded::read("v17").index;
    let complaint = |at: usize, value: u32| {
        let mut data = good.clone();
        data[at..at + 4].copy_from_slice(&value.to_be_bytes());
        match parse(&sealed(data)) {
            Err(Refused::Malformed(malformed)) => malformed.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(complaint(12, 159), "the records begin inside the header at offset 0xc");
    assert_eq!(complaint(16, 111), "an impossible record size at offset 0x10");
    assert_eq!(complaint(16, INDEX_RECORD_BYTES + 1), "an impossible record size at offset 0x10");
    assert_eq!(complaint(16, 113), "the file is too short for 8 records at offset 0x14");
    assert_eq!(complaint(20, 9), "the file is too short for 9 records at offset 0x14");
    assert_eq!(
        complaint(20, u32::MAX),
        "the file is too short for 4294967295 records at offset 0x14"
    );
    assert_eq!(complaint(12, u32::MAX), "the file is too short for 8 records at offset 0x14");
}

#[test]
fn larger_records_of_a_known_version_are_stepped_over() {
    let good = Recorded::read("v17").index;
    let (head, body) = good.split_at(160);
    let mut data = head.to_vec();
    data[16..20].copy_from_slice(&120u32.to_be_bytes());
    for record in body.chunks(112) {
        data.extend_from_slice(record);
        data.extend_from_slice(&[0xff; 8]);
    }
    assert_eq!(records(&sealed(data)), records(&good));
}

#[test]
fn an_empty_mailbox_has_new_uidls_and_a_modseq() {
    let mut data = Recorded::read("v17").index;
    data.truncate(160);
    data[20..24].fill(0);
    data[60..64].fill(0);
    data[68..76].fill(0);
    data[84..88].fill(0);
    let header = parse(&sealed(data)).unwrap();
    assert_eq!(header.options, Options(Options::POP3_NEW_UIDL));
    assert_eq!(header.highestmodseq, 1);
}

#[test]
fn damage_is_always_noticed() {
    for reply in Recorded::all() {
        let good = &reply.index;
        for end in 0..good.len() {
            parse(&good[..end]).unwrap_err();
        }
        let whole = parse(good).unwrap();
        let mut data = good.clone();
        for at in 0..data.len() {
            for bit in 0..8 {
                data[at] ^= 1 << bit;
                match at.checked_sub(whole.start_offset as usize) {
                    None => assert!(parse(&data).is_err(), "{} {at} {bit}", reply.name),
                    Some(offset) => {
                        let n = u32::try_from(offset).unwrap() / whole.record_size;
                        let start = usize::try_from(whole.offset_of(n)).unwrap();
                        whole.record(&data[start..]).unwrap_err();
                    }
                }
                data[at] ^= 1 << bit;
            }
        }
        for end in 0..whole.record_size as usize {
            whole.record(&good[whole.start_offset as usize..][..end]).unwrap_err();
        }
    }
}

/// Cyrus 3.13 has written such files, and can read them (`mailbox_buf_to_index_header`).
#[test]
fn a_file_of_version_19_may_have_the_long_records_of_20() {
    let index = Recorded::read("v19").index;
    let (header, short) = index.split_at(160);
    let mut long = header.to_vec();
    long[16..20].copy_from_slice(&144_u32.to_be_bytes());
    let crc = crc32fast::hash(&long[..156]).to_be_bytes();
    long[156..].copy_from_slice(&crc);
    for record in short.chunks(112) {
        long.extend_from_slice(record);
        long.extend_from_slice(&[0; 32]);
    }
    assert_eq!(parse(&long).unwrap().record_size, 144);
    assert_eq!(records(&long), records(&index));
}

#[test]
fn a_message_may_be_longer_than_32_bits_can_say() {
    let index = Recorded::read("v20-thread").index;
    let mut record = index[192..][..144].to_vec();
    record[24..32].copy_from_slice(&(5_u64 << 32).to_be_bytes());
    let crc = crc32fast::hash(&record[..140]).to_be_bytes();
    record[140..].copy_from_slice(&crc);
    let header = parse(&index).unwrap();
    assert_eq!(header.record(&record).unwrap().size, 5 << 32);
}
