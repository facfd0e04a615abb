//! A connection to a replica for dry runs: the replica is read, but not changed.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::imagined::Imagined;
use super::shadow::Shadow;
use super::{Capabilities, Replica};
use crate::error::{Error, Kind, Result};
use crate::limits::REPLY_RECORD_BYTES;
use crate::protocol::{Command, FullMailbox, MailboxUpdate, Reply, Ticket, Verb};
use crate::types::{MboxName, Uid};

/// Maximum number of records to expect when a mailbox of the replica is read.
const MOST_RECORDS: Uid = 50_000_000;

/// Passes read commands on. Answers commands that change something as if they had succeeded,
/// without sending them. Renames and deletes are simulated, so that later replies show the new
/// names. An update is refused, as on a real replica, if the simulated records would differ from
/// those that the update describes.
pub struct Dry<'r> {
    inner: &'r mut dyn Replica,
    temp_path: &'r Path,
    next: u64,
    done: HashSet<Ticket>,
    imagined: Imagined,
    /// Simulated contents of the mailboxes that got updates. `None` for a mailbox whose records the
    /// engine has requested: it is repairing this mailbox, so its later updates are accepted
    /// unchecked.
    shadows: HashMap<MboxName, Option<Shadow>>,
    /// Updates that are refused because the replica would have other contents after them.
    refused: HashMap<Ticket, MboxName>,
}

impl<'r> Dry<'r> {
    /// Reads from `inner`. Long replies are stored in files in `temp_path`.
    pub fn new(inner: &'r mut dyn Replica, temp_path: &'r Path) -> Self {
        // The tickets of `inner` count up from zero, so the tickets made here count down.
        Dry {
            inner,
            temp_path,
            next: u64::MAX,
            done: HashSet::new(),
            imagined: Imagined::default(),
            shadows: HashMap::new(),
            refused: HashMap::new(),
        }
    }

    /// Returns whether the replica would accept an update. The first update of a mailbox requests
    /// all of its records.
    fn would_take(&mut self, update: &MailboxUpdate<'_>) -> Result<bool> {
        let name = &update.header.name;
        if !self.shadows.contains_key(name) {
            let shadow = self.look(name, update.header.last_uid)?;
            self.shadows.insert(name.clone(), Some(shadow));
        }
        let shadow = self.shadows.get_mut(name).and_then(Option::as_mut);
        Ok(shadow.is_none_or(|shadow| shadow.update(update)))
    }

    fn look(&mut self, name: &MboxName, last_uid: Uid) -> Result<Shadow> {
        let Some(real) = self.imagined.real(name) else { return Ok(Shadow::default()) };
        // First request whether the mailbox exists: the replica would log an error if the records
        // of a missing mailbox were requested.
        let there = self.submit_real(std::slice::from_ref(&real))?;
        match self.inner.wait(there).and_then(Reply::into_folders) {
            Ok(folders) if folders.iter().all(|folder| folder.name != real) => {
                return Ok(Shadow::default());
            }
            Err(error) if error.is_connection() => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let full = FullMailbox { mailbox: &real, temp_path: Some(self.temp_path) };
        self.inner.expect(u64::from(last_uid.min(MOST_RECORDS)).saturating_mul(REPLY_RECORD_BYTES));
        let ticket = self.inner.submit(Command::GetFullMailbox(full))?;
        match self.inner.wait(ticket) {
            Ok(reply) => {
                let mut shadow = Shadow::default();
                let folder = reply.visit_full_mailbox(&mut |record| {
                    shadow.add(&record);
                    Ok(())
                })?;
                shadow.given(folder.last_uid);
                Ok(shadow)
            }
            Err(error) if error.is_connection() => Err(error),
            // The mailbox does not exist yet, and the update would create it.
            Err(_) => Ok(Shadow::default()),
        }
    }

    /// Sends a read command, with the real names of folders that were renamed in the simulation.
    fn ask(&mut self, command: Command<'_>) -> Result<Ticket> {
        if let Command::GetFullMailbox(full) = &command {
            self.shadows.insert(full.mailbox.clone(), None);
        }
        if self.imagined.is_real() {
            return self.inner.submit(command);
        }
        let real = |name: &MboxName| self.imagined.real(name).unwrap_or_else(|| name.clone());
        match command {
            Command::GetMailboxes(names) => {
                let names: Vec<MboxName> =
                    names.iter().filter_map(|name| self.imagined.real(name)).collect();
                if names.is_empty() { Ok(self.nod()) } else { self.submit_real(&names) }
            }
            Command::GetFullMailbox(FullMailbox { mailbox, temp_path }) => {
                let mailbox = &real(mailbox);
                self.inner.submit(Command::GetFullMailbox(FullMailbox { mailbox, temp_path }))
            }
            Command::GetAnnotations(name) => {
                self.inner.submit(Command::GetAnnotations(&real(name)))
            }
            other => self.inner.submit(other),
        }
    }

    fn submit_real(&mut self, names: &[MboxName]) -> Result<Ticket> {
        self.inner.submit(Command::GetMailboxes(names))
    }

    /// Makes the ticket of a command that is not sent. Its reply is an empty OK.
    fn nod(&mut self) -> Ticket {
        let ticket = Ticket(self.next);
        self.next -= 1;
        self.done.insert(ticket);
        ticket
    }
}

impl Replica for Dry<'_> {
    fn submit(&mut self, command: Command<'_>) -> Result<Ticket> {
        if command.verb() == Verb::Get {
            return self.ask(command);
        }
        match &command {
            Command::Rename { rename, .. } => self.imagined.rename(rename),
            Command::UnMailbox { mailbox, .. } => self.imagined.delete(mailbox),
            Command::Mailbox(update) if !self.would_take(update)? => {
                let ticket = self.nod();
                self.refused.insert(ticket, update.header.name.clone());
                return Ok(ticket);
            }
            _ => {}
        }
        Ok(self.nod())
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        if let Some(name) = self.refused.remove(&ticket) {
            self.done.remove(&ticket);
            let detail = "the replica's contents would differ after the update";
            return Err(Error::new(Kind::ReplicaChecksum, "update mailbox", &name, detail));
        }
        if self.done.remove(&ticket) {
            return Ok(Reply::default());
        }
        let reply = self.inner.wait(ticket)?;
        if self.imagined.is_real() {
            return Ok(reply);
        }
        let imagined = self.imagined.clone();
        Ok(reply.amended(move |folder| imagined.amend(folder)))
    }

    fn discard(&mut self, ticket: Ticket) {
        self.refused.remove(&ticket);
        if !self.done.remove(&ticket) {
            self.inner.discard(ticket);
        }
    }

    fn expect(&mut self, bytes: u64) {
        self.inner.expect(bytes);
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn is_dry(&self) -> bool {
        true
    }
}
