//! Tests which values of a replica are accepted and which are refused.

use super::*;
use crate::types::{Guid, InternalFlags, MailboxHeader};

const NOW: Time = 1_800_000_000;

fn here() -> MailboxState {
    let flags = vec![Some("a\\odd".into())];
    MailboxState { header: header(), flags, ..MailboxState::default() }
}

fn header() -> MailboxHeader {
    MailboxHeader {
        name: "user.fred".into(),
        uidvalidity: 1_500_000_000,
        last_uid: 9,
        highestmodseq: 40,
        foldermodseq: Some(12),
        ..MailboxHeader::default()
    }
}

fn there() -> RemoteFolder {
    RemoteFolder { header: header(), ..RemoteFolder::default() }
}

fn measure(here: &MailboxState) -> Measure<'_> {
    Measure { here, used_modseq: 0, now: NOW }
}

type Change<T> = fn(&mut T);

#[test]
fn values_of_a_healthy_replica_are_accepted() {
    let healthy: [Change<RemoteFolder>; 9] = [
        |_| {},
        |r| r.highestmodseq = 40 + MODSEQ_JUMP,
        |r| r.last_uid = UID_BOUND - 1,
        |r| r.uidvalidity = (NOW + 30 * 86_400) as u32,
        |r| r.uidvalidity = 1,
        |r| r.recenttime = NOW + 86_400,
        |r| r.pop3_last_login = 0,
        // An update overwrites these two values, so any time is accepted.
        |r| r.recenttime = NOW + 50 * CLOCK_AHEAD,
        |r| r.pop3_show_after = NOW + 50 * CLOCK_AHEAD,
    ];
    for (number, change) in healthy.iter().enumerate() {
        let (here, mut there) = (here(), there());
        change(&mut there);
        let found = measure(&here).check_folder(&there);
        assert!(found.is_ok(), "{number}: {found:?}");
    }
}

#[test]
fn claims_about_a_mailbox_that_cannot_be_are_refused_with_name_and_value() {
    let lies: [(&str, Change<RemoteFolder>); 13] = [
        ("LAST_UID 4294967295,", |r| r.last_uid = u32::MAX),
        ("LAST_UID 4293918720,", |r| r.last_uid = UID_BOUND),
        ("RECENTUID 4294967295,", |r| r.recentuid = u32::MAX),
        ("HIGHESTMODSEQ 18446744073709551615,", |r| r.highestmodseq = u64::MAX),
        ("HIGHESTMODSEQ 1099511627817,", |r| r.highestmodseq = 41 + MODSEQ_JUMP),
        ("FOLDERMODSEQ 9223372036854775808,", |r| r.foldermodseq = Some(1 << 63)),
        ("CREATEDMODSEQ 18446744073709551615,", |r| r.createdmodseq = Some(u64::MAX)),
        ("XCONVMODSEQ 18446744073709551615,", |r| r.xconvmodseq = Some(u64::MAX)),
        ("RACLMODSEQ 18446744073709551615,", |r| r.raclmodseq = Some(u64::MAX)),
        ("UIDVALIDITY 4294967295,", |r| r.uidvalidity = u32::MAX),
        ("RECENTTIME 999999999999999,", |r| r.recenttime = 999_999_999_999_999),
        ("POP3_LAST_LOGIN -9223372036854775808,", |r| r.pop3_last_login = i64::MIN),
        ("LAST_UID 4294967296,", |r| r.beyond = Some("LAST_UID 4294967296".into())),
    ];
    for (value, change) in lies {
        let (here, mut there) = (here(), there());
        change(&mut there);
        let error = measure(&here).check_folder(&there).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
        let reported = error.to_string();
        assert!(reported.contains("user.fred") && reported.contains(value), "{reported}");
        assert!(reported.contains("nothing was changed"), "{reported}");
    }
}

#[test]
fn values_that_the_master_also_has_are_never_refused() {
    let mut here = here();
    (here.header.last_uid, here.header.highestmodseq, here.header.uidvalidity) =
        (u32::MAX, u64::MAX, u32::MAX);
    let mut there = there();
    (there.last_uid, there.highestmodseq, there.uidvalidity) = (u32::MAX, u64::MAX, u32::MAX);
    measure(&here).check_folder(&there).unwrap();
    // A modseq that the owner has in another mailbox is accepted too.
    let here = self::here();
    there = self::there();
    there.highestmodseq = 1 << 50;
    assert!(measure(&here).check_folder(&there).is_err());
    Measure { used_modseq: 1 << 50, ..measure(&here) }.check_folder(&there).unwrap();
}

#[test]
fn where_the_master_overrules_everything_only_uids_count() {
    let (here, mut there) = (here(), there());
    (there.highestmodseq, there.uidvalidity) = (u64::MAX, u32::MAX);
    measure(&here).check_overruled(&there).unwrap();
    there.last_uid = u32::MAX;
    assert!(measure(&here).check_overruled(&there).is_err());
}

fn message(uid: Uid) -> RemoteRecord {
    let record = Record {
        uid,
        modseq: 40,
        guid: Guid([7; 20]),
        size: 9,
        internaldate: 1_000_000_000,
        last_updated: 1_000_000_000,
        ..Record::default()
    };
    RemoteRecord { record, ..RemoteRecord::default() }
}

fn annotated(message: &mut RemoteRecord, entry: &str, userid: &str, value: &[u8], modseq: Modseq) {
    let (entry, userid, value) = (entry.into(), userid.into(), Text::new(value));
    message.annotations.push(Annotation { entry, userid, value, modseq });
}

fn check(ours: Vec<RemoteRecord>, theirs: Vec<RemoteRecord>) -> Result<()> {
    let side = |records| Side { records, ..Side::default() };
    measure(&here()).check_all(&there(), &side(ours), &side(theirs))
}

#[test]
fn message_values_of_a_healthy_replica_are_accepted() {
    let healthy: [Change<RemoteRecord>; 9] = [
        |m| m.record.internaldate = 0,
        |m| m.record.internaldate = -86_400 * 365 * 60,
        // The last second that fits into 32 bits, which is common in spam.
        |m| m.record.internaldate = i32::MAX.into(),
        |m| m.record.internaldate = NOW + 86_400 * 40,
        |m| m.record.last_updated = NOW + 86_400 * 2,
        |m| m.record.modseq = 40 + MODSEQ_JUMP,
        |m| m.record.cid = u64::MAX,
        |m| m.flags = ["$Label1".into(), "NonJunk".into(), "a\\odd".into()].into(),
        |m| annotated(m, "/comment", "fred", &[0, 1, 255, b'\n'], 41),
    ];
    for (number, change) in healthy.iter().enumerate() {
        let mut theirs = message(4);
        change(&mut theirs);
        let found = check(vec![], vec![theirs]);
        assert!(found.is_ok(), "{number}: {found:?}");
    }
}

#[test]
fn claims_about_messages_that_cannot_be_are_refused_with_name_and_value() {
    let lies: [(&str, Change<RemoteRecord>); 17] = [
        ("UID 0,", |m| m.record.uid = 0),
        ("UID 4294967295,", |m| m.record.uid = u32::MAX),
        ("UID 4 MODSEQ 18446744073709551615,", |m| m.record.modseq = u64::MAX),
        ("UID 4 MODSEQ 1099511627817,", |m| m.record.modseq = 41 + MODSEQ_JUMP),
        ("UID 4 createdmodseq 9223372036854775808,", |m| m.record.createdmodseq = 1 << 63),
        ("UID 4 INTERNALDATE 4102444800,", |m| m.record.internaldate = 4_102_444_800),
        ("UID 4 INTERNALDATE -9223372036854775808,", |m| m.record.internaldate = i64::MIN),
        ("UID 4 LAST_UPDATED 4294967295,", |m| m.record.last_updated = u32::MAX.into()),
        ("UID 4 savedate 4294967295,", |m| m.record.savedate = u32::MAX.into()),
        ("UID 4 the flag \\\\Recent,", |m| m.flags = ["\\Recent".into()].into()),
        ("UID 4 the flag two words,", |m| m.flags = ["two words".into()].into()),
        ("UID 4 the flag line\\r\\nend,", |m| m.flags = ["line\r\nend".into()].into()),
        ("(5000 bytes),", |m| m.flags = ["f".repeat(5000).as_str().into()].into()),
        ("UID 4 the annotation comment,", |m| annotated(m, "comment", "", b"x", 1)),
        ("(5001 bytes),", |m| annotated(m, &format!("/{}", "e".repeat(5000)), "", b"x", 1)),
        ("/comment of 1048577 bytes,", |m| annotated(m, "/comment", "", &[7; (1 << 20) + 1], 1)),
        ("/comment with modseq 9223372036854775808,", |m| {
            annotated(m, "/comment", "", b"x", 1 << 63)
        }),
    ];
    for (value, change) in lies {
        let mut theirs = message(4);
        change(&mut theirs);
        let reported = check(vec![], vec![theirs]).unwrap_err().to_string();
        assert!(reported.contains("user.fred") && reported.contains(value), "{value}: {reported}");
    }
}

#[test]
fn only_new_values_of_the_masters_messages_are_checked() {
    let mut odd = message(4);
    odd.record.internaldate = 9_000_000_000;
    odd.record.modseq = u64::MAX;
    odd.record.last_updated = 9_000_000_000;
    annotated(&mut odd, "no name", "", b"x", u64::MAX);
    check(vec![odd.clone()], vec![odd.clone()]).unwrap();
    // Another message at the same UID has its own dates, which are checked.
    let mut other = message(4);
    other.record.internaldate = 9_000_000_000;
    let mut ours = message(4);
    ours.record.guid = Guid([8; 20]);
    assert!(check(vec![ours], vec![other.clone()]).is_err());
    // The dates of a message that is expunged on the replica are not checked, because the master
    // does not take them.
    other.record.internal_flags.0 |= InternalFlags::EXPUNGED;
    check(vec![], vec![other]).unwrap();
}

#[test]
fn a_message_without_size_or_guid_is_not_fetched() {
    let good = Fetch { uid: 4, guid: Guid([1; 20]), size: 1 };
    check_fetched(&"x".into(), &[good]).unwrap();
    let empty = Fetch { size: 0, ..good };
    let nameless = Fetch { guid: Guid::default(), ..good };
    for bad in [empty, nameless] {
        let reported = check_fetched(&"user.fred".into(), &[good, bad]).unwrap_err().to_string();
        assert!(reported.contains("user.fred") && reported.contains("UID 4"), "{reported}");
    }
}
