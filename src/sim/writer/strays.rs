//! Changes the replica. Users of a replica must not do this, but it happens.

use std::sync::Arc;

use super::messages::add;

use crate::sim::spool::{Spool, guid};
use crate::sim::world::World;
use crate::types::{InternalFlags, SystemFlags};

/// Makes a random change on the replica: a new message, a flag, or an expunge.
pub(in crate::sim) fn act_on_replica(world: &mut World) {
    let mut names = world.replica.names_within(b"user");
    names.retain(|name| {
        let id = |spool: &Spool| spool.living(name).map(|entry| entry.uniqueid.clone());
        id(&world.replica) == id(&world.master)
    });
    let Some(name) = world.chance.pick(&names).cloned() else { return };
    let what = world.chance.below(3);
    world.delivered += 1;
    let (now, n) = (world.master.now, world.delivered);
    let Some(folder) = world.replica.folder_mut(&name) else { return };
    let living = folder.messages.values().find(|message| !message.is_expunged());
    let uid = living.map(|message| message.record.uid);
    let id = folder.state.uniqueid.clone();
    match uid.filter(|_| what > 0) {
        None => {
            let text = format!("Subject: stray {n}\r\n\r\nThis came to the replica.\r\n");
            let file = Arc::<[u8]>::from(text.as_bytes());
            let guid = guid(&file);
            let uid = add(folder, file, now);
            world.strays.insert((id, guid));
            world.trace(|| format!("replica: a message arrives in {name} as {uid}"));
        }
        Some(uid) => {
            let modseq = folder.next_modseq();
            let Some(message) = folder.messages.get_mut(&uid) else { return };
            message.record.modseq = modseq;
            message.record.last_updated = now;
            if what == 1 {
                message.record.system_flags.0 ^= SystemFlags::FLAGGED;
            } else {
                message.record.internal_flags.0 |= InternalFlags::EXPUNGED;
            }
            let guid = message.record.guid;
            folder.settle();
            if what == 2 {
                world.expunged.insert((id, guid));
            }
            let done = if what == 1 { "is flagged, or no more" } else { "is expunged" };
            world.trace(|| format!("replica: {uid} in {name} {done}"));
        }
    }
}
