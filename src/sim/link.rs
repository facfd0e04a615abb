//! A session with a simulated server, over a connection that can break at any command.

use std::collections::BTreeSet;
use std::time::Duration;

use super::check::{Living, living};
use super::planted::{Instead, Planted};
use super::reply::No;
use super::server::Server;
use super::world::{Shared, World};
use crate::dlist::parse_named;
use crate::error::{Error, Kind, Result};
use crate::protocol::{Command, Reply, Ticket};
use crate::replica::{Answer, Capabilities, Direct, Replica};
use crate::types::UniqueId;

/// A callback that receives each command with its reply.
pub(super) type Hear = dyn FnMut(&[u8], &[u8]) + Send;

/// How long the client waits for the reply of a replica that does not answer.
const TIMEOUT: Duration = Duration::from_secs(180);

/// The client's side of a session with the replica.
pub(super) struct Link {
    direct: Direct<Session>,
    world: Shared,
    /// Why the session is lost. `None` while it can be used.
    lost: Option<Kind>,
}

struct Session {
    server: Server,
    world: Shared,
    /// Why commands do not reach the server. `None` while the connection works.
    broken: Option<Kind>,
    hear: Option<Box<Hear>>,
    planted: Planted,
    /// Mailboxes whose CRC does not match the master's, according to the replica's last reply.
    mismatches: BTreeSet<UniqueId>,
}

impl Link {
    pub fn new(world: &Shared, hear: Option<Box<Hear>>) -> Link {
        let session = Session {
            server: Server::default(),
            world: world.clone(),
            broken: None,
            hear,
            planted: Planted::default(),
            mismatches: BTreeSet::new(),
        };
        Link { direct: Direct::new(session), world: world.clone(), lost: None }
    }

    /// Returns whether the session is lost.
    pub fn is_dead(&self) -> bool {
        self.lost.is_some()
    }
}

/// Returns the error for a lost connection.
fn lost(kind: Kind) -> Error {
    let detail = match kind {
        Kind::Bye => "it says goodbye",
        Kind::Timeout => "it says nothing",
        Kind::Cancelled => "killed",
        _ => "the connection is closed",
    };
    Error::new(kind, "talk to", "the replica", detail)
}

impl Session {
    /// Lets the server carry out a command, and checks the conditions afterwards.
    fn carry_out(&mut self, world: &mut World, command: &[u8]) -> Option<Vec<u8>> {
        let before = is_write(command).then(|| living(&world.replica));
        let update = Update::of(world, command);
        let reply = self.server.command(&mut world.replica, command);
        if let Some(before) = before {
            check_loss(world, &before);
        }
        if let Some(update) = update {
            self.check_condition(world, update, reply.as_deref());
        }
        reply
    }

    /// Reports an error if a mailbox with messages is updated without the state that the update is
    /// based on. This is allowed only if the replica has reported before that its CRC does not
    /// match.
    fn check_condition(&mut self, world: &mut World, update: Update, reply: Option<&[u8]>) {
        let mismatch = self.mismatches.remove(&update.id);
        if reply.is_some_and(|reply| reply.starts_with(b"NO IMAP_SYNC_CHECKSUM")) {
            self.mismatches.insert(update.id);
            return;
        }
        let done = reply.is_some_and(|reply| reply.starts_with(b"OK"));
        if done && update.is_unchecked(world) {
            // The client will find out with a query that the CRC does not match.
            self.mismatches.insert(update.id.clone());
        }
        if done && update.is_there && !update.is_conditional && !mismatch {
            world.is_wrong(format!("{} is updated without a condition", update.id));
        }
    }

    /// Draws what happens to a command.
    fn action(&mut self, world: &mut World, command: &[u8]) -> RepairAction {
        if let Some(kind) = self.broken {
            return RepairAction::Lost(kind);
        }
        if is_write(command) && world.is_killed_before(|| short(command)) {
            return RepairAction::Lost(Kind::Cancelled);
        }
        if world.is_dead {
            return RepairAction::Lost(Kind::Cancelled);
        }
        let faults = world.faults;
        if world.chance.strikes(faults.refuse) && refusable(command) {
            let all = [No::Locked, No::Changed, No::Checksum, No::Moved, No::Unknown];
            return RepairAction::Refused(*world.chance.pick(&all).unwrap_or(&No::Unknown));
        }
        let strikes = [
            (faults.cut, Kind::Closed),
            (faults.goodbye, Kind::Bye),
            (faults.silence, Kind::Timeout),
        ];
        for (one_in, kind) in strikes {
            if world.chance.strikes(one_in) {
                let done = world.chance.one_in(2);
                return if done {
                    RepairAction::DoneAndLost(kind)
                } else {
                    RepairAction::Lost(kind)
                };
            }
        }
        RepairAction::Done
    }
}

/// An `APPLY MAILBOX` command.
struct Update {
    id: UniqueId,
    /// Whether the replica's mailbox has ever had a message.
    is_there: bool,
    is_conditional: bool,
    /// The CRCs after the update. `None` unless the update contains both.
    crcs: Option<[u32; 2]>,
}

impl Update {
    fn of(world: &World, command: &[u8]) -> Option<Update> {
        let rest = command.strip_prefix(b"APPLY ").filter(|rest| rest.starts_with(b"MAILBOX "))?;
        let (_, value, _) = parse_named(rest).ok()?;
        let kv = value.kv().ok()?;
        let id = UniqueId::new(kv.opt_atom("UNIQUEID").ok()??);
        let folder = world.replica.folders.get(&id);
        let is_there = folder.is_some_and(|folder| folder.state.last_uid > 0);
        let crc = |key| kv.opt_num32(key).ok().flatten();
        let crcs = crc("SYNC_CRC").zip(crc("SYNC_CRC_ANNOT")).map(|(basic, annot)| [basic, annot]);
        Some(Update { id, is_there, is_conditional: kv.get("SINCE_MODSEQ").is_some(), crcs })
    }

    /// Returns whether the CRCs do not match after the update and the replica has not compared
    /// them. A CRC of 0 is not compared.
    fn is_unchecked(&self, world: &World) -> bool {
        let (Some(crcs), Some(folder)) = (self.crcs, world.replica.folders.get(&self.id)) else {
            return false;
        };
        crcs.contains(&0) && folder.crcs().with(folder.thread_ids).to_wire() != crcs
    }
}

/// What happens to a command.
enum RepairAction {
    Done,
    /// The server carries the command out, but the reply is lost.
    DoneAndLost(Kind),
    /// The command does not reach the server completely.
    Lost(Kind),
    Refused(No),
}

fn is_write(command: &[u8]) -> bool {
    command.starts_with(b"APPLY ") && !command.starts_with(b"APPLY RESERVE")
}

/// Returns whether a server may refuse this command without a fault of the client.
fn refusable(command: &[u8]) -> bool {
    let mailbox = [&b"APPLY MAILBOX"[..], b"APPLY RENAME", b"APPLY UNMAILBOX", b"GET FULLMAILBOX"];
    mailbox.iter().any(|start| command.starts_with(start))
}

impl Answer for Session {
    fn answer(&mut self, command: &[u8]) -> Result<Vec<u8>> {
        let shared = self.world.clone();
        let mut world = shared.look();
        world.advance(Duration::from_millis(1));
        let action = self.action(&mut world, command);
        let reply = match action {
            RepairAction::Lost(kind) => {
                self.broken = Some(kind);
                world.trace(|| format!("replica: {} => lost ({kind:?})", short(command)));
                return Err(lost(kind));
            }
            RepairAction::Refused(no) => {
                let update = Update::of(&world, command).filter(|_| no == No::Checksum);
                self.mismatches.extend(update.map(|update| update.id));
                Some(format!("{}\r\n", no.line()).into_bytes())
            }
            RepairAction::Done | RepairAction::DoneAndLost(_) => {
                world.replica.now = world.master.now;
                match self.planted.command(&mut world, command) {
                    Instead::Reply(reply) => Some(reply),
                    Instead::Run { first, command, last } => {
                        first.and_then(|first| self.carry_out(&mut world, &first));
                        let reply = self.carry_out(&mut world, &command);
                        last.and_then(|last| self.carry_out(&mut world, &last));
                        reply
                    }
                }
            }
        };
        world.trace(|| format!("replica: {} => {}", short(command), last_line(reply.as_deref())));
        let Some(reply) = reply else {
            self.broken = Some(Kind::Closed);
            let why = self.server.aborted.clone().unwrap_or_default();
            world.is_wrong(format!("the replica aborts: {why}"));
            return Err(lost(Kind::Closed));
        };
        self.planted.replied(command, &reply);
        if let Some(hear) = &mut self.hear {
            hear(command, &reply);
        }
        if let RepairAction::DoneAndLost(kind) = action {
            self.broken = Some(kind);
            world.trace(|| format!("replica: the reply is lost ({kind:?})"));
            return Err(lost(kind));
        }
        Ok(reply)
    }
}

/// Reports an error for each message that the replica has lost although the master has it.
fn check_loss(world: &mut World, before: &Living) {
    let after = living(&world.replica);
    if before.is_subset(&after) {
        return;
    }
    let here = living(&world.master);
    for message in before.difference(&after).filter(|message| here.contains(message)) {
        world.is_wrong(format!("the replica loses {message:?}, which the master has"));
    }
}

fn last_line(reply: Option<&[u8]>) -> String {
    let Some(reply) = reply else { return "gone".to_owned() };
    String::from_utf8_lossy(reply).lines().last().unwrap_or_default().to_owned()
}

/// Returns a command as text for the story, cut after 400 characters.
fn short(command: &[u8]) -> String {
    let text = String::from_utf8_lossy(command);
    let text = text.trim_end().replace("\r\n", " ");
    match text.char_indices().nth(400) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

impl Replica for Link {
    fn submit(&mut self, command: Command<'_>) -> Result<Ticket> {
        drop(self.world.enter());
        if let Some(kind) = self.lost {
            return Err(lost(kind));
        }
        self.direct.submit(command)
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        drop(self.world.enter());
        if let Some(kind) = self.lost {
            return Err(lost(kind));
        }
        let reply = self.direct.wait(ticket);
        if let Err(error) = &reply
            && (error.is_connection() || error.kind() == Kind::Cancelled)
        {
            self.lost = Some(error.kind());
            if error.kind() == Kind::Timeout {
                self.world.look().advance(TIMEOUT);
            }
        }
        reply
    }

    fn discard(&mut self, ticket: Ticket) {
        self.direct.discard(ticket);
    }

    fn expect(&mut self, _: u64) {}

    fn capabilities(&self) -> Capabilities {
        let thread_ids = self.world.look().replica.thread_ids;
        Capabilities { usergroups: true, thread_ids, ..Capabilities::default() }
    }
}
