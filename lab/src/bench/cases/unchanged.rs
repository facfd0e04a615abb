//! Benchmarks of a nightly `-A` that finds no changes.

use super::super::Bench;
use super::super::contender::{Contender, OURS};
use super::super::ground::{Ground, fill, thousands};
use super::super::measure::{Wire, count_calls, measure};
use super::super::result::{Case, Measure, Row};
use super::super::settings::Mix;
use super::first::both;
use crate::Cyrus;
use crate::fill::Bulk;

/// Maximum number of system calls for each mailbox (a target).
const CALLS_A_MAILBOX: f64 = 12.0;

/// Measures users with some mailboxes, each with some messages.
pub fn few(bench: &Bench) -> Vec<Case> {
    let (users, folders) = (bench.settings.unchanged, bench.settings.folders);
    if users == 0 {
        return Vec::new();
    }
    let ground = Ground::bulk(Bulk { users, folders, messages: 10, seed: 4 }, Mix::Plain);
    let replica = ground.fresh();
    let title = format!("nothing changed: {} users, {folders} mailboxes each", thousands(users));
    let case = case(bench, "unchanged", title, [ground.master(), &*replica], users * folders);
    vec![case.target("nothing changed, 500 mailboxes", OURS, Measure::Wall, 0.25)]
}

/// Measures users with many empty mailboxes.
pub fn many(bench: &Bench) -> Vec<Case> {
    const FOLDERS: usize = 50;
    if bench.settings.idle == 0 {
        return Vec::new();
    }
    let users = bench.settings.idle.div_ceil(FOLDERS);
    let mailboxes = users * FOLDERS;
    // The same seed creates the same mailboxes, so the replica is filled without a sync.
    let bulk = Bulk { users, folders: FOLDERS, messages: 0, seed: 3 };
    let ground = Ground::new(|_| {});
    let replica = ground.fresh();
    std::thread::scope(|scope| {
        let replica: &Cyrus = &replica;
        scope.spawn(move || fill(replica, bulk, Mix::Plain));
        fill(ground.master(), bulk, Mix::Plain);
    });
    let title = format!("nothing changed: {} empty mailboxes", thousands(mailboxes));
    let case = case(bench, "unchanged-many", title, [ground.master(), &*replica], mailboxes);
    vec![case.target("nothing changed, 100,000 mailboxes", OURS, Measure::Wall, 0.20).absolute(
        "its system calls, 12 a mailbox",
        OURS,
        Measure::Calls,
        CALLS_A_MAILBOX * mailboxes as f64,
    )]
}

fn case(bench: &Bench, name: &str, title: String, servers: [&Cyrus; 2], mailboxes: usize) -> Case {
    let settings = &bench.settings;
    // The first run sends the differences that remain after filling, and writes each client's
    // caches.
    let settled = both().map(|contender| {
        measure(settings, &contender, servers, &["-A"], Wire::Direct)
            .err()
            .map(|fault| format!("{} failed before: {fault}", contender.name))
    });
    let mut rows = bench.over(None, &both(), |contender, _, wire| {
        measure(settings, contender, servers, &["-A"], wire)
    });
    let mut case = Case::new(name, title);
    case.notes.extend(settled.into_iter().flatten());
    for (contender, row) in both().iter().zip(&mut rows) {
        if let Some(calls) = add_calls(bench, contender, servers, &["-A"], row) {
            let each = calls / mailboxes as f64;
            case.notes.push(format!("{}: {each:.1} system calls a mailbox", row.who));
        }
    }
    case.with_rows(rows)
}

/// Counts the system calls of a contender in a separate run.
pub fn add_calls(
    bench: &Bench,
    contender: &Contender,
    servers: [&Cyrus; 2],
    args: &[&str],
    row: &mut Row,
) -> Option<f64> {
    let calls = count_calls(&bench.settings, contender, servers, args)?;
    row.median.insert(Measure::Calls, calls);
    Some(calls)
}
