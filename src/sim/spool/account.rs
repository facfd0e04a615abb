//! The data of a user, except mailboxes and quotas.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::folder::guid;
use crate::types::{Guid, MboxName, Seen, SieveScript, Text, Time, UniqueId};

/// A Sieve script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) struct Script {
    pub content: Arc<[u8]>,
    pub last_update: Time,
}

/// The data of a user, except mailboxes and quotas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sim) struct Account {
    pub subscriptions: BTreeSet<MboxName>,
    pub seen: BTreeMap<UniqueId, Seen>,
    /// The scripts, by the name that the user sees.
    pub scripts: BTreeMap<Text, Script>,
    /// Name of the active script.
    pub active: Option<Text>,
}

impl Account {
    /// Returns the scripts like a reply to `GET USER` lists them. The active script is listed a
    /// second time, as bytecode (`list_gen_cb`).
    pub fn listed(&self) -> Vec<SieveScript> {
        let mut all = Vec::new();
        for (name, script) in &self.scripts {
            all.push(SieveScript {
                name: Text::from(&*format!("{name}.script")),
                last_update: script.last_update,
                guid: guid(&script.content),
                active: false,
            });
            if self.active.as_ref() == Some(name) {
                let name = Text::from(&*format!("{name}.bc"));
                let guid = Guid::default();
                all.push(SieveScript { name, last_update: 0, guid, active: true });
            }
        }
        all
    }
}
