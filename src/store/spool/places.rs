//! Finds the paths of users' and mailboxes' data. The paths depend on entries in mailboxes.db.

use std::path::PathBuf;

use super::mailbox;
use super::mboxlist::MailboxList;
use super::table::Table;
use crate::cyrusdb::{self, Backend, KeyOrder};
use crate::error::Result;
use crate::names::{Namespace, Paths, UserFile, UserHome};
use crate::types::{MailboxEntry, UniqueId, UserId};

/// The list of mailboxes, and the rules that turn names into paths.
pub(super) struct Places {
    pub(super) names: Namespace,
    pub(super) paths: Paths,
    pub(super) list: MailboxList,
}

impl Places {
    /// Returns the key to the directory of a user's files: the uniqueid of the INBOX, or the
    /// userid.
    pub(super) fn home(&self, user: &UserId) -> Result<UserHome> {
        let inbox = self.list.lookup(&self.names.inbox(user))?;
        Ok(self.paths.home(user, inbox.as_ref()))
    }

    /// Like [`Places::home`], for data that Cyrus finds through the name of a mailbox. During a
    /// rename, the owner may have no INBOX. Then the INBOX of a former owner of the mailbox is used
    /// (`mboxname_conf_getpath`).
    pub(super) fn home_of_mailbox(&self, id: &UniqueId, owner: &UserId) -> Result<UserHome> {
        if let Some(inbox) = self.list.lookup(&self.names.inbox(owner))? {
            return Ok(self.paths.home(owner, Some(&inbox)));
        }
        let entry = self.list.lookup_by_id(id)?;
        for former in entry.iter().flat_map(|entry| &entry.name_history) {
            let Some(before) = self.names.owner(&former.name) else { continue };
            if let Some(inbox) = self.list.lookup(&self.names.inbox(&before))? {
                // If directories are named after userids, use the new owner's.
                return Ok(self.paths.home(owner, Some(&inbox)));
            }
        }
        Ok(self.paths.home(owner, None))
    }

    /// Returns the directory of a user's Sieve scripts. Only for a user whose scripts are not in a
    /// mailbox. `inbox` is the entry of the user's INBOX.
    pub(super) fn script_directory(
        &self,
        user: &UserId,
        inbox: Option<&MailboxEntry>,
    ) -> Result<PathBuf> {
        let living = inbox.filter(|entry| !entry.mbtype.is_deleted());
        self.paths.sieve(&self.paths.home(user, living))
    }

    /// Returns the name by which the keys of annotations.db refer to a mailbox: its uniqueid or, up
    /// to Cyrus 3.4, its name.
    pub(super) fn annotated_as(&self, entry: &MailboxEntry) -> Result<Vec<u8>> {
        let early = self.list.is_early()?;
        let id = if early { entry.name.as_bytes() } else { entry.uniqueid.as_bytes() };
        Ok(id.to_vec())
    }

    /// Returns the entry, with its uniqueid filled in. Entries written by Cyrus before 2.5 have no
    /// uniqueid; then it is read from cyrus.header.
    pub(super) fn identified(&self, mut entry: MailboxEntry) -> MailboxEntry {
        if entry.uniqueid.is_empty() && mailbox::openable(&entry).is_ok() {
            // Ignore errors here: opening the mailbox reports them.
            let header = self.paths.mailbox(&entry).and_then(|at| mailbox::read_header(&at.header));
            entry.uniqueid = header.map(|header| header.uniqueid).unwrap_or_default();
        }
        entry
    }

    /// Returns a database of a user, to be read once.
    pub(super) fn table_at(
        &self,
        home: &UserHome,
        file: UserFile,
        declared: Backend,
        order: KeyOrder,
    ) -> Result<Table> {
        let path = self.paths.user_file(home, file)?;
        let options = cyrusdb::Options { order, ..cyrusdb::Options::default() };
        Ok(Table::once(path, Some(declared), options))
    }
}
