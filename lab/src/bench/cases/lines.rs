//! Benchmarks of a first sync over lines with different rates and round trips. They compare fixed
//! levels of deflate with the automatic level.

use std::time::Duration;

use super::super::Bench;
use super::super::contender::{CYRUS, Contender};
use super::super::ground::{Ground, thousands};
use super::super::result::{Case, Measure};
use super::super::settings::Mix;
use super::first::first_syncs;
use crate::fill::Bulk;
use crate::link::Line;

/// Number of users, and number of mailboxes of each user.
const USERS: usize = 4;
const FOLDERS: usize = 5;
/// Average size of a message in bytes, see [`crate::mail`].
const MESSAGE: usize = 30_000;

/// How much longer the automatic level may take than the better fixed level, as a factor.
const SLOWER: f64 = 1.05;
/// How much more our client may send than Cyrus's client on slow lines, as a factor. A line is slow
/// if its rate is at most `DEAR` bits per second.
const MORE: f64 = 1.02;
const DEAR: u64 = 10_000_000;

pub fn gigabit(bench: &Bench) -> Vec<Case> {
    line(bench, "line-1g", 1_000_000_000, 1, 200_000_000)
}

pub fn hundred(bench: &Bench) -> Vec<Case> {
    line(bench, "line-100m", 100_000_000, 10, 120_000_000)
}

pub fn ten(bench: &Bench) -> Vec<Case> {
    line(bench, "line-10m", 10_000_000, 30, 40_000_000)
}

pub fn two(bench: &Bench) -> Vec<Case> {
    line(bench, "line-2m", 2_000_000, 60, 10_000_000)
}

fn line(bench: &Bench, name: &str, rate: u64, milliseconds: u64, bytes: usize) -> Vec<Case> {
    let bytes = bytes / 100 * bench.settings.line_size;
    if bytes == 0 {
        return Vec::new();
    }
    let messages = bytes.div_ceil(MESSAGE * USERS * FOLDERS);
    let bulk = Bulk { users: USERS, folders: FOLDERS, messages, seed: 10 };
    let ground = Ground::bulk(bulk, Mix::Mail);
    let round_trip = Duration::from_millis(milliseconds);
    let line = Line { bits_per_second: Some(rate), round_trip, records: false };
    let mut contenders = vec![Contender::cyrus(), Contender::level("0"), Contender::level("6")];
    // One run is enough, because the rate of the line determines its time.
    contenders[0].once = true;
    let auto = Contender::level("auto");
    if bench.abilities.adapts {
        contenders.push(auto.clone());
    }
    let rows = first_syncs(bench, &ground, &contenders, Some(line));
    let title = format!(
        "first sync of {:.0} MB over {} Mbit/s, {milliseconds} ms round trip",
        ground.megabytes(),
        thousands(usize::try_from(rate / 1_000_000).unwrap_or(0)),
    );
    let mut case = Case::new(name, title).with_rows(rows);
    if !bench.abilities.adapts {
        case.notes.push("this client knows no level that adapts".to_owned());
        return vec![case];
    }
    let walls = ["0", "6"].map(|level| {
        let name = Contender::level(level).name;
        let wall = case.median(&name, Measure::Wall).unwrap_or(f64::MAX);
        (wall, name)
    });
    let [none, six] = walls;
    let better = if none.0 <= six.0 { none.1 } else { six.1 };
    let mega = rate / 1_000_000;
    let what = format!("{mega} Mbit/s: auto by the better of levels 0 and 6");
    case = case.target_against(&what, &auto.name, &better, Measure::Wall, SLOWER);
    if rate <= DEAR {
        let what = format!("{mega} Mbit/s: bytes of auto by those of Cyrus's client");
        case = case.target_against(&what, &auto.name, CYRUS, Measure::Sent, MORE);
    }
    vec![case]
}
