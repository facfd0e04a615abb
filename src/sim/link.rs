//! A connection to a server in memory.

use super::server::Server;
use super::spool::Spool;
use super::world::Shared;
use crate::dlist::Writer;
use crate::error::{Error, Kind, Result};
use crate::replica::{Answer, Direct, Enabled, Replica, Reply, Ticket, Verb};

/// Hears each command and its reply.
pub(super) type Hear<'h> = dyn FnMut(&[u8], &[u8]) + 'h;

/// A session of the replica's server.
pub(super) struct Link<'r> {
    direct: Direct<Session<'r>>,
    world: Shared,
}

struct Session<'r> {
    server: Server,
    spool: &'r mut Spool,
    world: Shared,
    hear: Option<&'r mut Hear<'r>>,
}

impl<'r> Link<'r> {
    pub fn new(world: &Shared, spool: &'r mut Spool, hear: Option<&'r mut Hear<'r>>) -> Link<'r> {
        let session = Session { server: Server::default(), spool, world: world.clone(), hear };
        Link { direct: Direct::new(session), world: world.clone() }
    }

    /// Why the server aborted.
    pub fn aborted(&mut self) -> Option<String> {
        self.direct.answerer().server.aborted.clone()
    }
}

impl Answer for Session<'_> {
    fn answer(&mut self, command: &[u8]) -> Result<Vec<u8>> {
        let reply = self.server.command(self.spool, command);
        if let (Some(hear), Some(reply)) = (&mut self.hear, &reply) {
            hear(command, reply);
        }
        let mut world = self.world.look();
        let now = world.master.now;
        self.spool.now = now;
        world.tell(|| {
            let end = reply.as_deref().map_or("gone".into(), |reply| {
                String::from_utf8_lossy(reply).lines().last().unwrap_or_default().to_owned()
            });
            format!("replica: {} => {end}", short(command))
        });
        reply.ok_or_else(|| Error::new(Kind::Closed, "talk to", "the replica", "it is gone"))
    }
}

/// A command as a story tells it.
fn short(command: &[u8]) -> String {
    let text = String::from_utf8_lossy(command);
    let text = text.trim_end().replace("\r\n", " ");
    match text.char_indices().nth(400) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

impl Replica for Link<'_> {
    fn submit(
        &mut self,
        verb: Verb,
        body: &mut dyn FnMut(&mut Writer<'_>) -> Result<()>,
    ) -> Result<Ticket> {
        drop(self.world.enter());
        self.direct.submit(verb, body)
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        drop(self.world.enter());
        self.direct.wait(ticket)
    }

    fn discard(&mut self, ticket: Ticket) {
        self.direct.discard(ticket);
    }

    fn expect(&mut self, _: u64) {}

    fn enabled(&self) -> Enabled {
        Enabled::default()
    }
}
