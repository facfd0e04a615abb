//! Tests the planner with random histories of two sides. Failures print the seed.

use std::collections::BTreeMap;

use super::tests::{KNOWN, base, flagged, message, plan};
use super::{Plan, Side};
use crate::events::Step;
use crate::protocol::RemoteRecord;
use crate::types::{Guid, InternalFlags, MailboxHeader, Modseq, Time, Uid};

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

/// Returns the master's state after its server has carried out the plan. Checks that the server
/// would accept each record.
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

/// Returns the replica's state after the update that follows the plan. Checks that the replica
/// would accept each record.
fn updated(replica: &Side, master: &Side, plan: &Plan) -> Side {
    let mut sent = changes(replica, master);
    sent.extend(plan.expunge.iter().map(|m| (m.record.uid, m)));
    received(replica, master, &sent).unwrap()
}

/// Returns the replica's state after an update with the master's changes, before a repair. Returns
/// `None` if the replica refuses the update.
fn changed(replica: &Side, master: &Side) -> Option<Side> {
    let (here, there) = (&master.header, &replica.header);
    let is_above = there.highestmodseq > here.highestmodseq || there.last_uid > here.last_uid;
    let changed = received(replica, master, &changes(replica, master)).ok();
    changed.filter(|_| !is_above)
}

/// Returns the records that an update of the replica contains.
fn changes<'m>(replica: &Side, master: &'m Side) -> BTreeMap<Uid, &'m RemoteRecord> {
    let MailboxHeader { last_uid, highestmodseq, .. } = replica.header;
    let changed = |m: &&RemoteRecord| m.record.uid > last_uid || m.record.modseq > highestmodseq;
    master.records.iter().filter(changed).map(|m| (m.record.uid, m)).collect()
}

/// Returns the replica's state after an update with these records, or why it refuses them
/// (`sync_mailbox_compare_update` in Cyrus's `imap/sync_support.c`).
fn received(
    replica: &Side,
    master: &Side,
    sent: &BTreeMap<Uid, &RemoteRecord>,
) -> Result<Side, String> {
    let mut messages: BTreeMap<Uid, RemoteRecord> =
        replica.records.iter().map(|m| (m.record.uid, m.clone())).collect();
    for (uid, new) in sent {
        match messages.get(uid) {
            Some(old) if old.record.is_expunged() && new.record.is_expunged() => continue,
            Some(old) => {
                let fits = old.record.guid == new.record.guid
                    && old.record.modseq <= new.record.modseq
                    && (new.record.is_expunged() || !old.record.is_expunged());
                if !fits {
                    return Err(format!("the replica has another state of uid {uid}"));
                }
            }
            None if *uid > replica.header.last_uid => {}
            None if new.record.is_expunged() => continue,
            None => return Err(format!("uid {uid} is not new")),
        }
        messages.insert(*uid, (*new).clone());
    }
    let records = messages.into_values().collect();
    Ok(Side { header: master.header.clone(), annotations: master.annotations.clone(), records })
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

/// Makes a history: a common start, then separate changes on each side. Uses and raises the content
/// of the last message.
fn diverge(random: &mut Random, content: &mut u8) -> (Side, Side) {
    let mut ours = Side { header: MailboxHeader { last_uid: 0, ..base() }, ..Side::default() };
    live(&mut ours, random, content);
    let mut theirs = ours.clone();
    live(&mut ours, random, content);
    live(&mut theirs, random, content);
    (ours, theirs)
}

fn history(seed: u64) -> (Side, Side) {
    diverge(&mut Random(seed), &mut 0)
}

#[test]
fn random_histories_end_equal_and_lose_nothing() {
    for seed in 0..5000 {
        let (ours, mut theirs) = history(seed);
        // Before it compares all records, the client has sent the master's changes, which a replica
        // may keep.
        if seed % 2 == 0 {
            theirs = changed(&theirs, &ours).unwrap_or(theirs);
        }
        let decided = plan(&"x".into(), &ours, &theirs, KNOWN);
        let master = written(&ours, &decided);
        let replica = updated(&theirs, &master, &decided);
        assert_eq!(living(&master), living(&replica), "seed {seed}");
        assert_eq!(master.header, replica.header, "seed {seed}");
        // Every message that was not expunged on any side exists exactly once.
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
        // A second repair finds nothing to change.
        let again = plan(&"x".into(), &master, &replica, KNOWN);
        assert!(!again.writes_master && again.expunge.is_empty(), "seed {seed}: {again:?}");
    }
}

#[test]
fn the_result_is_the_same_if_the_sides_are_exchanged() {
    for seed in 0..5000 {
        let (ours, theirs) = history(seed);
        // If both sides changed the flags of a message and gave it the same modseq, the master's
        // flags win. So the result depends on the master in this case, and these flags are not
        // compared.
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
fn every_decision_is_reported() {
    for seed in 0..5000 {
        let (ours, theirs) = history(seed);
        let decided = plan(&"x".into(), &ours, &theirs, KNOWN);
        let text: String = decided
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
                format!(" as UID {uid}:"),
                format!(" to UID {uid}:"),
            ];
            assert!(ways.iter().any(|way| text.contains(way)), "seed {seed} uid {uid}:\n{text}");
        }
    }
}

#[test]
fn a_repair_that_stops_halfway_is_finished_without_copies() {
    for seed in 0..5000 {
        let (ours, theirs) = history(seed);
        let decided = plan(&"x".into(), &ours, &theirs, KNOWN);
        let whole = written(&ours, &decided);
        // The repair was interrupted after the change of the master, so the replica is unchanged.
        // Or the next run has sent the changes before it compares all records.
        for theirs in [Some(theirs.clone()), changed(&theirs, &whole)].into_iter().flatten() {
            let second = plan(&"x".into(), &whole, &theirs, KNOWN);
            let master = written(&whole, &second);
            let replica = updated(&theirs, &master, &second);
            assert_eq!(living(&master), living(&replica), "seed {seed}");
            assert_eq!(contents(&master), contents(&whole), "seed {seed}");
        }
    }
}

#[test]
fn a_replica_that_goes_on_after_a_repair_that_stopped_halfway_makes_no_copies() {
    for seed in 0..5000 {
        let mut random = Random(seed);
        let mut content = 0;
        let (ours, mut theirs) = diverge(&mut random, &mut content);
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
