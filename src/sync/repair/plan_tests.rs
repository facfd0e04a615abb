//! Tests the planner with single cases.

use super::*;

const BASE_UID: Uid = 3;
const BASE_MODSEQ: Modseq = 10;

pub(super) fn base() -> MailboxHeader {
    MailboxHeader {
        last_uid: BASE_UID,
        highestmodseq: BASE_MODSEQ,
        uidvalidity: 1,
        foldermodseq: Some(1),
        ..MailboxHeader::default()
    }
}
pub(super) const KNOWN: Knowledge = Knowledge { deletedmodseq: 0, used_modseq: 0, now: 1000 };

pub(super) fn message(uid: Uid, content: u8, modseq: Modseq) -> RemoteRecord {
    let record = Record {
        uid,
        modseq,
        guid: Guid([content; 20]),
        size: u64::from(content) + 1,
        internaldate: 100 + Time::from(content),
        last_updated: modseq as Time,
        createdmodseq: modseq,
        ..Record::default()
    };
    RemoteRecord { record, ..RemoteRecord::default() }
}

fn expunged(mut message: RemoteRecord) -> RemoteRecord {
    message.record.internal_flags.0 |= InternalFlags::EXPUNGED;
    message
}

pub(super) fn flagged(mut message: RemoteRecord, flag: u32, modseq: Modseq) -> RemoteRecord {
    message.record.system_flags.0 |= flag;
    message.record.modseq = modseq;
    message.record.last_updated = modseq as Time;
    message
}

fn side(messages: &[RemoteRecord]) -> Side {
    let last = messages.iter().map(|m| m.record.uid).max().unwrap_or(0).max(BASE_UID);
    let modseq = messages.iter().map(|m| m.record.modseq).max().unwrap_or(0);
    let highestmodseq = modseq.max(BASE_MODSEQ);
    let header = MailboxHeader { last_uid: last, highestmodseq, ..base() };
    Side { header, records: messages.to_vec(), ..Side::default() }
}

fn decide(ours: &[RemoteRecord], theirs: &[RemoteRecord], known: Knowledge) -> Plan {
    plan(&"user.fred".into(), &side(ours), &side(theirs), known)
}

/// Makes a plan, which must succeed.
pub(super) fn plan(name: &MboxName, ours: &Side, theirs: &Side, known: Knowledge) -> Plan {
    super::plan(name, ours, theirs, known).unwrap()
}

/// Formats each message as UID and content, with an `x` if it is expunged.
fn show(messages: &[RemoteRecord]) -> Vec<String> {
    let one = |m: &RemoteRecord| {
        let gone = if m.record.is_expunged() { "x" } else { "" };
        format!("{}:{}{gone}", m.record.uid, m.record.guid.0[0])
    };
    messages.iter().map(one).collect()
}

#[test]
fn equal_sides_need_nothing() {
    let both = [message(1, 1, 1), expunged(message(2, 2, 5))];
    let plan = decide(&both, &both, KNOWN);
    assert!(!plan.writes_master && plan.expunge.is_empty() && plan.findings.is_empty());
    assert_eq!(plan.header, side(&both).header);
}

#[test]
fn messages_expunged_on_both_sides_are_ignored() {
    let plan = decide(&[expunged(message(1, 1, 4))], &[expunged(message(1, 2, 5))], KNOWN);
    assert!(!plan.writes_master && plan.expunge.is_empty());
}

#[test]
fn two_messages_of_one_uid_both_get_new_ones_the_lower_guid_first() {
    for (m, r, expected) in [(7, 8, ["4:7x", "5:7", "6:8"]), (8, 7, ["4:8x", "5:7", "6:8"])] {
        let plan = decide(&[message(4, m, 11)], &[message(4, r, 11)], KNOWN);
        assert_eq!(show(&plan.master), expected);
        assert_eq!(show(&plan.expunge), [format!("4:{r}x")]);
        assert_eq!(plan.own, [Guid([m; 20])]);
        assert_eq!(plan.fetch, [Fetch { uid: 4, guid: Guid([r; 20]), size: u64::from(r) + 1 }]);
        assert_eq!(plan.header.last_uid, 6);
        let above = |m: &RemoteRecord| m.record.modseq == 12 && m.record.last_updated == KNOWN.now;
        assert!(plan.master.iter().chain(&plan.expunge).all(above));
        let (mailbox, uid) = ("user.fred".into(), 4);
        let (replica, master) = (Guid([r; 20]), Guid([m; 20]));
        assert_eq!(plan.findings[0], RepairEvent::GuidMismatch { mailbox, uid, replica, master });
    }
}

#[test]
fn a_message_that_only_the_replica_has_above_our_last_uid_keeps_its_uid() {
    let plan = decide(&[], &[message(4, 4, 11)], KNOWN);
    assert_eq!(show(&plan.master), ["4:4"]);
    assert!(plan.expunge.is_empty());
    assert_eq!((plan.header.last_uid, plan.header.highestmodseq), (4, 12));
}

#[test]
fn a_message_below_the_last_uid_gets_a_new_uid_unless_the_master_has_removed_it() {
    let theirs = [message(2, 2, 5)];
    let plan = decide(&[], &theirs, KNOWN);
    assert_eq!(
        (show(&plan.master), show(&plan.expunge)),
        (vec!["4:2".into()], vec!["2:2x".into()])
    );
    let plan = decide(&[], &theirs, Knowledge { deletedmodseq: 6, ..KNOWN });
    assert!(plan.master.is_empty() && plan.fetch.is_empty() && !plan.writes_master);
    assert_eq!(show(&plan.expunge), ["2:2x"]);
}

#[test]
fn a_removed_record_is_not_assumed_if_the_uid_has_another_message() {
    let known = Knowledge { deletedmodseq: 20, ..KNOWN };
    let plan = decide(&[message(4, 7, 21)], &[message(4, 8, 11)], known);
    assert_eq!(show(&plan.master), ["4:7x", "5:7", "6:8"]);
}

#[test]
fn a_message_copied_by_an_interrupted_repair_is_not_copied_again() {
    let there = message(2, 2, 5);
    let mut back = there.clone();
    (back.record.uid, back.record.modseq) = (4, 12);
    let plan = decide(std::slice::from_ref(&back), std::slice::from_ref(&there), KNOWN);
    assert_eq!((show(&plan.master), show(&plan.expunge)), (vec![], vec!["2:2x".into()]));
    // A message with the same content and another date counts as another message, so it is copied
    // back.
    let mut other = back.clone();
    other.record.internaldate += 1;
    let plan = decide(&[other], std::slice::from_ref(&there), KNOWN);
    assert_eq!(show(&plan.master), ["5:2"]);
    // The replica may have the copy too.
    let both = [there, back.clone()];
    let plan = decide(std::slice::from_ref(&back), &both, KNOWN);
    assert_eq!((show(&plan.master), show(&plan.expunge)), (vec![], vec!["2:2x".into()]));
    // If one of the two was expunged there, the other is kept.
    let one = [both[0].clone(), expunged(both[1].clone())];
    let plan = decide(std::slice::from_ref(&back), &one, KNOWN);
    assert_eq!(show(&plan.master), ["4:2x", "5:2"]);
    // If it is not certain that it is a copy, the message is kept. The same holds for an equal
    // message below it, because copies get higher UIDs.
    for change in [|r: &mut Record| r.createdmodseq = 0, |r: &mut Record| r.uid = 1] {
        let mut both = both.clone();
        both.iter_mut().for_each(|m| change(&mut m.record));
        let mut back = back.clone();
        change(&mut back.record);
        both[0].record.uid = 2;
        both.sort_by_key(|m| m.record.uid);
        let plan = decide(&[back], &both, KNOWN);
        assert_eq!(show(&plan.master).last().map(|copy| &copy[1..]), Some(":2"));
    }
}

#[test]
fn a_message_that_only_the_master_has_is_renumbered_if_the_replica_has_seen_its_uid() {
    let ours = [message(2, 2, 5), message(4, 4, 11), message(5, 5, 3)];
    let mut theirs = side(&[]);
    theirs.header.last_uid = 3;
    let plan = plan(&"x".into(), &side(&ours), &theirs, KNOWN);
    // UID 4 is sent by the normal update. UID 5 needs a new modseq, because its modseq is too low
    // for the update.
    assert_eq!(show(&plan.master), ["2:2x", "5:5", "6:2"]);
    assert_eq!(plan.header.last_uid, 6);
}

#[test]
fn the_newer_side_wins_flags_and_an_expunge_wins_over_all() {
    let base = message(1, 1, 1);
    let ours = flagged(base.clone(), SystemFlags::SEEN, 11);
    let mut theirs = flagged(base.clone(), SystemFlags::FLAGGED, 12);
    theirs.flags.insert("Junk".into());
    let plan = decide(std::slice::from_ref(&ours), std::slice::from_ref(&theirs), KNOWN);
    assert_eq!(plan.master[0].record.system_flags.0, SystemFlags::FLAGGED);
    assert_eq!(plan.master[0].flags, theirs.flags);
    // The master's record is newer. It gets a new modseq, because a record with modseq 11 would not
    // be sent to a replica at 12.
    let newer = flagged(base.clone(), SystemFlags::SEEN, 11);
    let older = [flagged(base.clone(), SystemFlags::FLAGGED, 9), message(3, 3, 12)];
    let plan = decide(&[newer, message(3, 3, 12)], &older, KNOWN);
    assert_eq!(plan.master[0].record.system_flags.0, SystemFlags::SEEN);
    assert_eq!(plan.header.highestmodseq, 13);
    // A message expunged on the master is expunged on the replica, and the other way round.
    let plan = decide(&[expunged(ours.clone())], std::slice::from_ref(&theirs), KNOWN);
    assert_eq!((show(&plan.master), show(&plan.expunge)), (vec![], vec!["1:1x".into()]));
    let plan = decide(&[ours], &[expunged(theirs)], KNOWN);
    assert_eq!((show(&plan.master), show(&plan.expunge)), (vec!["1:1x".into()], vec![]));
}

#[test]
fn the_header_takes_the_higher_of_both_and_the_modseq_is_above_all_that_the_user_has() {
    let mut theirs = side(&[]);
    theirs.header = MailboxHeader {
        uidvalidity: 9,
        foldermodseq: Some(8),
        raclmodseq: Some(7),
        highestmodseq: 30,
        ..base()
    };
    theirs.annotations = vec![Annotation {
        entry: "/comment".into(),
        userid: "".into(),
        value: "theirs".into(),
        modseq: 0,
    }];
    let plan = plan(&"x".into(), &side(&[]), &theirs, Knowledge { used_modseq: 50, ..KNOWN });
    assert!(plan.writes_master);
    assert_eq!(plan.header, MailboxHeader { highestmodseq: 51, ..theirs.header.clone() });
    assert_eq!(plan.annotations, theirs.annotations, "its modseq is higher");
    let is_raised = |found: &&RepairEvent| matches!(found, RepairEvent::ValueRaised { .. });
    assert_eq!(plan.findings.iter().filter(is_raised).count(), 3, "{:?}", plan.findings);
}

#[test]
fn no_message_has_a_modseq_above_the_highest() {
    let mut theirs = side(&[message(1, 1, 1), expunged(message(2, 2, 40))]);
    theirs.header.highestmodseq = BASE_MODSEQ;
    let plan = plan(&"x".into(), &side(&[message(1, 1, 1)]), &theirs, KNOWN);
    assert!(plan.writes_master);
    assert_eq!(plan.header.highestmodseq, 41);
}

#[test]
fn the_foldermodseq_is_not_below_what_the_replica_makes_of_new_annotations() {
    let mut ours = side(&[]);
    ours.header.highestmodseq = 30;
    ours.annotations = vec![Annotation {
        entry: "/comment".into(),
        userid: "".into(),
        value: "ours".into(),
        modseq: 0,
    }];
    let plan = plan(&"x".into(), &ours, &side(&[]), KNOWN);
    assert_eq!(plan.header.foldermodseq, Some(BASE_MODSEQ));
}

#[test]
fn without_uids_or_modseqs_left_there_is_no_plan() {
    let plan = |ours: &Side, theirs: &Side| super::plan(&"user.fred".into(), ours, theirs, KNOWN);
    let mut full = side(&[message(2, 2, 5)]);
    full.header.last_uid = Uid::MAX;
    // The master's message must get a new UID.
    let text = plan(&full, &side(&[message(2, 9, 5)])).unwrap_err().to_string();
    assert!(
        text.contains("user.fred") && text.contains("last UID has reached the maximum"),
        "{text}"
    );
    let mut full = side(&[]);
    full.header.highestmodseq = Modseq::MAX;
    let text = plan(&full, &side(&[message(4, 4, 11)])).unwrap_err().to_string();
    assert!(
        text.contains("user.fred") && text.contains("modseq has reached the maximum"),
        "{text}"
    );
}

#[test]
fn no_message_has_a_uid_above_the_last() {
    // With `-O` Cyrus's client can set the replica's last UID below the UIDs of its messages.
    let mut theirs = side(&[message(7, 7, 11)]);
    theirs.header.last_uid = 3;
    let plan = plan(&"x".into(), &side(&[]), &theirs, KNOWN);
    assert_eq!((show(&plan.master), plan.header.last_uid), (vec!["7:7".into()], 7));
}

#[test]
fn expunges_on_the_master_are_counted_and_new_uids_are_not() {
    let ours = [message(1, 1, 1), message(2, 2, 1), message(3, 3, 1)];
    let gone = expunged(message(1, 1, 12));
    let plan = decide(&ours, &[gone, flagged(message(2, 2, 1), SystemFlags::DELETED, 12)], KNOWN);
    assert_eq!(show(&plan.master), ["1:1x", "2:2", "3:3x", "4:3"]);
    assert_eq!((plan.expunged_here, plan.deleted_here), (1, 1));
}
