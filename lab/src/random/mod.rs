//! Makes random changes on a live master in the same ways as mail clients and mail servers.
//!
//! The same seed gives the same operations. A server may refuse an operation (NO). If it does not
//! understand a command, the lab has a bug, and the function panics.

mod operations;

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::cyrus::Cyrus;
use crate::imap::{Imap, Response, Status, quote};
use crate::lmtp::Lmtp;
use crate::rng::Rng;
use crate::text;

/// Folder names: plain, with spaces, quotes, modified UTF-7, dots (if they are ordinary
/// characters).
const NAMES: [&str; 12] = [
    "Sent",
    "Archive",
    "two words",
    "Entw&APw-rfe",
    "&ZeVnLIqe-",
    "a&-b",
    "it's",
    "say \"hi\"",
    "v1.2",
    "UPPER",
    "x",
    "$dollar",
];
const SYSTEM_FLAGS: [&str; 5] = ["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted"];
const USER_FLAGS: [&str; 6] = ["$Label1", "$Forwarded", "NonJunk", "Junk", "Work", "caf.e"];

/// Makes `count` random changes on the master. Returns the operations, one a line. A panic prints
/// the seed and the last operations. To also delete whole users, use [`World::deleting_users`].
pub fn random_changes(master: &Cyrus, seed: u64, count: usize) -> Vec<String> {
    let mut world = World::new(master, seed);
    for _ in 0..count {
        world.step();
    }
    std::mem::take(&mut world.done)
}

/// Changes a master step by step.
#[derive(Debug)]
pub struct World<'a> {
    master: &'a Cyrus,
    seed: u64,
    rng: Rng,
    admin: Imap,
    lmtp: Lmtp,
    sessions: HashMap<String, Imap>,
    users: Vec<String>,
    number: u32,
    done: Vec<String>,
    deletes_users: bool,
    /// Prefix of the names of its users and shared mailboxes.
    prefix: &'static str,
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let from = self.done.len().saturating_sub(20);
            let last = self.done.get(from..).unwrap_or_default().join("\n  ");
            eprintln!(
                "random changes, seed {}, the last of {}:\n  {last}",
                self.seed,
                self.done.len()
            );
        }
    }
}

impl<'a> World<'a> {
    /// Starts a world. Users of an earlier world on the same master are used again.
    pub fn new(master: &'a Cyrus, seed: u64) -> World<'a> {
        World::among(master, seed, "")
    }

    /// Like [`World::new`], but with its own users and shared mailboxes. Worlds with different
    /// prefixes may change the same master at the same time.
    pub fn among(master: &'a Cyrus, seed: u64, prefix: &'static str) -> World<'a> {
        let mut admin = Imap::admin(master);
        let sep = master.separator();
        let inboxes = admin.list(&format!("user{sep}%"));
        let users = inboxes.iter().filter_map(|n| n.split(sep).nth(1).map(str::to_owned));
        let users = users.filter(|user| user.starts_with(prefix)).collect();
        World {
            master,
            seed,
            rng: Rng::new(seed),
            admin,
            lmtp: Lmtp::connect(master),
            sessions: HashMap::new(),
            users,
            number: 0,
            done: Vec::new(),
            deletes_users: false,
            prefix,
        }
    }

    /// Also deletes whole users, and renames them with `allowusermoves`. Replication learns of this
    /// only from the sync log, so `sync_client -A` does not replicate it.
    pub fn deleting_users(mut self) -> Self {
        self.deletes_users = true;
        self
    }

    /// Performs one random operation.
    pub fn step(&mut self) {
        if self.users.len() < 2 {
            self.new_user("");
            return;
        }
        let total: usize = Self::OPERATIONS.iter().map(|(_, often)| often).sum();
        let mut ticket = self.rng.below(total);
        for (operation, often) in Self::OPERATIONS {
            if ticket < often {
                let user = self.rng.pick(&self.users).cloned().unwrap_or_default();
                return operation(self, &user);
            }
            ticket -= often;
        }
    }

    /// Returns the operations so far.
    pub fn done(&self) -> &[String] {
        &self.done
    }

    fn note(&mut self, what: String, status: Status) {
        self.done.push(format!("{what} -> {status:?}"));
        assert!(status != Status::Bad, "the server did not understand: {what}");
    }

    /// Returns a user's session, which is created at its first use.
    fn session(&mut self, user: &str) -> &mut Imap {
        let master = self.master;
        self.sessions.entry(user.to_owned()).or_insert_with(|| Imap::login(master, user))
    }

    fn as_user(&mut self, user: &str, command: &str) -> Response {
        let response = self.session(user).command(command);
        self.note(format!("{user}: {command}"), response.status);
        response
    }

    fn as_admin(&mut self, command: &str) -> Response {
        let response = self.admin.command(command);
        self.note(format!("admin: {command}"), response.status);
        response
    }

    /// Returns the internal names of a user's mailboxes, INBOX first.
    fn mailboxes(&mut self, user: &str) -> Vec<String> {
        let sep = self.master.separator();
        let listed = self.admin.list(&format!("user{sep}{user}{sep}*"));
        let internal =
            listed.iter().filter(|n| !n.contains('#')).map(|n| self.master.internal_name(n));
        std::iter::once(self.inbox(user)).chain(internal).collect()
    }

    fn inbox(&self, user: &str) -> String {
        self.master.internal_name(&format!("user{}{user}", self.master.separator()))
    }

    /// Returns the name of a random mailbox of the user, as IMAP shows it to this user.
    fn any(&mut self, user: &str) -> String {
        let all = self.mailboxes(user);
        let internal = self.rng.pick(&all).cloned().unwrap_or_default();
        self.master.own_name(&internal)
    }

    /// Returns a random mailbox other than INBOX, by the user's name for it.
    fn folder(&mut self, user: &str) -> Option<String> {
        let all = self.mailboxes(user);
        let internal = self.rng.pick(all.get(1..)?).cloned()?;
        Some(self.master.own_name(&internal))
    }

    /// Returns a random name, which may be new and may be below another folder.
    fn name(&mut self, user: &str) -> String {
        let mut name = self.rng.pick(&NAMES).map_or_else(String::new, |n| (*n).to_owned());
        let sep = self.master.separator();
        if sep == '.' {
            name = name.replace('.', "_");
        }
        if self.rng.one_in(3) {
            self.number += 1;
            let _ = write!(name, " {}", self.number);
        }
        let parent = if self.rng.one_in(3) { self.folder(user) } else { None };
        match parent {
            Some(parent) if parent.len() < 120 => format!("{parent}{sep}{name}"),
            _ => self.master.own_name(&format!("user.x.{}", self.master.internal_name(&name))),
        }
    }

    fn flags(&mut self) -> String {
        let mut flags: Vec<&str> = Vec::new();
        for _ in 0..self.rng.below(4) {
            let system = self.rng.one_in(2);
            let list: &[&str] = if system { &SYSTEM_FLAGS } else { &USER_FLAGS };
            flags.extend(self.rng.pick(list));
        }
        flags.sort_unstable();
        flags.dedup();
        flags.join(" ")
    }

    fn message(&mut self) -> Vec<u8> {
        let size = if self.rng.one_in(20) { 30_000 } else { 200 + self.rng.below(3_000) };
        text::message(&mut self.rng, size)
    }

    /// Selects a mailbox and returns some of its UIDs.
    fn select_some(&mut self, user: &str, mailbox: &str) -> Option<String> {
        if !self.as_user(user, &format!("SELECT {}", quote(mailbox))).is_ok() {
            return None;
        }
        let uids = self.session(user).uids();
        let mut some: Vec<String> = Vec::new();
        for _ in 0..=self.rng.below(4) {
            some.extend(self.rng.pick(&uids).map(u32::to_string));
        }
        some.sort();
        some.dedup();
        if some.is_empty() {
            self.as_user(user, "UNSELECT");
            return None;
        }
        Some(some.join(","))
    }
}
