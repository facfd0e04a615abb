//! One history: from its seed to its end.

use super::chance::Chance;
use super::check;
use super::link::{Hear, Link};
use super::master::Master;
use super::spool::{Spool, inbox, owner};
use super::world::{Shared, World};
use super::writer;
use crate::config::Config;
use crate::names::Namespace;
use crate::observe::Silent;
use crate::store::Wait;
use crate::sync::{Cancel, Fuse, Settings, Staged, Syncer};
use crate::types::MboxName;

/// A history that went wrong.
#[derive(Debug)]
pub(super) struct Failure {
    pub seed: u64,
    pub what: Vec<String>,
    pub story: Vec<String>,
}

fn settings() -> Settings {
    Settings {
        server: "replica".into(),
        channel: None,
        partition: None,
        local_only: false,
        wait: Wait::Block,
        no_copyback: false,
        batch_size: 3,
        reverse_acls: false,
        check_messages: false,
        scratch: std::env::temp_dir(),
        fuse: Fuse::default(),
    }
}

/// Plays the history of a seed.
pub(super) fn history(seed: u64, told: bool) -> Result<(), Failure> {
    let mut world = World::new(Chance::new(seed));
    if told {
        world.story.lines = Some(Vec::new());
    }
    writer::found(&mut world);
    let shared = Shared::new(world);
    let mut replica = Spool::new("r");
    let mut errors = Vec::new();
    for round in 0..4 {
        for _ in 0..12 {
            writer::act(&mut shared.look());
        }
        shared.look().writers = round < 2;
        errors = sync_all(&shared, &mut replica, None);
    }
    let mut world = shared.look();
    let mut what = check::differences(&world.master, &replica);
    what.extend(errors);
    match what.is_empty() {
        true => Ok(()),
        false => {
            let story = world.story.lines.take().unwrap_or_default();
            Err(Failure { seed, what, story })
        }
    }
}

/// Plays a longer history whose commands and replies somebody hears.
pub(super) fn beside(seed: u64, hear: &mut Hear<'_>) {
    let mut world = World::new(Chance::new(seed));
    writer::found(&mut world);
    let shared = Shared::new(world);
    let mut replica = Spool::new("r");
    for _ in 0..20 {
        for _ in 0..20 {
            writer::act(&mut shared.look());
        }
        // Each run has a session of its own.
        hear(b"RESTART\r\n", b"OK Restarting\r\n");
        sync_all(
            &shared,
            &mut replica,
            Some(&mut |command: &[u8], reply: &[u8]| hear(command, reply)),
        );
    }
}

fn sync_all<'r>(
    world: &Shared,
    replica: &'r mut Spool,
    hear: Option<&'r mut Hear<'r>>,
) -> Vec<String> {
    let config = Config::from_text(b"configdirectory: /conf\n", "imapd.conf").unwrap();
    let (names, cancel, settings) = (Namespace::new(&config), Cancel::default(), settings());
    let store = Master::new(world);
    let mut staged = Staged::default();
    let mut link = Link::new(world, replica, hear);
    let mut errors = Vec::new();
    let users = world.look().users();
    let shared: Vec<MboxName> = {
        let world = world.look();
        world.master.entries.keys().filter(|name| owner(name).is_none()).cloned().collect()
    };
    let mut syncer =
        Syncer::new(&store, &names, &mut link, &settings, &Silent, &cancel, &mut staged);
    for user in &users {
        if let Err(error) = syncer.user(user, None) {
            errors.push(error.to_string());
        }
        world.look().tell(|| format!("client: {user} done ({})", inbox(user)));
    }
    if let Err(error) = syncer.mailboxes(&shared) {
        errors.push(error.to_string());
    }
    errors.extend(link.aborted());
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple() {
        let count: u64 = std::env::var("CYRSYNC_SIM_HISTORIES").map_or(200, |n| n.parse().unwrap());
        let first: u64 = std::env::var("CYRSYNC_SIM_SEED").map_or(0, |n| n.parse().unwrap());
        let mut failed = 0;
        let mut causes = std::collections::BTreeMap::<String, (u64, u32)>::new();
        for seed in first..first + count {
            if let Err(failure) = history(seed, count == 1) {
                for line in &failure.story {
                    println!("{line}");
                }
                for w in &failure.what {
                    causes.entry(w.clone()).or_insert((failure.seed, 0)).1 += 1;
                }
                failed += 1;
            }
        }
        for (cause, (seed, count)) in &causes {
            println!("{count} {seed}: {cause}");
        }
        assert_eq!(failed, 0);
    }
}
