//! Reads modseqs that Cyrus stores outside of cyrus.index if imapd.conf says `conversations: yes`:
//! the modseqs of conversations, and the counters of users (highest modseqs).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::places::Places;
use super::unknown::Unknown;
use super::{conv, counters};
use crate::cyrusdb::Backend;
use crate::cyrusdb::KeyOrder;
use crate::error::{Kind, Result};
use crate::events::{Observer, StoreEvent};
use crate::format::counters::Counters;
use crate::names::{UserFile, UserHome};
use crate::types::{MailboxState, MboxName, Modseq, UniqueId, UserId};

/// Settings for reading the modseqs of conversations and the counters.
pub(super) struct Modseqs {
    /// Whether imapd.conf says `conversations: yes`.
    pub(super) conversations: bool,
    /// imapd.conf's `jmapsubmissionfolder`.
    pub(super) submissions: Vec<u8>,
    /// The backend of conversations databases.
    pub(super) declared: Backend,
    /// The observer that receives an event when damaged counters are ignored.
    pub(super) observer: Arc<dyn Observer>,
    /// Reports data that this program does not know.
    pub(super) unknown: Arc<Unknown>,
}

impl Modseqs {
    /// Reads the counters of a user. Damaged counters are reported and ignored, as in Cyrus, so
    /// that the user is still replicated.
    pub(super) fn counters(&self, places: &Places, user: &UserId) -> Result<Counters> {
        if !self.conversations {
            return Ok(Counters::default());
        }
        let path = places.paths.user_file(&places.home(user)?, UserFile::Counters)?;
        counters::read(&path).or_else(|error| match error.kind() {
            Kind::Corrupt | Kind::Io => {
                let user = user.clone();
                self.observer.event(&StoreEvent::CountersIgnored { user, error }.into());
                Ok(Counters::default())
            }
            _ => Err(error),
        })
    }

    /// Returns the modseq of the reverse ACLs of the user to whom this INBOX belongs, or 0 if
    /// `name` is not an INBOX.
    pub(super) fn raclmodseq(&self, places: &Places, name: &MboxName) -> Result<Modseq> {
        let owner = places.names.owner(name).filter(|_| places.names.is_inbox(name));
        owner.map_or(Ok(0), |owner| Ok(self.counters(places, &owner)?.raclmodseq))
    }

    /// Sets the modseqs of reverse ACLs and of conversations in the states of mailboxes.
    pub(super) fn complete(&self, places: &Places, states: &mut [&mut MailboxState]) -> Result<()> {
        if !self.conversations {
            return Ok(());
        }
        let mut owned: BTreeMap<UserId, Vec<&mut MailboxState>> = BTreeMap::new();
        for state in states {
            let raclmodseq = self.raclmodseq(places, &state.name)?;
            state.header.raclmodseq = Some(raclmodseq).filter(|modseq| *modseq != 0);
            if let Some(owner) = self.keeper(places, state) {
                owned.entry(owner).or_default().push(state);
            }
        }
        for (owner, mut states) in owned {
            match places.list.lookup(&places.names.inbox(&owner))? {
                Some(inbox) => {
                    let home = places.paths.home(&owner, Some(&inbox));
                    self.read(places, &home, &mut states)?;
                }
                // The owner has no INBOX. Then the data of each mailbox may still be stored with
                // that of a former owner.
                None => {
                    for state in states {
                        let home = places.home_of_mailbox(&state.uniqueid, &owner)?;
                        self.read(places, &home, &mut [state])?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the user in whose conversations database the mailbox is. Returns `None` if the
    /// mailbox has no conversations.
    fn keeper(&self, places: &Places, state: &MailboxState) -> Option<UserId> {
        let parts = places.names.parts(&state.name);
        let owner = parts.owner();
        let has = conv::has_conversations(
            owner.is_some(),
            parts.deleted.is_some(),
            state.mbtype,
            parts.boxes.first().map(Vec::as_slice),
            &self.submissions,
        );
        owner.filter(|_| has)
    }

    fn read(
        &self,
        places: &Places,
        home: &UserHome,
        states: &mut [&mut MailboxState],
    ) -> Result<()> {
        let table = places.table_at(home, UserFile::Conversations, self.declared, KeyOrder::Raw)?;
        let mailboxes: Vec<(&UniqueId, &MboxName)> =
            states.iter().map(|state| (&state.uniqueid, &state.name)).collect();
        let found = conv::read(&table, &mailboxes)?;
        for key in &found.unknown {
            self.unknown.report("conversations databases, keys", key);
        }
        for (state, modseq) in states.iter_mut().zip(found.modseqs) {
            state.header.xconvmodseq = Some(modseq);
            state.header.compact_emailids = found.compact_emailids.then_some(1);
        }
        Ok(())
    }
}
