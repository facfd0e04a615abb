//! Random changes to a live master, by the same ways that mail clients and mail servers take.
//!
//! The same seed gives the same operations. Refusals (NO) are part of the game; a command the
//! server does not understand is a mistake here and panics.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::cyrus::Cyrus;
use crate::imap::{Imap, Response, Status, quote};
use crate::lmtp::Lmtp;
use crate::rng::Rng;
use crate::sieve::Sieve;
use crate::text;

/// Folder names: plain, with spaces, quotes, modified UTF-7, dots (where they are ordinary).
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
const RIGHTS: [&str; 4] = ["lrs", "lrswi", "lrswipkxte", "lr"];
const MOST_USERS: usize = 5;

/// Makes `count` random changes to the master and returns what was done, a line each. On a panic
/// the seed and the last operations are printed. For whole users being deleted too, see
/// [`World::deleting_users`].
pub fn random_changes(master: &Cyrus, seed: u64, count: usize) -> Vec<String> {
    let mut world = World::new(master, seed);
    for _ in 0..count {
        world.step();
    }
    std::mem::take(&mut world.done)
}

/// Goes on changing the same master step by step.
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
    /// Operations and how often they come.
    const OPERATIONS: [(fn(&mut Self, &str), usize); 24] = [
        (Self::append, 14),
        (Self::deliver, 10),
        (Self::create, 8),
        (Self::store_flags, 14),
        (Self::expunge, 8),
        (Self::copy_or_move, 6),
        (Self::rename, 4),
        (Self::rename_chain, 2),
        (Self::swap, 2),
        (Self::delete, 3),
        (Self::recreate, 2),
        (Self::annotate_messages, 5),
        (Self::annotate_mailbox, 4),
        (Self::subscribe, 4),
        (Self::set_acl, 4),
        (Self::read_as_another, 5),
        (Self::set_quota, 3),
        (Self::change_script, 4),
        (Self::shared_mailbox, 3),
        (Self::read_own, 4),
        (Self::move_partition, 1),
        (Self::set_option, 2),
        (Self::new_user, 2),
        (Self::delete_user, 1),
    ];

    /// Begins; users of an earlier world on the same master are taken over.
    pub fn new(master: &'a Cyrus, seed: u64) -> World<'a> {
        let mut admin = Imap::admin(master);
        let sep = master.separator();
        let inboxes = admin.list(&format!("user{sep}%"));
        let users = inboxes.iter().filter_map(|n| n.split(sep).nth(1).map(str::to_owned)).collect();
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
        }
    }

    /// Lets whole users be deleted too. Replication learns of that from the sync log alone, so
    /// that `sync_client -A` does not carry it over.
    pub fn deleting_users(mut self) -> Self {
        self.deletes_users = true;
        self
    }

    /// Does one random thing.
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

    /// What was done so far.
    pub fn done(&self) -> &[String] {
        &self.done
    }

    fn note(&mut self, what: String, status: Status) {
        self.done.push(format!("{what} -> {status:?}"));
        assert!(status != Status::Bad, "the server did not understand: {what}");
    }

    /// A user's session, made at first use.
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

    /// Internal names of a user's mailboxes, INBOX first.
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

    /// Any mailbox of the user, in the user's words.
    fn any(&mut self, user: &str) -> String {
        let all = self.mailboxes(user);
        let internal = self.rng.pick(&all).cloned().unwrap_or_default();
        self.master.own_name(&internal)
    }

    /// A mailbox that is not INBOX, in the user's words.
    fn folder(&mut self, user: &str) -> Option<String> {
        let all = self.mailboxes(user);
        let internal = self.rng.pick(all.get(1..)?).cloned()?;
        Some(self.master.own_name(&internal))
    }

    /// A name that may be new, sometimes below another folder.
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

    /// Selects a mailbox and picks some of its UIDs.
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

    fn append(&mut self, user: &str) {
        let mailbox = self.any(user);
        for _ in 0..=self.rng.below(3) {
            let (flags, message) = (self.flags(), self.message());
            let response = self.session(user).append(&mailbox, &flags, &message);
            self.note(format!("{user}: APPEND {mailbox:?} ({flags})"), response.status);
        }
    }

    fn deliver(&mut self, user: &str) {
        let message = self.message();
        let taken = self.lmtp.deliver(user, &message).is_ok();
        self.note(format!("deliver to {user}"), if taken { Status::Ok } else { Status::No });
    }

    fn create(&mut self, user: &str) {
        let name = self.name(user);
        self.as_user(user, &format!("CREATE {}", quote(&name)));
    }

    fn store_flags(&mut self, user: &str) {
        let mailbox = self.any(user);
        let Some(uids) = self.select_some(user, &mailbox) else { return };
        for _ in 0..=self.rng.below(2) {
            let how = self.rng.pick(&["+FLAGS", "-FLAGS", "FLAGS"]).copied().unwrap_or("FLAGS");
            let flags = self.flags();
            self.as_user(user, &format!("UID STORE {uids} {how} ({flags})"));
        }
        self.as_user(user, "UNSELECT");
    }

    fn expunge(&mut self, user: &str) {
        let mailbox = self.any(user);
        let Some(uids) = self.select_some(user, &mailbox) else { return };
        self.as_user(user, &format!("UID STORE {uids} +FLAGS (\\Deleted)"));
        let command = if self.rng.one_in(2) { "EXPUNGE" } else { &format!("UID EXPUNGE {uids}") };
        self.as_user(user, command);
        self.as_user(user, "UNSELECT");
    }

    fn copy_or_move(&mut self, user: &str) {
        let (from, to) = (self.any(user), self.any(user));
        let Some(uids) = self.select_some(user, &from) else { return };
        let verb = if self.rng.one_in(2) { "COPY" } else { "MOVE" };
        self.as_user(user, &format!("UID {verb} {uids} {}", quote(&to)));
        self.as_user(user, "UNSELECT");
    }

    fn rename_to(&mut self, user: &str, from: &str, to: &str) {
        self.as_user(user, &format!("RENAME {} {}", quote(from), quote(to)));
    }

    fn rename(&mut self, user: &str) {
        let Some(from) = self.folder(user) else { return };
        let to = self.name(user);
        self.rename_to(user, &from, &to);
    }

    /// `b` becomes `c`, then `a` becomes `b`.
    fn rename_chain(&mut self, user: &str) {
        let (Some(a), Some(b)) = (self.folder(user), self.folder(user)) else { return };
        let c = self.name(user);
        self.rename_to(user, &b, &c);
        self.rename_to(user, &a, &b);
    }

    fn swap(&mut self, user: &str) {
        let (Some(a), Some(b)) = (self.folder(user), self.folder(user)) else { return };
        let between = self.master.own_name("user.x.swapping");
        self.rename_to(user, &a, &between);
        self.rename_to(user, &b, &a);
        self.rename_to(user, &between, &b);
    }

    fn delete(&mut self, user: &str) {
        let Some(folder) = self.folder(user) else { return };
        self.as_user(user, &format!("DELETE {}", quote(&folder)));
    }

    fn recreate(&mut self, user: &str) {
        let Some(folder) = self.folder(user) else { return };
        self.as_user(user, &format!("DELETE {}", quote(&folder)));
        self.as_user(user, &format!("CREATE {}", quote(&folder)));
        let message = self.message();
        let response = self.session(user).append(&folder, "", &message);
        self.note(format!("{user}: APPEND {folder:?}"), response.status);
    }

    fn annotate_messages(&mut self, user: &str) {
        let mailbox = self.any(user);
        let Some(uids) = self.select_some(user, &mailbox) else { return };
        let entries = ["/comment", "/altsubject", "/vendor/lab/message"];
        let entry = self.rng.pick(&entries).copied().unwrap_or("/comment");
        let (private, value) = (self.rng.one_in(2), self.value());
        let response =
            self.session(user).annotate_messages(&uids, entry, private, value.as_deref());
        self.note(format!("{user}: annotate {uids} {entry} {value:?}"), response.status);
        self.as_user(user, "UNSELECT");
    }

    /// Nothing, text, or bytes that need a literal.
    fn value(&mut self) -> Option<Vec<u8>> {
        match self.rng.below(4) {
            0 => None,
            1 => Some(b"line one\r\nline \xc3\xa9 \"two\"\\".to_vec()),
            _ => Some(text::sentence(&mut self.rng, 4).into_bytes()),
        }
    }

    fn annotate_mailbox(&mut self, user: &str) {
        let mailbox = self.any(user);
        let entries = [
            "/private/comment",
            "/shared/comment",
            "/private/vendor/lab/mailbox",
            "/shared/vendor/lab/mailbox",
        ];
        let entry = self.rng.pick(&entries).copied().unwrap_or("/private/comment");
        let value = self.value();
        let response = self.session(user).set_metadata(&mailbox, entry, value.as_deref());
        self.note(format!("{user}: SETMETADATA {mailbox:?} {entry} {value:?}"), response.status);
    }

    fn subscribe(&mut self, user: &str) {
        let mailbox = self.any(user);
        let verb = if self.rng.one_in(3) { "UNSUBSCRIBE" } else { "SUBSCRIBE" };
        self.as_user(user, &format!("{verb} {}", quote(&mailbox)));
    }

    fn set_acl(&mut self, user: &str) {
        let mailbox = self.any(user);
        let other = self.rng.pick(&self.users).cloned().unwrap_or_default();
        if other == user {
            return;
        }
        let rights = self.rng.pick(&RIGHTS).copied().unwrap_or("lrs");
        let command = if self.rng.one_in(4) {
            format!("DELETEACL {} {other}", quote(&mailbox))
        } else {
            format!("SETACL {} {other} {rights}", quote(&mailbox))
        };
        self.as_user(user, &command);
    }

    /// Another user reads (and sees) a mailbox of this one, where the ACL lets him.
    fn read_as_another(&mut self, user: &str) {
        let other = self.rng.pick(&self.users).cloned().unwrap_or_default();
        if other == user {
            return;
        }
        let all = self.mailboxes(user);
        let internal = self.rng.pick(&all).cloned().unwrap_or_default();
        let own = self.master.own_name(&internal);
        self.as_user(user, &format!("SETACL {} {other} lrs", quote(&own)));
        let theirs = self.master.others_name(&internal);
        let Some(uids) = self.select_some(&other, &theirs) else { return };
        self.as_user(&other, &format!("UID STORE {uids} +FLAGS (\\Seen)"));
        self.as_user(&other, "UNSELECT");
    }

    fn read_own(&mut self, user: &str) {
        let mailbox = self.any(user);
        let Some(uids) = self.select_some(user, &mailbox) else { return };
        self.as_user(user, &format!("UID FETCH {uids} BODY[]"));
        self.as_user(user, "UNSELECT");
    }

    fn set_quota(&mut self, user: &str) {
        let sep = self.master.separator();
        let mut root = format!("user{sep}{user}");
        if self.rng.one_in(4)
            && let Some(folder) = self.mailboxes(user).get(1)
        {
            root = self.master.admin_name(folder);
        }
        let mut limits = Vec::new();
        for (resource, least) in [
            ("STORAGE", 5_000),
            ("MESSAGE", 300),
            ("X-ANNOTATION-STORAGE", 100),
            ("X-NUM-FOLDERS", 60),
        ] {
            if self.rng.one_in(2) {
                limits.push(format!("{resource} {}", least + self.rng.below(1_000)));
            }
        }
        self.as_admin(&format!("SETQUOTA {} ({})", quote(&root), limits.join(" ")));
    }

    fn change_script(&mut self, user: &str) {
        let mut sieve = Sieve::login(self.master, user);
        let name = self.rng.pick(&["main", "holidays", "two words"]).copied().unwrap_or("main");
        let (what, (status, _)) = match self.rng.below(6) {
            0 => ("no active script".to_owned(), sieve.activate("")),
            1 => (format!("delete script {name}"), sieve.delete(name)),
            2 => (format!("activate script {name}"), sieve.activate(name)),
            _ => {
                let body = format!("# {}\r\nkeep;\r\n", text::sentence(&mut self.rng, 5));
                (format!("put script {name}"), sieve.put(name, &body))
            }
        };
        self.note(format!("{user}: {what}"), status);
    }

    fn shared_mailbox(&mut self, user: &str) {
        let sep = self.master.separator();
        let name = self.rng.pick(&["lists", "lists.rust", "board"]).copied().unwrap_or("board");
        let admin = name.replace('.', &sep.to_string());
        if self.as_admin(&format!("CREATE {}", quote(&admin))).is_ok() {
            self.as_admin(&format!("SETACL {} {user} lrswipkxtecda", quote(&admin)));
            return;
        }
        let theirs = self.master.others_name(name);
        if self.rng.one_in(6) {
            self.as_user(user, &format!("DELETE {}", quote(&theirs)));
            return;
        }
        let message = self.message();
        let response = self.session(user).append(&theirs, "", &message);
        self.note(format!("{user}: APPEND {theirs:?}"), response.status);
        let Some(uids) = self.select_some(user, &theirs) else { return };
        self.as_user(user, &format!("UID STORE {uids} +FLAGS (\\Seen)"));
        self.as_user(user, "UNSELECT");
    }

    fn move_partition(&mut self, user: &str) {
        let all = self.mailboxes(user);
        let Some(internal) = self.rng.pick(all.get(1..).unwrap_or_default()).cloned() else {
            return;
        };
        let partition = if self.rng.one_in(2) { "default" } else { "second" };
        let name = quote(&self.master.admin_name(&internal));
        self.as_admin(&format!("SETACL {name} admin lrswipkxtecda"));
        self.as_admin(&format!("RENAME {name} {name} {partition}"));
    }

    fn set_option(&mut self, user: &str) {
        let mailbox = self.any(user);
        let options = [
            ("/shared/vendor/cmu/cyrus-imapd/sharedseen", "true"),
            ("/shared/vendor/cmu/cyrus-imapd/sharedseen", "false"),
            ("/shared/vendor/cmu/cyrus-imapd/duplicatedeliver", "true"),
            ("/private/specialuse", "\\Drafts"),
        ];
        let (entry, value) = self.rng.pick(&options).copied().unwrap_or(("/private/comment", ""));
        let response = self.session(user).set_metadata(&mailbox, entry, Some(value.as_bytes()));
        self.note(format!("{user}: SETMETADATA {mailbox:?} {entry} {value}"), response.status);
    }

    fn new_user(&mut self, _: &str) {
        if self.users.len() >= MOST_USERS {
            return;
        }
        self.number += 1;
        let sep = self.master.separator();
        let dotted = sep == '/' && self.rng.one_in(3);
        let user = format!("{}{}", if dotted { "jo.hn" } else { "fred" }, self.number);
        if self.as_admin(&format!("CREATE user{sep}{user}")).is_ok() {
            self.users.push(user);
        }
    }

    fn delete_user(&mut self, user: &str) {
        if self.users.len() < 4 || !self.deletes_users {
            return;
        }
        let name = quote(&format!("user{}{user}", self.master.separator()));
        self.sessions.remove(user);
        self.as_admin(&format!("SETACL {name} admin lrswipkxtecda"));
        if self.as_admin(&format!("DELETE {name}")).is_ok() {
            self.users.retain(|u| u != user);
        }
    }
}
