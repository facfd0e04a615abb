//! Keeps the groups of mailbox owners in memory while the owners are locked for replication.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::mboxlist::ReadGroups;
use super::places::Places;
use crate::error::{Kind, Result};
use crate::events::{Observer, StoreEvent};
use crate::types::{MailboxState, Text, UserId};

/// The groups of users, and the setting of imapd.conf for groups.
pub(super) struct Groups {
    /// Whether access rights use the groups in mailboxes.db (`auth_mech: mboxgroups`).
    in_use: bool,
    /// The observer that receives an event when damaged groups are ignored.
    observer: Arc<dyn Observer>,
    locked: Arc<Locked>,
}

/// The users who are locked for replication, each with the user's groups once these have been read.
/// A user's groups stay valid until the lock is released.
type Locked = Mutex<BTreeMap<UserId, ReadGroups>>;

/// Guard for one locked user. When it is dropped, the user's groups are forgotten.
pub(super) struct Remembered {
    user: UserId,
    locked: Arc<Locked>,
}

impl Drop for Remembered {
    fn drop(&mut self) {
        self.locked.lock().remove(&self.user);
    }
}

impl Groups {
    pub(super) fn new(in_use: bool, observer: Arc<dyn Observer>) -> Groups {
        Groups { in_use, observer, locked: Arc::default() }
    }

    /// Starts to remember the groups of a locked user. The groups are stored here when they are
    /// first read.
    pub(super) fn remember(&self, user: &UserId) -> Remembered {
        self.locked.lock().insert(user.clone(), ReadGroups::Unread);
        Remembered { user: user.clone(), locked: self.locked.clone() }
    }

    /// Stores groups that were read together with other data, if the user is locked.
    pub(super) fn found(&self, user: &UserId, groups: ReadGroups) {
        if let Some(known) = self.locked.lock().get_mut(user) {
            *known = groups;
        }
    }

    /// Sets the groups in the states of mailboxes. If a user is in no group, an empty list is set
    /// only if this master uses groups. Otherwise nothing is sent, because the replica may have
    /// groups of its own.
    pub(super) fn complete(&self, places: &Places, states: &mut [&mut MailboxState]) -> Result<()> {
        let mut known: BTreeMap<UserId, Option<Text>> = BTreeMap::new();
        for state in states {
            let Some(owner) = places.names.owner(&state.name) else { continue };
            state.header.usergroups = match known.get(&owner) {
                Some(groups) => groups.clone(),
                None => {
                    let groups = self.of(places, &owner)?;
                    known.entry(owner).or_insert(groups).clone()
                }
            };
        }
        Ok(())
    }

    /// Returns the groups of a user. Damaged groups are reported and ignored, so that the user's
    /// mail is still replicated.
    fn of(&self, places: &Places, user: &UserId) -> Result<Option<Text>> {
        let known = self.locked.lock().get(user).cloned();
        let read = match known {
            Some(ReadGroups::NoGroups) => Ok(None),
            Some(ReadGroups::Joined(groups)) => Ok(Some(groups)),
            Some(ReadGroups::Unread) | None => places.list.usergroups(user),
        };
        match read {
            Ok(groups) => Ok(groups.or_else(|| self.in_use.then(Text::default))),
            Err(error) if matches!(error.kind(), Kind::Corrupt | Kind::Io) => {
                self.observer
                    .event(&StoreEvent::GroupsIgnored { user: user.clone(), error }.into());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Event;

    struct Nobody;

    impl Observer for Nobody {
        fn event(&self, _: &Event) {}
    }

    #[test]
    fn groups_are_remembered_for_as_long_as_the_user_is_locked() {
        let groups = Groups::new(false, Arc::new(Nobody));
        let (fred, read) = (UserId::from("fred"), ReadGroups::Joined("staff".into()));
        groups.found(&fred, read.clone());
        assert!(groups.locked.lock().is_empty(), "nobody is locked");
        let lock = groups.remember(&fred);
        assert_eq!(groups.locked.lock().get(&fred), Some(&ReadGroups::Unread));
        groups.found(&fred, read.clone());
        assert_eq!(groups.locked.lock().get(&fred), Some(&read));
        drop(lock);
        assert!(groups.locked.lock().is_empty(), "what was read before a lock does not count");
    }
}
