//! Names of mailboxes as the administrator and users write them.

use super::Cyrus;

impl Cyrus {
    /// The name of a mailbox as the administrator writes it: with `unixhierarchysep`
    /// `user.john^doe.Sent` is `user/john.doe/Sent`; `example.com!user.fred` is
    /// `user.fred@example.com`.
    pub fn admin_name(&self, internal: &str) -> String {
        if let Some((domain, rest)) = internal.split_once('!') {
            return format!("{}@{domain}", self.admin_name(rest));
        }
        if !self.unixhierarchysep {
            return internal.to_owned();
        }
        let change = |c| match c {
            '.' => '/',
            '^' => '.',
            other => other,
        };
        internal.chars().map(change).collect()
    }

    /// The reverse of [`Cyrus::admin_name`].
    pub fn internal_name(&self, admin: &str) -> String {
        if !self.unixhierarchysep {
            return admin.to_owned();
        }
        let change = |c| match c {
            '/' => '.',
            '.' => '^',
            other => other,
        };
        admin.chars().map(change).collect()
    }

    /// The name of a user's own mailbox as that user writes it: of `user.fred.Sent` it is
    /// `INBOX.Sent`, or `Sent` with `altnamespace`; of `user.fred` it is `INBOX`.
    pub fn own_name(&self, internal: &str) -> String {
        let below = local(internal).splitn(3, '.').nth(2);
        match below {
            None => "INBOX".to_owned(),
            Some(below) if self.altnamespace => self.admin_name(below),
            Some(below) => format!("INBOX{}{}", self.separator(), self.admin_name(below)),
        }
    }

    /// The name of another user's or a shared mailbox as a user of the same domain writes it.
    pub fn others_name(&self, internal: &str) -> String {
        let internal = local(internal);
        if !self.altnamespace {
            return self.admin_name(internal);
        }
        match internal.strip_prefix("user.") {
            Some(rest) => format!("Other Users{}{}", self.separator(), self.admin_name(rest)),
            None => format!("Shared Folders{}{}", self.separator(), self.admin_name(internal)),
        }
    }

    /// The separator in names.
    pub fn separator(&self) -> char {
        if self.unixhierarchysep { '/' } else { '.' }
    }
}

/// An internal name without its domain.
fn local(internal: &str) -> &str {
    internal.split_once('!').map_or(internal, |(_, rest)| rest)
}
