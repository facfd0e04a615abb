//! The oracle of the tests: finds all differences between a replica and its master.
//!
//! It reads both sides through Cyrus's own programs (`sync_server -X`, `cyr_dbtool`) and from
//! message files, never through the library under test. Each side becomes a map from paths
//! (`user.fred.Sent RECORD 7 FLAGS`) to values, and the two maps are compared. Some things cannot
//! be equal on both sides:
//!
//! - the time at which an entry of mailboxes.db was written (`M`): it is not on the wire
//! - tombstones and name histories: each server writes its own past ([`Side::mailboxes`])
//! - whether a mailbox's directories are named by name or by uniqueid, which is not on the wire
//!   either
//! - quota roots without a mailbox: the protocol cannot show them ([`Side::quotas`])

mod collect;

use std::collections::BTreeMap;
use std::fmt;

use crate::cyrus::Cyrus;
use collect::Side;

/// A difference between replica and master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The object of the difference: `user.fred.Sent RECORD 7 FLAGS`.
    pub path: String,
    /// The master's value; `None` if it has none.
    pub master: Option<String>,
    /// The replica's value; `None` if it has none.
    pub replica: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "(nothing)".into());
        write!(f, "{}: master {} replica {}", self.path, show(&self.master), show(&self.replica))
    }
}

/// Paths and values of one side.
pub(crate) type Facts = BTreeMap<String, String>;

/// Returns all differences between master and replica: mailboxes, records, flags, annotations,
/// message files, quotas and their usage, seen state, subscriptions, Sieve scripts. Order is
/// ignored where it has no meaning.
pub fn compare(master: &Cyrus, replica: &Cyrus) -> Vec<Difference> {
    let (mut left, mut right) = (Side::open(master), Side::open(replica));
    let mut differences = Vec::new();
    let (left_boxes, right_boxes) = (left.mailboxes(), right.mailboxes());
    diff(left_boxes.facts, right_boxes.facts, &mut differences);

    let common = |a: &[String], b: &[String]| {
        let mut all = [a, b].concat();
        all.sort();
        all.dedup();
        all
    };
    let gone = common(&left_boxes.gone, &right_boxes.gone);
    let mut users = common(&left_boxes.users, &right_boxes.users);
    users.retain(|user| !gone.contains(user));
    for user in users {
        left.ask("META", &user);
        right.ask("META", &user);
        diff(left.user(&user), right.user(&user), &mut differences);
    }
    left.ask("ANNOTATION", "");
    right.ask("ANNOTATION", "");
    diff(left.server_annotations(), right.server_annotations(), &mut differences);
    diff(left.quotas(&left_boxes.open), right.quotas(&right_boxes.open), &mut differences);
    let (left_places, right_places) =
        (left.places(&left_boxes.open), right.places(&right_boxes.open));
    for mailbox in common(&left_boxes.open, &right_boxes.open) {
        left.ask("FULLMAILBOX", &mailbox);
        right.ask("FULLMAILBOX", &mailbox);
        let (a, b) = (left.mailbox(&mailbox, &left_places), right.mailbox(&mailbox, &right_places));
        compare_files(&mailbox, &a.files, &b.files, &mut differences);
        diff(a.facts, b.facts, &mut differences);
    }
    diff(Facts::new(), lost_locks(replica), &mut differences);
    differences
}

/// Returns lines of a replica's log that say that a change was lost because servers of Cyrus waited
/// for each other's locks. Cyrus answers OK to such a change.
fn lost_locks(replica: &Cyrus) -> Facts {
    let log = replica.log();
    let is_lost = |line: &&str| ["LOSTQUOTA", "Resource deadlock"].iter().any(|l| line.contains(l));
    let lost = log.lines().filter(is_lost).enumerate();
    lost.map(|(at, line)| (format!("LOG {at}"), line.to_owned())).collect()
}

/// Formats at most `limit` of the differences as lines, for the message of a failed test.
pub fn describe(differences: &[Difference], limit: usize) -> String {
    let mut lines: Vec<String> = differences.iter().take(limit).map(|d| format!("  {d}")).collect();
    if differences.len() > limit {
        lines.push(format!("  ... and {} more", differences.len() - limit));
    }
    format!("{} differences\n{}", differences.len(), lines.join("\n"))
}

fn diff(master: Facts, mut replica: Facts, out: &mut Vec<Difference>) {
    let mut push = |path: String, master: Option<String>, replica: Option<String>| {
        let difference = Difference { path, master, replica };
        if difference.master != difference.replica && !excused(&difference) {
            out.push(difference);
        }
    };
    for (path, value) in master {
        let other = replica.remove(&path);
        push(path, Some(value), other);
    }
    for (path, value) in replica {
        push(path, None, Some(value));
    }
}

/// Returns whether a difference is excused: the time at which an entry of mailboxes.db was written
/// is not on the wire.
fn excused(difference: &Difference) -> bool {
    difference.path.starts_with("mailboxes.db ") && difference.path.ends_with(" M")
}

fn compare_files(
    mailbox: &str,
    master: &collect::Files,
    replica: &collect::Files,
    out: &mut Vec<Difference>,
) {
    let uids: std::collections::BTreeSet<_> = master.keys().chain(replica.keys()).collect();
    for uid in uids {
        let show = |files: &collect::Files| {
            files.get(uid).map(|path| match path.metadata() {
                // Do not read a FIFO: that would never end.
                Ok(found) if !found.is_file() => Err("no regular file".to_owned()),
                _ => std::fs::read(path).map_err(|e| e.to_string()),
            })
        };
        let (a, b) = (show(master), show(replica));
        let missing = [&a, &b].iter().any(|side| matches!(side, Some(Err(_))));
        // A record that only one side has is reported elsewhere.
        if a.is_none() || b.is_none() || (a == b && !missing) {
            continue;
        }
        let words = |file: Option<Result<Vec<u8>, String>>| match file {
            Some(Ok(bytes)) => Some(format!("{} bytes, {}", bytes.len(), hash(&bytes))),
            Some(Err(e)) => Some(e),
            None => None,
        };
        let path = format!("{mailbox} RECORD {uid} FILE");
        out.push(Difference { path, master: words(a), replica: words(b) });
    }
}

fn hash(bytes: &[u8]) -> String {
    use sha1::{Digest, Sha1};
    Sha1::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
