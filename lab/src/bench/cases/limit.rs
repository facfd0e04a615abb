//! Compares a first sync with the lowest possible time: the time in which the replica's servers
//! apply the same commands when they are played from files over the same number of connections.

use std::collections::BTreeSet;

use super::super::Bench;
use super::super::contender::{Client, Contender};
use super::super::ground::{Ground, thousands};
use super::super::measure::{Wire, measure, settled_cpu};
use super::super::player::{Recording, play};
use super::super::result::{Case, Measure, Sample};
use super::first::verified;
use crate::imap::Imap;
use crate::link::{Line, Link};
use crate::run;

/// Numbers of connections to test, in ascending order.
const CONNECTIONS: [usize; 3] = [1, 2, 4];
const MOST: usize = 4;

const PLAYER: &str = "played from files";

pub fn limit(bench: &Bench) -> Vec<Case> {
    if bench.settings.users == 0 {
        return Vec::new();
    }
    let ground = bench.ground();
    let groups = match record(bench, ground) {
        Ok(groups) => groups,
        Err(fault) => {
            let mut case = Case::new("limit", "against the limit".to_owned());
            case.notes.push(format!("could not be recorded: {fault}"));
            return vec![case];
        }
    };
    let numbers = CONNECTIONS.into_iter().filter(|n| *n == 1 || bench.abilities.jobs);
    numbers.map(|number| against(bench, ground, &groups, number)).collect()
}

/// Records what our client sends for each of [`MOST`] groups of users. All groups go to the same
/// new replica, each over one connection, so that each recording contains everything that its
/// commands depend on.
fn record(bench: &Bench, ground: &Ground) -> Result<Vec<Vec<u8>>, String> {
    let mut groups = vec![Vec::new(); MOST];
    for (place, user) in users(ground).into_iter().enumerate() {
        if let Some(group) = groups.get_mut(place % MOST) {
            group.push(user);
        }
    }
    let replica = ground.fresh();
    let master = ground.master();
    master.use_replica(&replica);
    let mut recorded = Vec::new();
    for group in groups.iter().filter(|group| !group.is_empty()) {
        let link = Link::new(replica.csync_port(), Line { records: true, ..Line::default() });
        master.use_port(link.port());
        let mut args: Vec<&str> = if bench.abilities.jobs { vec!["-j", "1"] } else { Vec::new() };
        args.push("-u");
        args.extend(group.iter().map(String::as_str));
        let run = run::sync_client(&bench.settings.client, master, &args);
        if !run.status.success() {
            return Err(run.to_string());
        }
        recorded.push(link.take_recorded().concat());
    }
    Ok(recorded)
}

/// Returns all users of the master.
fn users(ground: &Ground) -> BTreeSet<String> {
    let listed = Imap::admin(ground.master()).list("user.%");
    listed.iter().filter_map(|name| name.strip_prefix("user.").map(str::to_owned)).collect()
}

/// Measures the recordings over `number` connections, and our client over the same number of
/// connections.
fn against(bench: &Bench, ground: &Ground, groups: &[Vec<u8>], number: usize) -> Case {
    let title = format!(
        "{:.0} MB of first sync over {} connection{}, against the limit",
        ground.megabytes(),
        thousands(number),
        if number == 1 { "" } else { "s" }
    );
    let case = Case::new(&format!("limit-{number}"), title);
    let recordings = (0..number).map(|part| {
        let path = ground.master().scratch().join(format!("recording-{number}-{part}"));
        let parts = groups.iter().enumerate().filter(|(place, _)| place % number == part);
        Recording::new(&path, &parts.map(|(_, bytes)| &bytes[..]).collect::<Vec<_>>())
    });
    let recordings: Vec<Recording> = match recordings.collect() {
        Ok(recordings) => recordings,
        Err(fault) => {
            let mut case = case;
            case.notes.push(fault);
            return case;
        }
    };
    let ours = if bench.abilities.jobs { Contender::jobs(number) } else { Contender::ours() };
    let player = Contender { name: PLAYER.to_owned(), ..Contender::ours() };
    let contenders = [player, ours.clone()];
    debug_assert!(ours.client == Client::Ours);
    let rows = bench.in_turn(&contenders, bench.settings.rounds, |contender, round| {
        let replica = ground.fresh();
        let sample = if contender.name == PLAYER {
            let before = replica.services_cpu();
            let wall = play(&replica, &recordings)?;
            let server = settled_cpu(&replica).saturating_sub(before);
            Sample::from([
                (Measure::Wall, wall.as_secs_f64()),
                (Measure::ServerCpu, server.as_secs_f64()),
            ])
        } else {
            let both = [ground.master(), &*replica];
            measure(&bench.settings, contender, both, &["-A"], Wire::Direct)?
        };
        verified(ground, &replica, round, sample)
    });
    let what = format!("first sync against the limit, connections: {number}");
    case.with_rows(rows).target(&what, &ours.name, Measure::Wall, 1.10)
}
