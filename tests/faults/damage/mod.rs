//! Tests runs with damaged files on a real master. A seed chooses a file and its damage,
//! `sync_client -A` runs against a real replica, and the test checks the result. See
//! docs/testing.md.
//!
//! `CYRSYNC_DAMAGE_SEEDS` is a number of seeds (`2000`) or a range (`17..18`).

mod cases;
mod corrupt;
mod facts;
mod world;

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use cyrsync_lab::run::start_sync_client;
use cyrsync_lab::{Options, Rng, Run};

use corrupt::{Damage, Saved, base_name};
use world::{State, Target, USERS, World};

/// The number of seeds if the environment sets none.
const SEEDS: u64 = 60;
/// Time limit of a run, far above the usual few dozen milliseconds, because the machine may be busy.
const LIMIT: Duration = Duration::from_secs(60);
const MEMORY_KIB: u64 = 64 << 10;

#[test]
fn a_damaged_file_stops_only_data_that_needs_it_and_deletes_nothing() {
    let options = Options { conversations: true, reverseacls: true, ..Options::default() };
    all_seeds(options, 0);
}

#[test]
fn damaged_databases_of_other_formats_have_the_same_limits() {
    let formats = "quota_db: twoskip\nseenstate_db: skiplist\nsubscription_db: twoskip\n\
                   annotation_db: skiplist\n";
    let options = Options {
        master_conf: formats.to_owned(),
        replica_conf: formats.to_owned(),
        ..Options::default()
    };
    all_seeds(options, 1 << 32);
}

fn seeds() -> Range<u64> {
    let number = |text: &str| text.parse().expect("CYRSYNC_DAMAGE_SEEDS: 2000 or 17..18");
    match std::env::var("CYRSYNC_DAMAGE_SEEDS") {
        Err(_) => 0..SEEDS,
        Ok(text) => match text.split_once("..") {
            Some((from, to)) => number(from)..number(to),
            None => 0..number(&text),
        },
    }
}

fn all_seeds(options: Options, offset: u64) {
    let mut world = World::new(options);
    let mut failures = String::new();
    let mut failed = 0;
    for seed in seeds() {
        if let Err(why) = one(&mut world, seed, offset) {
            failed += 1;
            let _ = writeln!(failures, "=== seed {seed}: {why}\n");
            if failed == 25 {
                break;
            }
        }
    }
    assert!(failed == 0, "{failed} seeds failed\n{failures}");
}

/// One damaged file: which file, the damage, and its original state.
struct Blow {
    target: Target,
    damage: Damage,
    saved: Saved,
}

fn one(world: &mut World, seed: u64, offset: u64) -> Result<(), String> {
    let mut rng = Rng::new((seed + offset).wrapping_mul(0x9e37_79b9));
    let mut blows: Vec<Blow> = Vec::new();
    let count = 1 + usize::from(rng.one_in(6));
    while blows.len() < count {
        let target = choose(&mut rng, &world.targets);
        // A second damage must hit the same user, so that the data of all other users stays intact.
        let fits = |b: &Blow| {
            let (a, b) = (&b.target, &target);
            let apart = !a.path.starts_with(&b.path) && !b.path.starts_with(&a.path);
            apart && a.owner == b.owner
        };
        if !blows.iter().all(fits) {
            continue;
        }
        let saved = Saved::of(&target.path);
        let others = |same: bool| -> Vec<_> {
            let wanted = world.targets.iter().filter(|t| {
                (t.kind == target.kind) == same && t.path != target.path && t.path.is_file()
            });
            wanted.map(|t| t.path.clone()).collect()
        };
        let damage = Damage::choose(&mut rng, &saved, &others(true), &others(false));
        // imapd.conf may be a pipe: bash passes one for `-C <(...)`.
        if target.kind == "imapd.conf" && matches!(damage, Damage::Fifo) {
            continue;
        }
        blows.push(Blow { target, damage, saved });
    }
    blows.iter().for_each(|blow| blow.damage.apply(&mut rng, &blow.saved));
    let program = env!("CARGO_BIN_EXE_sync_client");
    let running = start_sync_client(program, &world.lab.master, &["-o", "-v", "-A"]);
    let ended = running.wait_measured_within(LIMIT);
    let server = world.await_server();
    let now = world.state();
    blows.iter().for_each(|blow| blow.saved.restore());
    let verdict = match ended {
        Err(running) => Err(format!("does not end: {:?}", running.so_far())),
        Ok((_, cost)) if cost.peak_kib > MEMORY_KIB => Err(format!("{} KiB", cost.peak_kib)),
        Ok((run, _)) => check(world, &blows, &run, &now).map_err(|why| format!("{why}\n{run}")),
    };
    world.reset_replica();
    let what: Vec<String> = blows
        .iter()
        .map(|b| {
            format!(
                "{} of {:?}: {} {}",
                b.target.kind,
                b.target.owner,
                b.damage,
                b.target.path.display()
            )
        })
        .collect();
    verdict.and(server).map_err(|why| format!("{}\n{why}", what.join("\nand ")))
}

/// Chooses a file. Each kind has the same probability, independent of its number of files.
fn choose(rng: &mut Rng, targets: &[Target]) -> Target {
    let mut kinds: Vec<&str> = targets.iter().map(|t| t.kind).collect();
    kinds.dedup();
    let kind = rng.pick(&kinds).expect("there are kinds");
    let of_kind: Vec<&Target> = targets.iter().filter(|t| t.kind == *kind).collect();
    (*rng.pick(&of_kind).expect("it is a kind of one")).clone()
}

fn check(world: &World, blows: &[Blow], run: &Run, now: &State) -> Result<(), String> {
    let configuration = blows.iter().any(|b| b.target.kind == "imapd.conf");
    let code = run.status.code();
    match code {
        Some(0 | 1) => {}
        Some(70 | 75 | 78) if configuration => {}
        _ => return Err("it did not end in order".into()),
    }
    if run.stderr.contains("panicked") {
        return Err("it panicked".into());
    }
    if code != Some(0) && !configuration {
        reported(world, blows, run)?;
    }
    if configuration {
        return Ok(()); // with another imapd.conf the client reads another server
    }
    for user in USERS.into_iter().chain([""]) {
        let hit: Vec<&Blow> =
            blows.iter().filter(|b| b.target.owner.as_deref().unwrap_or("") == user).collect();
        nothing_deleted(world, user, blows, &hit, now)?;
        let global = blows.iter().any(|b| b.target.owner.is_none());
        let wanted = |fact: &str| {
            if hit.is_empty() { !global } else { hit.iter().all(|b| unaffected(b, fact)) }
        };
        for (fact, value) in &world.after[user] {
            let there = now[user].get(fact);
            if wanted(fact) && there != Some(value) {
                return Err(format!("{user:?} {fact}: {there:?} instead of {value}"));
            }
        }
    }
    Ok(())
}

/// Checks that the messages name a damaged file and contain a hint.
fn reported(world: &World, blows: &[Blow], run: &Run) -> Result<(), String> {
    if !run.stderr.contains("hint: ") {
        return Err("it does not say what to do".into());
    }
    let all = format!("{}{}", run.stderr, run.log);
    let named = |blow: &Blow| {
        let path = blow.target.path.display().to_string();
        let name = blow.target.mailbox.as_ref().and_then(|id| world.names.get(id));
        let base = base_name(&blow.target.path);
        all.contains(&path)
            || name.is_some_and(|name| all.contains(name.as_str()))
            || (blow.target.kind == "quota" && all.contains(&base))
            // The client cannot detect this damage. The replica refuses the record.
            || (blow.target.kind == "annotations.db" && all.contains("ANNOTATION  /"))
            || (blow.target.kind == "quotas.db" && all.contains("read quota user."))
    };
    // With two damaged files one name is enough, because one damage may be harmless.
    match blows.iter().any(named) {
        true => Ok(()),
        false => Err("it does not name the file".into()),
    }
}

/// Returns whether a fact about the owner of a damaged file is independent of that file.
fn unaffected(blow: &Blow, fact: &str) -> bool {
    let is = |kinds: &[&str]| kinds.iter().any(|kind| fact.starts_with(&format!("{kind} ")));
    let Target { kind, mailbox, .. } = &blow.target;
    match (*kind, mailbox) {
        (_, Some(id)) => is(&["MAILBOX", "NOTE"]) && !fact.contains(id.as_str()),
        ("sub", _) => !is(&["LSUB"]),
        ("seen", _) => !is(&["SEEN"]),
        ("quota", _) => !is(&["QUOTA"]),
        // Scripts depend on them, because scripts are stored in a mailbox.
        ("conversations" | "counters", _) => is(&["LSUB", "SEEN"]),
        _ => false,
    }
}

/// Checks that the run deleted nothing that the replica had before and that an undamaged run keeps.
fn nothing_deleted(
    world: &World,
    user: &str,
    blows: &[Blow],
    hit: &[&Blow],
    now: &State,
) -> Result<(), String> {
    let sound = |kind: &str| hit.iter().any(|b| b.target.kind == kind && b.damage.may_be_sound());
    for fact in world.before[user].keys().filter(|fact| world.after[user].contains_key(*fact)) {
        let may_go = match fact.split(' ').next() {
            // The client cannot distinguish another valid list of subscriptions from the user's
            // own.
            Some("LSUB") => sound("sub"),
            // The client cannot detect another valid database, or damage in a skiplist database,
            // which has no CRCs.
            Some("NOTE" | "ANNOTATION") => blows.iter().any(|b| {
                let unchecked = b.saved.bytes().starts_with(b"\xa1\x02\x8b\x0dskiplist");
                b.target.kind == "annotations.db"
                    && (matches!(b.damage, Damage::Foreign(_)) || unchecked)
            }),
            _ => false,
        };
        if !may_go && !now[user].contains_key(fact) {
            let left = format!("{:#?}", now[user]);
            return Err(format!("{user:?} {fact} was deleted; left: {left}"));
        }
    }
    Ok(())
}
