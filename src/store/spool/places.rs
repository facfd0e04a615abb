//! Where a spool keeps what belongs to users and mailboxes: mailboxes.db decides it.

use std::path::PathBuf;

use super::mailbox;
use super::mboxlist::MailboxList;
use super::table::Table;
use crate::cyrusdb::{self, Backend};
use crate::error::Result;
use crate::names::{Namespace, Paths, UserFile, UserHome};
use crate::types::{MailboxEntry, UniqueId, UserId};

/// The list of mailboxes, and the rules by which names become paths.
pub(super) struct Places {
    pub(super) names: Namespace,
    pub(super) paths: Paths,
    pub(super) list: MailboxList,
}

impl Places {
    /// How the files of a user are found: by the uniqueid of the INBOX, or by name.
    pub(super) fn home(&self, user: &UserId) -> Result<UserHome> {
        let inbox = self.list.lookup(&self.names.inbox(user))?;
        Ok(self.paths.home(user, inbox.as_ref()))
    }

    /// As [`Places::home`], for what Cyrus finds by the name of a mailbox: where its owner has no
    /// INBOX because a rename is half done, the INBOX of an owner that it had before counts
    /// (`mboxname_conf_getpath`).
    pub(super) fn home_of_mailbox(&self, id: &UniqueId, owner: &UserId) -> Result<UserHome> {
        if let Some(inbox) = self.list.lookup(&self.names.inbox(owner))? {
            return Ok(self.paths.home(owner, Some(&inbox)));
        }
        let entry = self.list.lookup_by_id(id)?;
        for former in entry.iter().flat_map(|entry| &entry.name_history) {
            let Some(before) = self.names.owner(&former.name) else { continue };
            if let Some(inbox) = self.list.lookup(&self.names.inbox(&before))? {
                // In directories by name, those of the new name.
                return Ok(self.paths.home(owner, Some(&inbox)));
            }
        }
        Ok(self.paths.home(owner, None))
    }

    /// The directory of a user's scripts, where they are in no mailbox. `inbox` is the entry of the
    /// user's INBOX.
    pub(super) fn script_directory(
        &self,
        user: &UserId,
        inbox: Option<&MailboxEntry>,
    ) -> Result<PathBuf> {
        let living = inbox.filter(|entry| !entry.mbtype.is_deleted());
        self.paths.sieve(&self.paths.home(user, living))
    }

    /// How annotations.db calls a mailbox.
    pub(super) fn annotated_as(&self, entry: &MailboxEntry) -> Result<Vec<u8>> {
        let early = self.list.is_early()?;
        let id = if early { entry.name.as_bytes() } else { entry.uniqueid.as_bytes() };
        Ok(id.to_vec())
    }

    /// The entry with a uniqueid, if need be from cyrus.header: entries that Cyrus before 2.5
    /// wrote have none.
    pub(super) fn identified(&self, mut entry: MailboxEntry) -> MailboxEntry {
        if entry.uniqueid.is_empty() && mailbox::openable(&entry).is_ok() {
            // Whoever opens the mailbox will hear what is wrong.
            let header = self.paths.mailbox(&entry).and_then(|at| mailbox::read_header(&at.header));
            entry.uniqueid = header.map(|header| header.uniqueid).unwrap_or_default();
        }
        entry
    }

    /// A database of a user, to be read once.
    pub(super) fn table_at(
        &self,
        home: &UserHome,
        file: UserFile,
        declared: Backend,
    ) -> Result<Table> {
        let path = self.paths.user_file(home, file)?;
        Ok(Table::once(path, Some(declared), cyrusdb::Options::default()))
    }
}
