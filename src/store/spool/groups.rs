//! The groups that the owners of mailboxes are in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::places::Places;
use crate::error::{Kind, Result};
use crate::events::{Observer, StoreEvent};
use crate::types::{MailboxState, Text, UserId};

/// What imapd.conf says about groups.
pub(super) struct Groups {
    /// Rights follow the groups of mailboxes.db (`auth_mech: mboxgroups`).
    pub(super) in_use: bool,
    /// Receives why groups are passed over.
    pub(super) observer: Arc<dyn Observer>,
}

impl Groups {
    /// Completes states of mailboxes. That an owner is in no group is only known where there are
    /// groups: a replica that has some of its own may follow a master of an earlier version.
    pub(super) fn complete(&self, places: &Places, states: &mut [&mut MailboxState]) -> Result<()> {
        let mut known: BTreeMap<UserId, Option<Text>> = BTreeMap::new();
        for state in states {
            let Some(owner) = places.names.owner(&state.name) else { continue };
            state.usergroups = match known.get(&owner) {
                Some(groups) => groups.clone(),
                None => {
                    let groups = self.of(places, &owner)?;
                    known.entry(owner).or_insert(groups).clone()
                }
            };
        }
        Ok(())
    }

    /// The groups of a user. Damaged ones are no reason to leave the user's mail behind.
    fn of(&self, places: &Places, user: &UserId) -> Result<Option<Text>> {
        match places.list.usergroups(user) {
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
