//! Makes the changes of users in a day: mostly new mail and flags, sometimes a folder.

use crate::cyrus::Cyrus;
use crate::imap::{Imap, quote};
use crate::rng::Rng;
use crate::text;

/// The session and mailboxes of one user.
struct User {
    session: Imap,
    /// Names of the mailboxes as the user sees them, INBOX first.
    folders: Vec<String>,
    /// Number of folders created so far.
    made: usize,
}

/// Makes `changes` changes in mailboxes of the users `u000`, `u001`, ... `day` is part of the seed
/// and of the names of new folders.
pub fn pass(master: &Cyrus, users: usize, changes: usize, day: u64) {
    let mut rng = Rng::new(100 + day);
    let mut known: Vec<User> = (0..users).map(|user| User::new(master, user)).collect();
    for _ in 0..changes {
        let user = rng.below(known.len());
        if let Some(user) = known.get_mut(user) {
            user.step(&mut rng, day);
        }
    }
}

impl User {
    fn new(master: &Cyrus, number: usize) -> User {
        let name = format!("u{number:03}");
        let listed = Imap::admin(master).list(&format!("user.{name}.*"));
        let folders = listed.iter().map(|folder| master.own_name(folder));
        let folders = std::iter::once("INBOX".to_owned()).chain(folders).collect();
        User { session: Imap::login(master, &name), folders, made: 0 }
    }

    fn step(&mut self, rng: &mut Rng, day: u64) {
        let folder = match rng.below(3) {
            0 => rng.pick(&self.folders).cloned().unwrap_or_default(),
            _ => "INBOX".to_owned(),
        };
        match rng.below(100) {
            0..40 => self.append(rng, &folder),
            40..80 => self.flag(rng, &folder),
            80..92 => self.expunge(rng, &folder),
            92..95 => self.move_one(rng),
            95..98 => self.create(day),
            _ => self.rename(rng, day),
        }
    }

    fn append(&mut self, rng: &mut Rng, folder: &str) {
        let size = text::usual_size(rng);
        let message = text::message(rng, size);
        let response = self.session.append(folder, "", &message);
        assert!(response.is_ok(), "APPEND {folder}: {}", response.text);
    }

    /// Selects a mailbox and returns the UID of a random message, or `None` if it is empty.
    fn pick(&mut self, rng: &mut Rng, folder: &str) -> Option<u32> {
        self.session.ok(&format!("SELECT {}", quote(folder)));
        let uids = self.session.uids();
        rng.pick(&uids).copied()
    }

    fn flag(&mut self, rng: &mut Rng, folder: &str) {
        let Some(uid) = self.pick(rng, folder) else { return };
        let flags =
            ["+FLAGS (\\Seen)", "+FLAGS (\\Answered)", "-FLAGS (\\Seen)", "+FLAGS ($Label1)"];
        let flag = rng.pick(&flags).copied().unwrap_or_default();
        self.session.ok(&format!("UID STORE {uid} {flag}"));
        self.session.ok("UNSELECT");
    }

    fn expunge(&mut self, rng: &mut Rng, folder: &str) {
        let Some(uid) = self.pick(rng, folder) else { return };
        self.session.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
        self.session.ok(&format!("UID EXPUNGE {uid}"));
        self.session.ok("UNSELECT");
    }

    fn move_one(&mut self, rng: &mut Rng) {
        let to = rng.pick(&self.folders).cloned().unwrap_or_default();
        let Some(uid) = self.pick(rng, "INBOX") else { return };
        if to != "INBOX" {
            self.session.ok(&format!("UID MOVE {uid} {}", quote(&to)));
        }
        self.session.ok("UNSELECT");
    }

    fn create(&mut self, day: u64) {
        let name = self.new_name(day);
        self.session.ok(&format!("CREATE {}", quote(&name)));
        self.folders.push(name);
    }

    fn rename(&mut self, rng: &mut Rng, day: u64) {
        let Some(others) = self.folders.len().checked_sub(1).filter(|others| *others > 0) else {
            return;
        };
        let place = 1 + rng.below(others);
        let name = self.new_name(day);
        let Some(old) = self.folders.get_mut(place) else { return };
        let old = std::mem::replace(old, name.clone());
        // Cyrus also renames the mailboxes below this one.
        let below = format!("{old}.");
        for folder in &mut self.folders {
            if let Some(rest) = folder.strip_prefix(&below) {
                *folder = format!("{name}.{rest}");
            }
        }
        self.session.ok(&format!("RENAME {} {}", quote(&old), quote(&name)));
    }

    fn new_name(&mut self, day: u64) -> String {
        self.made += 1;
        format!("INBOX.day {day} no {}", self.made)
    }
}
