//! Reads the groups to which users belong. Cyrus 3.12 and later store them in mailboxes.db
//! (`mboxlist_lookup_usergroups` in `imap/mboxlist.c`).

use std::ops::ControlFlow;

use super::list::MailboxList;
use crate::cyrusdb::Sought;
use crate::error::{Malformed, Result};
use crate::limits::USER_GROUPS_BYTES;
use crate::types::{Text, UserId};

impl MailboxList {
    /// Returns the groups of a user in the database's order, joined by TAB as on the wire
    /// (`sync_prepare_dlists`). Returns `None` if the database has no groups of any user.
    ///
    /// # Errors
    /// Those of the database; [`Kind::Corrupt`](crate::Kind::Corrupt) if the groups do not fit in
    /// one command.
    pub fn usergroups(&self, user: &UserId) -> Result<Option<Text>> {
        let (keys, table) = self.keyed()?;
        let Some(groups) = keys.of_groups(user) else { return Ok(None) };
        let mut joined = Joined::default();
        let sought = groups.each_ref().map(|start| Sought::Prefix(start));
        table.scan_each(&sought, &mut |nth, key, _| Ok(joined.add(&groups, nth, key)))?;
        match joined.into() {
            ReadGroups::NoGroups => Ok(None),
            ReadGroups::Joined(groups) => Ok(Some(groups)),
            ReadGroups::Unread => {
                let many =
                    format!("the groups of {user} are longer than {USER_GROUPS_BYTES} bytes");
                let [key, _] = &groups;
                Err(self.corrupt(key, Malformed::new(0u64, many)))
            }
        }
    }
}

/// The result of reading the groups of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadGroups {
    /// The groups could not be read. [`MailboxList::usergroups`] returns the reason.
    Unread,
    /// The database has no groups of any user.
    NoGroups,
    /// The user's groups, joined by TAB. Empty if the user is in no group.
    Joined(Text),
}

/// Collects the groups of a user from records.
#[derive(Default)]
pub(super) struct Joined {
    bytes: Vec<u8>,
    anybodys: bool,
    too_many: bool,
}

impl Joined {
    /// Adds the group of one record. The record's key begins with `starts[nth]`, where `starts` is
    /// the result of [`Keys::of_groups`]. Breaks if no more records are needed.
    ///
    /// [`Keys::of_groups`]: crate::format::mbkeys::Keys::of_groups
    pub(super) fn add(&mut self, starts: &[Vec<u8>; 2], nth: usize, key: &[u8]) -> ControlFlow<()> {
        self.anybodys = true;
        let [of_user, _] = starts;
        let Some(group) = key.strip_prefix(&of_user[..]).filter(|_| nth == 0) else {
            return ControlFlow::Break(());
        };
        if self.bytes.len() + group.len() > USER_GROUPS_BYTES {
            self.too_many = true;
            return ControlFlow::Break(());
        }
        if !self.bytes.is_empty() {
            self.bytes.push(b'\t');
        }
        self.bytes.extend_from_slice(group);
        ControlFlow::Continue(())
    }
}

impl From<Joined> for ReadGroups {
    fn from(joined: Joined) -> ReadGroups {
        match joined {
            Joined { too_many: true, .. } => ReadGroups::Unread,
            Joined { anybodys: false, .. } => ReadGroups::NoGroups,
            Joined { bytes, .. } => ReadGroups::Joined(bytes.into()),
        }
    }
}
