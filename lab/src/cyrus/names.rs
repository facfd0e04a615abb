//! Mailbox names as the administrator and users write them.

use super::Cyrus;

impl Cyrus {
    /// Returns the name of a mailbox for the administrator. With `unixhierarchysep`,
    /// `user.john^doe.Sent` becomes `user/john.doe/Sent`. `example.com!user.fred` becomes
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

    /// Reverses [`Cyrus::admin_name`].
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

    /// Returns the name of a user's own mailbox for that user: `user.fred.Sent` becomes
    /// `INBOX.Sent`, or `Sent` with `altnamespace`; `user.fred` becomes `INBOX`.
    pub fn own_name(&self, internal: &str) -> String {
        let below = local(internal).splitn(3, '.').nth(2);
        match below {
            None => "INBOX".to_owned(),
            Some(below) if self.altnamespace => self.admin_name(below),
            Some(below) => format!("INBOX{}{}", self.separator(), self.admin_name(below)),
        }
    }

    /// Returns the name of another user's or a shared mailbox for a user of the same domain.
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

    /// Returns the hierarchy separator.
    pub fn separator(&self) -> char {
        if self.unixhierarchysep { '/' } else { '.' }
    }
}

/// Returns an internal name without its domain.
fn local(internal: &str) -> &str {
    internal.split_once('!').map_or(internal, |(_, rest)| rest)
}
