//! Benchmarks with a replica that is slightly behind.

use std::cell::Cell;

use super::super::Bench;
use super::super::contender::{Contender, OURS};
use super::super::day;
use super::super::ground::{Fresh, Ground, small, thousands};
use super::super::measure::{Wire, measure};
use super::super::result::{Case, Measure, Row};
use super::super::settings::Mix;
use super::first::{both, verified};
use super::unchanged::add_calls;
use crate::fill::{Bulk, Filler};
use crate::imap::Imap;
use crate::link::Line;
use crate::rng::Rng;

/// Number of messages in each mailbox before the changes.
const MESSAGES: usize = 20;

/// Measures a run after each mailbox got one new message, over a connection with a long round trip.
pub fn distance(bench: &Bench) -> Vec<Case> {
    let settings = &bench.settings;
    if settings.users == 0 {
        return Vec::new();
    }
    let ground = several(bench, 5);
    let line = Line { round_trip: settings.round_trip, ..Line::default() };
    let rows = changing(bench, &ground, &["-A"], Some(line), |_| {
        append_everywhere(&ground, settings.users);
    });
    let milliseconds = settings.round_trip.as_millis();
    let mailboxes = settings.users * settings.folders;
    let title = format!("{mailboxes} mailboxes changed, {milliseconds} ms round trip");
    let mut case = Case::new("distance", title);
    for row in &rows {
        if let Some(wall) = row.median.get(&Measure::Wall) {
            let trips = wall / settings.round_trip.as_secs_f64().max(1e-9);
            case.notes.push(format!("{}: as long as {trips:.1} round trips", row.who));
        }
    }
    vec![case.with_rows(rows).target("100 mailboxes changed at 50 ms", OURS, Measure::Wall, 0.08)]
}

/// Measures a run after the mixed changes that users make in a day.
pub fn day(bench: &Bench) -> Vec<Case> {
    let settings = &bench.settings;
    if settings.day == 0 || settings.users == 0 {
        return Vec::new();
    }
    let ground = several(bench, 6);
    let rows = changing(bench, &ground, &["-A"], None, |round| {
        day::pass(ground.master(), settings.users, settings.day, round as u64);
    });
    let title =
        format!("a mixed day: {} changes of {} users", thousands(settings.day), settings.users);
    vec![Case::new("day", title).with_rows(rows)]
}

/// Measures a run after one flag changed in a mailbox with very many messages.
pub fn flag(bench: &Bench) -> Vec<Case> {
    let messages = bench.settings.flagged;
    if messages == 0 {
        return Vec::new();
    }
    let ground = Ground::new(|master| {
        Filler::new(master, 7).mailbox_of("user.fred", messages, small);
    });
    let mut rng = Rng::new(7);
    let args = ["-m", "user.fred"];
    let rows = changing(bench, &ground, &args, None, |round| {
        let mut fred = Imap::login(ground.master(), "fred").with_selected("INBOX");
        let uid = 1 + rng.below(messages);
        let flag = if round.is_multiple_of(2) { "+FLAGS ($Label2)" } else { "-FLAGS ($Label2)" };
        fred.uid_store(&uid.to_string(), flag);
    });
    let title = format!("one flag changed in a mailbox of {} messages", thousands(messages));
    let mut case = Case::new("flag", title);
    for row in &rows {
        if let Some(read) = row.median.get(&Measure::Read) {
            let each = read * 1e6 / messages as f64;
            case.notes.push(format!("{}: read {each:.1} bytes a message", row.who));
        }
    }
    vec![case.with_rows_and_reads(rows)]
}

/// Creates a master with some users who have a few messages.
fn several(bench: &Bench, seed: u64) -> Ground {
    let (users, folders) = (bench.settings.users, bench.settings.folders);
    Ground::bulk(Bulk { users, folders, messages: MESSAGES, seed }, Mix::Plain)
}

/// Measures both clients after changes. Each client has its own replica and fills it first. In each
/// round the master changes, then both clients update their replicas. After the last round the
/// master changes once more, and a separate run of each client counts its system calls.
fn changing(
    bench: &Bench,
    ground: &Ground,
    args: &[&str],
    line: Option<Line>,
    mut change: impl FnMut(usize),
) -> Vec<Row> {
    let settings = &bench.settings;
    let contenders = both();
    let replicas = contenders.each_ref().map(|contender| {
        let replica = ground.fresh();
        let both = [ground.master(), &*replica];
        let first = measure(settings, contender, both, &["-A"], Wire::Direct);
        (contender.name.clone(), replica, first.err())
    });
    let of = |contender: &Contender| -> Result<&Fresh, String> {
        let found = replicas.iter().find(|(name, _, _)| *name == contender.name);
        match found {
            Some((_, replica, None)) => Ok(replica),
            Some((_, _, Some(fault))) => Err(format!("before the change: {fault}")),
            None => Err("it has no replica".to_owned()),
        }
    };
    let next = Cell::new(0);
    let mut rows = bench.over(line, &contenders, |contender, round, wire| {
        if next.get() == round {
            change(round);
            next.set(round + 1);
        }
        let replica = of(contender)?;
        let sample = measure(settings, contender, [ground.master(), replica], args, wire)?;
        verified(ground, replica, round, sample)
    });
    change(next.get());
    for (contender, row) in contenders.iter().zip(&mut rows) {
        if let Ok(replica) = of(contender) {
            add_calls(bench, contender, [ground.master(), replica], args, row);
        }
    }
    rows
}

/// Appends one message to every mailbox of every user.
fn append_everywhere(ground: &Ground, users: usize) {
    let master = ground.master();
    for user in 0..users {
        let name = format!("u{user:03}");
        let folders = Imap::admin(master).list(&format!("user.{name}.*"));
        let mut session = Imap::login(master, &name);
        for folder in std::iter::once(format!("user.{name}")).chain(folders) {
            let message = format!("Subject: new\r\n\r\nOne more for {folder}\r\n");
            let response = session.append(&master.own_name(&folder), "", message.as_bytes());
            assert!(response.is_ok(), "APPEND {folder}: {}", response.text);
        }
    }
}
