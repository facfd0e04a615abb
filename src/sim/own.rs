//! The master's own server, through which a repair changes the master.

use parking_lot::MutexGuard;

use super::check::living;
use super::plant::Plant;
use super::planted::without_since;
use super::server::Server;
use super::world::{Shared, World};
use crate::dlist::parse_named;
use crate::error::{Error, Kind, Result};
use crate::replica::{Answer, Direct, Replica};
use crate::sync::Master;
use crate::types::{Guid, MailboxState, MboxName, Uid, UniqueId};

/// A session with the master's own server.
pub(super) struct Own {
    direct: Direct<OwnSession>,
}

struct OwnSession {
    server: Server,
    world: Shared,
}

impl Own {
    pub fn new(world: &Shared) -> Own {
        let session = OwnSession { server: Server::default(), world: world.clone() };
        Own { direct: Direct::new(session) }
    }
}

/// The maximum number of turns of other actors while waiting for a mailbox to be closed.
const PATIENCE: u32 = 10_000;

/// Waits until the mailbox of a command is not open for reading. Returns the world.
fn free<'w>(shared: &'w Shared, command: &[u8]) -> MutexGuard<'w, World> {
    for _ in 0..PATIENCE {
        let world = shared.enter();
        if mailbox_of(command).is_none_or(|id| world.is_dead || world.may_write(&id)) {
            return world;
        }
    }
    let mut world = shared.look();
    world.is_wrong("a repair waits for a mailbox that the client has open".to_owned());
    world
}

/// Returns the uniqueid of the mailbox that a command changes. `None` if there is none.
fn mailbox_of(command: &[u8]) -> Option<UniqueId> {
    let (_, value, _) = parse_named(command.strip_prefix(b"APPLY ")?).ok()?;
    let kv = value.kv().ok()?;
    Some(UniqueId::new(kv.opt_atom("UNIQUEID").ok()??))
}

impl Answer for OwnSession {
    fn answer(&mut self, command: &[u8]) -> Result<Vec<u8>> {
        let shared = self.world.clone();
        let mut world = free(&shared, command);
        let gone = || Error::new(Kind::OwnServer, "talk to", "this server's own", "it is gone");
        let text = String::from_utf8_lossy(command).trim_end().replace("\r\n", " ");
        if world.is_killed_before(|| format!("its own server got {text}")) {
            return Err(gone());
        }
        let planted = match world.plant {
            Some(Plant::OverrulesInRepair) => without_since(command),
            _ => command.to_vec(),
        };
        let before = living(&world.master);
        let modseq = mailbox_of(command).and_then(|id| {
            let seen = world.seen.get(&id).copied()?;
            let now = world.master.folders.get(&id)?.state.highestmodseq;
            (seen != now).then_some((seen, now))
        });
        let reply = self.server.command(&mut world.master, &planted);
        if let (Some((seen, now)), Some(b"OK success\r\n")) = (modseq, reply.as_deref()) {
            world.is_wrong(format!(
                "a repair overrules a change of the master: it read modseq {seen}, there is {now}"
            ));
        }
        let after = living(&world.master);
        // A message that moved to another UID is not lost.
        let is_there = |(id, _, guid): &(UniqueId, Uid, Guid)| {
            after.iter().any(|(other, _, same)| other == id && same == guid)
        };
        let lost = before.iter().filter(|message| !is_there(message));
        // A message that was expunged on the replica before is not lost.
        let lost = lost.filter(|(id, _, guid)| !world.expunged.contains(&(id.clone(), *guid)));
        for lost in lost.cloned().collect::<Vec<_>>() {
            world.is_wrong(format!("a repair loses {lost:?} on the master"));
        }
        world.trace(|| format!("own server: {text}"));
        match reply {
            Some(reply) => Ok(reply),
            None => {
                let why = self.server.aborted.clone().unwrap_or_default();
                world.is_wrong(format!("the master's own server aborts: {why}"));
                Err(gone())
            }
        }
    }
}

impl Master for Own {
    fn server(&mut self, _: &MailboxState) -> Result<&mut dyn Replica> {
        Ok(&mut self.direct)
    }

    fn changed(&mut self, _: &MboxName) -> Result<()> {
        Ok(())
    }

    fn broken(&mut self) {}
}
