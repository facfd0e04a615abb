//! What is tried when a plain update of a mailbox cannot do, rung by rung
//! (`sync_do_update_mailbox` in `imap/sync_support.c`):
//!
//! - the replica ended with other CRCs: they are recomputed and the mailbox is sent again;
//! - it still did, or is behind what the master has forgotten, or has a higher UIDVALIDITY: both
//!   sides are compared in full and [repaired](super::repair).
//!
//! With `-O` nothing is changed here: the second rung is the last, but for what the master has
//! forgotten.

use super::Syncer;
use super::contents::Work;
use super::snapshot::Attempt;
use super::upload::{Base, Prepared, Update};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::protocol::{Command, RemoteFolder};
use crate::store::Mailbox;
use crate::types::{MailboxEntry, MailboxState};

/// What to do where `-O` or `sync_no_copyback` forbids a repair.
pub(super) const WITH_COPYBACK: &str = "run once without -O, with --copyback if sync_no_copyback is set: both sides are compared and \
     repaired";

impl Syncer<'_> {
    /// Whether the master has forgotten expunged records that the replica may not know of.
    pub(super) fn has_forgotten(
        &self,
        state: &MailboxState,
        remote: Option<&RemoteFolder>,
    ) -> bool {
        let Some(remote) = remote.filter(|r| state.deletedmodseq > r.highestmodseq) else {
            return false;
        };
        self.log(
            Level::Notice,
            format!(
                "inefficient replication ({} > {}) {}",
                state.deletedmodseq, remote.highestmodseq, state.name
            ),
        );
        true
    }

    /// The second rung of the ladder: recomputed CRCs, the replica's state looked up anew, no
    /// condition. What fails here takes a full comparison.
    pub(super) fn send_recomputed(&mut self, work: &Work) -> Result<()> {
        let name = &work.entry.name;
        self.action_on(name, format!("MAILBOXES {name}"));
        let remote = self.get_mailboxes(std::slice::from_ref(name))?;
        let remote = remote.into_iter().find(|remote| remote.name == *name);
        if let Some(remote) = remote.as_ref().filter(|r| r.uniqueid != work.entry.uniqueid) {
            let detail = format!("the replica has another one of this name ({})", remote.uniqueid);
            return Err(Error::new(Kind::ReplicaMoved, "update mailbox", name.to_string(), detail));
        }
        let base = Base {
            entry: &work.entry,
            remote: remote.as_ref(),
            attempt: Attempt::Recomputed,
            expunge: &[],
        };
        match self.send_alone(&base) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == Kind::ReplicaChecksum && !self.settings.no_copyback => {
                let line = format!("CRC failure on sync for {name}, trying full update");
                self.log(Level::Error, line);
                self.repair(work)
            }
            Err(error) if error.kind() == Kind::ReplicaChecksum => {
                let detail = format!(
                    "the replica holds something else ({}), and this server must not be changed",
                    error.detail()
                );
                Err(Error::new(Kind::ReplicaChecksum, "update mailbox", name.to_string(), detail)
                    .hint(WITH_COPYBACK)
                    .caused_by(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Sends the update of one mailbox with the files it needs, and awaits the end.
    pub(super) fn send_alone(&mut self, base: &Base<'_>) -> Result<()> {
        let Prepared::Update(update) = self.prepare(base)? else { return Ok(()) };
        let Update { snapshot, uploads, damage, .. } = *update;
        self.confirm(uploads, &snapshot.header.partition)?;
        let update = snapshot.update(self.settings.local_only);
        let ticket = self.replica.submit(Command::Mailbox(update))?;
        self.replica.wait(ticket)?;
        self.verify_now(&snapshot)?;
        damage.map_or(Ok(()), Err)
    }
}

pub(super) fn check_identity(mailbox: &dyn Mailbox, entry: &MailboxEntry) -> Result<()> {
    let state = mailbox.state();
    if state.uniqueid == entry.uniqueid && state.partition == entry.partition {
        return Ok(());
    }
    Err(Error::new(
        Kind::Moved,
        "update mailbox",
        entry.name.to_string(),
        "it was renamed, recreated or moved to another partition meanwhile",
    ))
}
