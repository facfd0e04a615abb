//! Groups of users, which mailboxes.db holds since Cyrus 3.12 (`mboxlist_lookup_usergroups` in
//! `imap/mboxlist.c`).

use std::ops::ControlFlow;

use super::list::MailboxList;
use crate::cyrusdb::Sought;
use crate::error::{Malformed, Result};
use crate::limits::USER_GROUPS_BYTES;
use crate::types::{Text, UserId};

impl MailboxList {
    /// The groups that a user is in, in the database's order, joined by TAB as on the wire
    /// (`sync_prepare_dlists`); `None` if nobody is in a group.
    ///
    /// # Errors
    /// Those of the database; [`Kind::Corrupt`](crate::Kind::Corrupt) if the groups are more than
    /// one command can tell.
    pub fn usergroups(&self, user: &UserId) -> Result<Option<Text>> {
        let (keys, table) = self.keyed()?;
        let Some([of_user, of_all]) = keys.of_groups(user) else { return Ok(None) };
        let (mut joined, mut any): (Vec<u8>, bool) = (Vec::new(), false);
        let sought = [Sought::Prefix(&of_user), Sought::Prefix(&of_all)];
        table.scan_each(&sought, &mut |nth, key, _| {
            any = true;
            let Some(group) = key.strip_prefix(&of_user[..]).filter(|_| nth == 0) else {
                return Ok(ControlFlow::Break(()));
            };
            if joined.len() + group.len() > USER_GROUPS_BYTES {
                let many =
                    format!("the groups of {user} are longer than {USER_GROUPS_BYTES} bytes");
                return Err(self.corrupt(key, Malformed::new(0u64, many)));
            }
            if !joined.is_empty() {
                joined.push(b'\t');
            }
            joined.extend_from_slice(group);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(any.then(|| joined.into()))
    }
}
