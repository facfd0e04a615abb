//! The operations of the users of a [`World`].

use std::time::{Duration, Instant};

use super::World;
use crate::imap::{Status, quote};
use crate::sieve::Sieve;
use crate::text;

const RIGHTS: [&str; 4] = ["lrs", "lrswi", "lrswipkxte", "lr"];
const MOST_USERS: usize = 5;

/// An operation of a user.
type Operation<W> = fn(&mut W, &str);

/// Time in which a mailbox that remains after its user was deleted is deleted, if it is locked and
/// if it is refused for another reason, and the pause between two attempts.
const SWEEP_LOCKED: Duration = Duration::from_secs(60);
const SWEEP: Duration = Duration::from_secs(2);
const SWEEP_PAUSE: Duration = Duration::from_millis(20);

impl World<'_> {
    /// The operations and their relative frequency.
    pub(super) const OPERATIONS: [(Operation<Self>, usize); 24] = [
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

    /// Renames `b` to `c`, then `a` to `b`.
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

    /// Returns a random value: none, text, or bytes that need a literal.
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

    /// Lets another user read a mailbox of this user and mark messages as seen.
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
        // A quota root below the INBOX of a deleted user stays on the replica, see docs/rolling.md.
        if !self.deletes_users
            && self.rng.one_in(4)
            && let Some(folder) = self.mailboxes(user).get(1)
        {
            root = self.master.admin_name(folder);
        }
        let mut limits = Vec::new();
        let least = [
            ("STORAGE", 5_000),
            ("MESSAGE", 300),
            ("X-ANNOTATION-STORAGE", 100),
            ("X-NUM-FOLDERS", 60),
        ];
        for (resource, least) in least {
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
        let name = &format!("{}{name}", self.prefix);
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

    pub(super) fn new_user(&mut self, _: &str) {
        if self.users.len() >= MOST_USERS {
            return;
        }
        self.number += 1;
        let sep = self.master.separator();
        let dotted = sep == '/' && self.rng.one_in(3);
        let user =
            format!("{}{}{}", self.prefix, if dotted { "jo.hn" } else { "fred" }, self.number);
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
        if self.rng.one_in(2) {
            return self.rename_user(user, &name);
        }
        if self.as_admin(&format!("DELETE {name}")).is_ok() {
            self.users.retain(|u| u != user);
            self.sweep(user);
        }
    }

    /// Deletes mailboxes that Cyrus sometimes leaves when a user is deleted or renamed. No replica
    /// accepts mailboxes of a user without an INBOX.
    fn sweep(&mut self, user: &str) {
        let sep = self.master.separator();
        for left in self.admin.list(&format!("user{sep}{user}{sep}*")) {
            let name = quote(&left);
            self.as_admin(&format!("SETACL {name} admin lrswipkxtecda"));
            // The server refuses the command while replication reads the mailbox.
            let begun = Instant::now();
            loop {
                let response = self.as_admin(&format!("DELETE {name}"));
                let is_locked = response.text.contains("locked");
                let limit = if is_locked { SWEEP_LOCKED } else { SWEEP };
                if response.status != Status::No || begun.elapsed() > limit {
                    break;
                }
                std::thread::sleep(SWEEP_PAUSE);
            }
        }
    }

    fn rename_user(&mut self, user: &str, name: &str) {
        self.number += 1;
        let new = format!("{}moved{}", self.prefix, self.number);
        let to = quote(&format!("user{}{new}", self.master.separator()));
        if self.as_admin(&format!("RENAME {name} {to}")).is_ok() {
            self.users.retain(|known| known != user);
            self.users.push(new);
            self.sweep(user);
        }
    }
}
