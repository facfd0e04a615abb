//! Tests the planner with single cases and with random histories of two sides. Failures print the
//! seed.

use std::collections::BTreeMap;

use super::*;
use crate::events::Step;

const BASE_UID: Uid = 3;
const BASE_MODSEQ: Modseq = 10;

fn base() -> MailboxHeader {
    MailboxHeader {
        last_uid: BASE_UID,
        highestmodseq: BASE_MODSEQ,
        uidvalidity: 1,
        foldermodseq: Some(1),
        ..MailboxHeader::default()
    }
}
const KNOWN: Knowledge = Knowledge { deletedmodseq: 0, used_modseq: 0, now: 1000 };

fn message(uid: Uid, content: u8, modseq: Modseq) -> RemoteRecord {
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

fn flagged(mut message: RemoteRecord, flag: u32, modseq: Modseq) -> RemoteRecord {
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
fn plan(name: &MboxName, ours: &Side, theirs: &Side, known: Knowledge) -> Plan {
    super::plan(name, ours, theirs, known).unwrap()
}

/// Formats UID, content and `x` for expunged of each message.
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
fn what_was_expunged_on_both_is_not_looked_at() {
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
fn one_below_comes_back_under_a_new_uid_unless_it_was_forgotten_here() {
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
fn what_was_forgotten_had_no_other_message_at_its_uid() {
    let known = Knowledge { deletedmodseq: 20, ..KNOWN };
    let plan = decide(&[message(4, 7, 21)], &[message(4, 8, 11)], known);
    assert_eq!(show(&plan.master), ["4:7x", "5:7", "6:8"]);
}

#[test]
fn what_an_interrupted_attempt_brought_back_is_not_brought_back_again() {
    let there = message(2, 2, 5);
    let mut back = there.clone();
    (back.record.uid, back.record.modseq) = (4, 12);
    let plan = decide(std::slice::from_ref(&back), std::slice::from_ref(&there), KNOWN);
    assert_eq!((show(&plan.master), show(&plan.expunge)), (vec![], vec!["2:2x".into()]));
    // A message with the same content and another date is another message.
    back.record.internaldate += 1;
    let plan = decide(&[back], &[there], KNOWN);
    assert_eq!(show(&plan.master), ["5:2"]);
}

#[test]
fn a_message_that_only_the_master_has_is_renumbered_if_the_replica_has_seen_its_uid() {
    let ours = [message(2, 2, 5), message(4, 4, 11), message(5, 5, 3)];
    let mut theirs = side(&[]);
    theirs.header.last_uid = 3;
    let plan = plan(&"x".into(), &side(&ours), &theirs, KNOWN);
    // UID 4 is sent anyway. UID 5 must be written, because its modseq is too low to be sent.
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
    // The master's record is newer. It gets a new modseq, because an update with modseq 11 would
    // not be sent to a replica at 12.
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
    let is_raised = |found: &&RepairEvent| matches!(found, RepairEvent::Raised { .. });
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

/// A small random number generator. The same seed gives the same numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

/// Simulates a few actions of clients.
fn live(side: &mut Side, random: &mut Random, content: &mut u8) {
    for _ in 0..random.below(8) {
        side.header.highestmodseq += 1;
        let modseq = side.header.highestmodseq;
        let which = random.below(side.records.len() as u64 + 1) as usize;
        match (random.below(3), side.records.get_mut(which)) {
            (0, Some(m)) if !m.record.is_expunged() => {
                m.record.internal_flags.0 |= InternalFlags::EXPUNGED;
                m.record.modseq = modseq;
                m.record.last_updated = modseq as Time;
            }
            (1, Some(m)) if !m.record.is_expunged() => {
                *m = flagged(m.clone(), 1 << random.below(5), modseq);
            }
            _ => {
                *content += 1;
                side.header.last_uid += 1;
                side.records.push(message(side.header.last_uid, *content, modseq));
            }
        }
    }
}

/// Returns the master's state after the plan, as its server would make it.
fn written(side: &Side, plan: &Plan) -> Side {
    let mut messages: BTreeMap<Uid, RemoteRecord> =
        side.records.iter().map(|m| (m.record.uid, m.clone())).collect();
    for new in &plan.master {
        if let Some(old) = messages.get(&new.record.uid) {
            assert_eq!(old.record.guid, new.record.guid, "a UID never becomes another message");
            assert!(!old.record.is_expunged(), "nothing rises again");
            assert!(old.record.modseq < new.record.modseq);
        } else {
            assert!(new.record.uid > side.header.last_uid, "new UIDs are above all given ones");
        }
        messages.insert(new.record.uid, new.clone());
    }
    let records = messages.into_values().collect();
    Side { header: plan.header.clone(), annotations: plan.annotations.clone(), records }
}

/// Returns the replica's state after the update that follows.
fn updated(replica: &Side, master: &Side, plan: &Plan) -> Side {
    let mut messages: BTreeMap<Uid, RemoteRecord> =
        replica.records.iter().map(|m| (m.record.uid, m.clone())).collect();
    let mut sent: BTreeMap<Uid, &RemoteRecord> = master
        .records
        .iter()
        .filter(|m| {
            let MailboxHeader { last_uid, highestmodseq, .. } = replica.header;
            m.record.uid > last_uid || m.record.modseq > highestmodseq
        })
        .map(|m| (m.record.uid, m))
        .collect();
    sent.extend(plan.expunge.iter().map(|m| (m.record.uid, m)));
    for (uid, new) in sent {
        match messages.get(&uid) {
            Some(old) if old.record.is_expunged() && new.record.is_expunged() => continue,
            Some(old) => {
                assert_eq!(old.record.guid, new.record.guid, "the replica would refuse uid {uid}");
                assert!(old.record.modseq <= new.record.modseq);
                assert!(new.record.is_expunged() || !old.record.is_expunged());
            }
            None if uid <= replica.header.last_uid => {
                assert!(new.record.is_expunged(), "the replica would refuse uid {uid}");
                continue;
            }
            None => {}
        }
        messages.insert(uid, new.clone());
    }
    let records = messages.into_values().collect();
    Side { header: master.header.clone(), annotations: master.annotations.clone(), records }
}

fn living(side: &Side) -> Vec<RemoteRecord> {
    side.records.iter().filter(|m| !m.record.is_expunged()).cloned().collect()
}

fn contents(side: &Side) -> Vec<(u8, u32)> {
    let mut all: Vec<_> =
        living(side).iter().map(|m| (m.record.guid.0[0], m.record.system_flags.0)).collect();
    all.sort_unstable();
    all
}

/// Makes a history: a common start, then separate changes on each side.
fn history(seed: u64) -> (Side, Side) {
    let mut random = Random(seed);
    let mut content = 0;
    let mut ours = Side { header: MailboxHeader { last_uid: 0, ..base() }, ..Side::default() };
    live(&mut ours, &mut random, &mut content);
    let mut theirs = ours.clone();
    live(&mut ours, &mut random, &mut content);
    live(&mut theirs, &mut random, &mut content);
    (ours, theirs)
}

#[test]
fn random_histories_end_equal_and_lose_nothing() {
    for seed in 0..5000 {
        let (ours, theirs) = history(seed);
        let decided = plan(&"x".into(), &ours, &theirs, KNOWN);
        let master = written(&ours, &decided);
        let replica = updated(&theirs, &master, &decided);
        assert_eq!(living(&master), living(&replica), "seed {seed}");
        assert_eq!(master.header, replica.header, "seed {seed}");
        // Every message that nobody expunged exists once.
        let gone = |side: &Side, content: u8| {
            side.records.iter().any(|m| m.record.guid.0[0] == content && m.record.is_expunged())
        };
        let mut expected: Vec<u8> = living(&ours)
            .iter()
            .chain(&living(&theirs))
            .map(|m| m.record.guid.0[0])
            .filter(|content| !gone(&ours, *content) && !gone(&theirs, *content))
            .collect();
        expected.sort_unstable();
        expected.dedup();
        let found: Vec<u8> = contents(&master).iter().map(|(content, _)| *content).collect();
        assert_eq!(found, expected, "seed {seed}");
        // A second plan changes nothing.
        let again = plan(&"x".into(), &master, &replica, KNOWN);
        assert!(!again.writes_master && again.expunge.is_empty(), "seed {seed}: {again:?}");
    }
}

#[test]
fn it_does_not_matter_which_side_is_the_master() {
    for seed in 0..5000 {
        let (ours, theirs) = history(seed);
        // If both sides changed the flags of a message with the same modseq, the master's are kept.
        let modseqs = |side: &Side| -> BTreeMap<Uid, (Modseq, Guid)> {
            side.records.iter().map(|m| (m.record.uid, (m.record.modseq, m.record.guid))).collect()
        };
        let (here, there) = (modseqs(&ours), modseqs(&theirs));
        let tied = |uid: &Uid| here.contains_key(uid) && here.get(uid) == there.get(uid);
        let end = |a: &Side, b: &Side| -> Vec<(Uid, Guid, u32)> {
            let end = living(&written(a, &plan(&"x".into(), a, b, KNOWN)));
            let flags =
                |m: &RemoteRecord| if tied(&m.record.uid) { 0 } else { m.record.system_flags.0 };
            end.iter().map(|m| (m.record.uid, m.record.guid, flags(m))).collect()
        };
        assert_eq!(end(&ours, &theirs), end(&theirs, &ours), "seed {seed}");
    }
}

#[test]
fn every_decision_is_told() {
    for seed in 0..5000 {
        let (ours, theirs) = history(seed);
        let decided = plan(&"x".into(), &ours, &theirs, KNOWN);
        let told: String = decided
            .findings
            .iter()
            .map(|found| format!("{}\n", Step::Repair { found: found.clone() }))
            .collect();
        for message in decided.expunge.iter().chain(&decided.master) {
            let uid = message.record.uid;
            let ways = [
                format!("uid=<{uid}>"),
                format!("uid:{uid} "),
                format!("record=<{uid}>"),
                format!(" as {uid}:"),
                format!(" to {uid}:"),
            ];
            assert!(ways.iter().any(|way| told.contains(way)), "seed {seed} uid {uid}:\n{told}");
        }
    }
}

#[test]
fn a_repair_that_stops_halfway_is_finished_without_copies() {
    for seed in 0..5000 {
        let (ours, theirs) = history(seed);
        let decided = plan(&"x".into(), &ours, &theirs, KNOWN);
        let whole = written(&ours, &decided);
        // The master was changed, but the replica was not.
        let second = plan(&"x".into(), &whole, &theirs, KNOWN);
        let master = written(&whole, &second);
        let replica = updated(&theirs, &master, &second);
        assert_eq!(living(&master), living(&replica), "seed {seed}");
        assert_eq!(contents(&master), contents(&whole), "seed {seed}");
    }
}

#[test]
fn a_replica_that_goes_on_after_a_repair_that_stopped_halfway_makes_no_copies() {
    for seed in 0..5000 {
        let mut random = Random(seed);
        let mut content = 0;
        let mut ours = Side { header: MailboxHeader { last_uid: 0, ..base() }, ..Side::default() };
        live(&mut ours, &mut random, &mut content);
        let mut theirs = ours.clone();
        live(&mut ours, &mut random, &mut content);
        live(&mut theirs, &mut random, &mut content);
        let whole = written(&ours, &plan(&"x".into(), &ours, &theirs, KNOWN));
        live(&mut theirs, &mut random, &mut content);
        let second = plan(&"x".into(), &whole, &theirs, KNOWN);
        let master = written(&whole, &second);
        let replica = updated(&theirs, &master, &second);
        assert_eq!(living(&master), living(&replica), "seed {seed}");
        let found: Vec<u8> = contents(&master).iter().map(|(content, _)| *content).collect();
        assert!(found.windows(2).all(|pair| pair[0] != pair[1]), "seed {seed}: {found:?}");
        let gone: Vec<u8> = ours
            .records
            .iter()
            .chain(&theirs.records)
            .filter(|m| m.record.is_expunged())
            .map(|m| m.record.guid.0[0])
            .collect();
        for content in 1..=content {
            let lost = !gone.contains(&content) && !found.contains(&content);
            assert!(!lost, "seed {seed}: {content} of {found:?}");
        }
    }
}

#[test]
fn without_uids_or_modseqs_left_there_is_no_plan() {
    let plan = |ours: &Side, theirs: &Side| super::plan(&"user.fred".into(), ours, theirs, KNOWN);
    let mut full = side(&[message(2, 2, 5)]);
    full.header.last_uid = Uid::MAX;
    // The master's message must get a new UID.
    let told = plan(&full, &side(&[message(2, 9, 5)])).unwrap_err().to_string();
    assert!(told.contains("user.fred") && told.contains("last UID is the highest"), "{told}");
    let mut full = side(&[]);
    full.header.highestmodseq = Modseq::MAX;
    let told = plan(&full, &side(&[message(4, 4, 11)])).unwrap_err().to_string();
    assert!(told.contains("user.fred") && told.contains("modseq is the highest"), "{told}");
}

#[test]
fn no_message_has_a_uid_above_the_last() {
    // Cyrus's client can set the last UID of a forced replica below the UIDs of its messages.
    let mut theirs = side(&[message(7, 7, 11)]);
    theirs.header.last_uid = 3;
    let plan = plan(&"x".into(), &side(&[]), &theirs, KNOWN);
    assert_eq!((show(&plan.master), plan.header.last_uid), (vec!["7:7".into()], 7));
}

#[test]
fn what_a_plan_expunges_here_is_counted_and_new_uids_are_not() {
    let ours = [message(1, 1, 1), message(2, 2, 1), message(3, 3, 1)];
    let gone = expunged(message(1, 1, 12));
    let plan = decide(&ours, &[gone, flagged(message(2, 2, 1), SystemFlags::DELETED, 12)], KNOWN);
    assert_eq!(show(&plan.master), ["1:1x", "2:2", "3:3x", "4:3"]);
    assert_eq!((plan.expunged_here, plan.deleted_here), (1, 1));
}
