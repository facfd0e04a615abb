//! Benchmarks with many messages, mailboxes or users. They show whether time grows in proportion
//! and memory does not grow.

use super::super::Bench;
use super::super::contender::OURS;
use super::super::ground::{Ground, fill, small, thousands};
use super::super::measure::{Wire, measure};
use super::super::result::{Case, Measure};
use super::super::settings::Mix;
use super::first::{both, first_syncs};
use crate::fill::{Bulk, Filler};

/// Ratio of the two sizes that [`growing`] measures: the full size and a quarter of it.
const PART: usize = 4;

/// Measures the first sync of one large mailbox.
pub fn mailbox(bench: &Bench) -> Vec<Case> {
    let messages = bench.settings.big;
    if messages == 0 {
        return Vec::new();
    }
    let ground = Ground::new(|master| {
        Filler::new(master, 2).mailbox_of("user.fred", messages, small);
    });
    let rows = first_syncs(bench, &ground, &both(), None);
    let title = format!("first sync of one mailbox of {} messages", thousands(messages));
    let case = Case::new("big", title).with_rows(rows);
    vec![case.target("200,000 messages in one mailbox", OURS, Measure::Wall, 0.9).absolute(
        "its peak memory, MiB",
        OURS,
        Measure::Peak,
        64.0,
    )]
}

/// Measures one user with many mailboxes.
pub fn wide(bench: &Bench) -> Vec<Case> {
    let bulk = |size| Bulk { users: 1, folders: size, messages: 1, seed: 8 };
    growing(bench, "wide", bench.settings.wide, "mailboxes of one user", bulk)
}

/// Measures many users with one mailbox each.
pub fn many(bench: &Bench) -> Vec<Case> {
    let bulk = |size| Bulk { users: size, folders: 1, messages: 1, seed: 9 };
    growing(bench, "many", bench.settings.many, "users with one mailbox", bulk)
}

/// Measures a first sync and a run without changes, for a quarter of the size and for all of it.
fn growing(
    bench: &Bench,
    name: &str,
    size: usize,
    what: &str,
    bulk: impl Fn(usize) -> Bulk,
) -> Vec<Case> {
    if size == 0 {
        return Vec::new();
    }
    let sizes = [size.div_ceil(PART), size];
    let [small, large] = sizes.map(|size| {
        let ground = Ground::new(|master| fill(master, bulk(size), Mix::Plain));
        let first = first_syncs(bench, &ground, &both(), None);
        let replica = ground.fresh();
        let servers = [ground.master(), &*replica];
        for contender in both() {
            // Run each client once without measuring, to fill the replica and the client's caches.
            let _ = measure(&bench.settings, &contender, servers, &["-A"], Wire::Direct);
        }
        let unchanged = bench.over(None, &both(), |contender, _, wire| {
            measure(&bench.settings, contender, servers, &["-A"], wire)
        });
        let size = thousands(size);
        [
            Case::new(&format!("{name}-first"), format!("first sync of {size} {what}"))
                .with_rows(first),
            Case::new(&format!("{name}-unchanged"), format!("nothing changed: {size} {what}"))
                .with_rows(unchanged),
        ]
    });
    let grown = small.iter().zip(large).map(|(small, mut large)| {
        large.notes.extend(growth(small, &large));
        large
    });
    let grown: Vec<Case> = grown.collect();
    small.into_iter().zip(grown).flat_map(|(small, large)| [small, large]).collect()
}

/// Describes how wall time and memory grow when the size becomes [`PART`] times as large.
fn growth(small: &Case, large: &Case) -> Vec<String> {
    let of = |who: &str, measure| {
        let (from, to) = (small.median(who, measure)?, large.median(who, measure)?);
        (from > 0.0).then(|| to / from)
    };
    let note = |who: &str| {
        let (wall, peak) = (of(who, Measure::Wall)?, of(who, Measure::Peak)?);
        Some(format!(
            "{who}: {PART} times the size takes {wall:.1} times as long, {peak:.2} the memory"
        ))
    };
    large.rows.iter().filter_map(|row| note(&row.who)).collect()
}
