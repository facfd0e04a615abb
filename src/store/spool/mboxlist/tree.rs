//! Reads the entries of one user's mailboxes, and the user's groups, from mailboxes.db in one pass.

use std::ops::ControlFlow;

use super::groups::{Joined, ReadGroups};
use super::list::MailboxList;
use crate::cyrusdb::Sought;
use crate::error::Result;
use crate::store::traits::UserTree;
use crate::types::{MailboxEntry, MboxName, UserId};

impl MailboxList {
    /// Reads all mailboxes of a user: first the INBOX, then the mailboxes below it, then the
    /// deleted ones. Intermediates and reserved entries are included, tombstones are not
    /// (`mboxlist_usermboxtree` with `MBOXTREE_DELETED` and `MBOXTREE_INTERMEDIATES`). Also reads
    /// the user's groups, unless an entry is damaged.
    ///
    /// `inbox` is the internal name of the INBOX, and `deleted_prefix` imapd.conf's
    /// `deletedprefix`.
    ///
    /// # Errors
    /// Those of the database, if the entry of the INBOX cannot be read. Errors of other entries are
    /// in the returned tree.
    pub fn user_tree(
        &self,
        inbox: &MboxName,
        deleted_prefix: &str,
        user: &UserId,
    ) -> Result<(UserTree, ReadGroups)> {
        let (keys, table) = self.keyed()?;
        let key = keys.of_name(inbox);
        let below = [inbox.as_bytes(), b"."].concat();
        let rest = [below, deleted_below(inbox, deleted_prefix)].map(|start| keys.prefix(&start));
        let [below, deleted] = &rest;
        let mut sought = vec![Sought::Key(&key), Sought::Prefix(below), Sought::Prefix(deleted)];
        let names = sought.len();
        let groups = keys.of_groups(user);
        sought.extend(groups.iter().flatten().map(|start| Sought::Prefix(start)));
        let mut entries = Vec::new();
        let mut joined = Joined::default();
        let read = table.scan_each(&sought, &mut |nth, key, value| {
            if let (Some(nth), Some(groups)) = (nth.checked_sub(names), &groups) {
                return Ok(joined.add(groups, nth, key));
            }
            if let Some(name) = keys.name(key) {
                let entry = self.entry(keys, key, name, value)?;
                if !entry.mbtype.is_deleted() {
                    entries.push(entry);
                }
            }
            Ok(ControlFlow::Continue(()))
        });
        if read.is_ok() {
            return Ok((UserTree { entries, unreadable: Vec::new() }, joined.into()));
        }
        Ok((self.damaged_tree(inbox, &rest)?, ReadGroups::Unread))
    }

    /// Reads as many mailboxes of a user as possible: the INBOX, and the mailboxes whose keys begin
    /// with one of `starts`. Unreadable entries become errors in the result.
    fn damaged_tree(&self, inbox: &MboxName, starts: &[Vec<u8>]) -> Result<UserTree> {
        let (keys, table) = self.keyed()?;
        let UserTree { mut entries, mut unreadable } = UserTree::default();
        let mut add = |entry: MailboxEntry| {
            if !entry.mbtype.is_deleted() {
                entries.push(entry);
            }
        };
        let key = keys.of_name(inbox);
        if let Some(value) = table.get(&key)? {
            add(self.parsed(keys, &key, inbox.clone(), &value)?);
        }
        for start in starts {
            let scanned = table.salvage(start, &mut |key, value| {
                let Some(name) = keys.name(key) else { return Ok(ControlFlow::Continue(())) };
                match self.parsed(keys, key, name, value) {
                    Ok(entry) => add(entry),
                    Err(error) => unreadable.push(error),
                }
                Ok(ControlFlow::Continue(()))
            });
            unreadable.extend(scanned.err());
        }
        Ok(UserTree { entries, unreadable })
    }
}

/// Returns the prefix of the names of a user's deleted mailboxes. `deleted_prefix` (`DELETED`)
/// follows the domain, if there is one.
fn deleted_below(inbox: &MboxName, deleted_prefix: &str) -> Vec<u8> {
    let name = inbox.as_bytes();
    let domain = name.iter().position(|byte| *byte == b'!').map_or(0, |at| at + 1);
    let (domain, local) = name.split_at_checked(domain).unwrap_or_default();
    [domain, deleted_prefix.as_bytes(), b".", local, b"."].concat()
}

#[cfg(test)]
mod tests {
    use super::deleted_below;

    #[test]
    fn deleted_mailboxes_are_below_a_name_of_their_own_in_each_domain() {
        assert_eq!(
            deleted_below(&"example.com!user.bob".into(), "DELETED"),
            b"example.com!DELETED.user.bob."
        );
    }
}
