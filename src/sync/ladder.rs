//! What is tried when a plain update of a mailbox cannot do, rung by rung
//! (`sync_do_update_mailbox` in `imap/sync_support.c`):
//!
//! - the replica is behind what the master has forgotten: all records are compared, and those
//!   that only the replica has are expunged there if the master once expunged them;
//! - the replica ended with other CRCs: they are recomputed and the mailbox is sent again.
//!
//! What takes more than that, a repair of both sides, ends as an error.

use std::ops::ControlFlow;

use super::contents::Work;
use super::remote::{RemoteFolder, RemoteRecord};
use super::snapshot::Attempt;
use super::{Syncer, commands};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::replica::Verb;
use crate::store::Mailbox;
use crate::types::{Guid, MailboxEntry, MailboxState, Modseq, Uid};

const FULL_SYNC: &str = "run Cyrus's own sync_client on this mailbox once: it compares and repairs";

/// A record of the master, as far as it matters to the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalRecord {
    /// Number of the message.
    pub uid: Uid,
    /// Last change.
    pub modseq: Modseq,
    /// SHA-1 of the message.
    pub guid: Guid,
    /// Whether it is expunged.
    pub expunged: bool,
}

/// The records to expunge on a replica that missed expunges which the master has forgotten since:
/// those that only the replica has and that are older than what was forgotten
/// (`copyback_one_record`). Both lists ascend by UID. Anything that an update cannot settle
/// afterwards is told in words.
pub fn stale_records(
    ours: &[LocalRecord],
    theirs: &[RemoteRecord],
    last_uid: Uid,
    deletedmodseq: Modseq,
) -> Result<Vec<Uid>, String> {
    let mut stale = Vec::new();
    let mut ours = ours.iter().peekable();
    for there in theirs {
        while ours.next_if(|here| here.uid < there.uid).is_some() {}
        let here = ours.next_if(|here| here.uid == there.uid);
        let uid = there.uid;
        match here {
            Some(here) if here.expunged && there.expunged => {}
            Some(here) if here.guid != there.guid => {
                return Err(format!("uid {uid} is another message on the replica"));
            }
            Some(here) if here.modseq < there.modseq || there.expunged => {
                return Err(format!("uid {uid} was changed on the replica"));
            }
            Some(_) => {}
            None if there.expunged => {}
            None if uid <= last_uid && there.modseq < deletedmodseq => stale.push(uid),
            None => return Err(format!("uid {uid} is on the replica alone")),
        }
    }
    Ok(stale)
}

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

    /// Compares all records of a mailbox, expunges on the replica what the master has forgotten,
    /// then sends it.
    pub(super) fn catch_up(&mut self, work: &Work) -> Result<()> {
        let name = &work.entry.name;
        self.action(format!("FULLMAILBOX {name}"));
        let ticket =
            self.replica.submit(Verb::Get, &mut |w| commands::named(w, "FULLMAILBOX", name))?;
        let theirs = super::remote::records_reply(self.replica.wait(ticket)?)?;
        let mut mailbox = match self.store.open(name) {
            Ok(mailbox) => mailbox,
            Err(error) if error.kind() == Kind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        check_identity(mailbox.as_ref(), &work.entry)?;
        let mut ours = Vec::new();
        mailbox.scan(1, 0, &mut |record| {
            ours.push(LocalRecord {
                uid: record.uid,
                modseq: record.modseq,
                guid: record.guid,
                expunged: record.is_expunged(),
            });
            Ok(ControlFlow::Continue(()))
        })?;
        let (last_uid, deletedmodseq) = (mailbox.state().last_uid, mailbox.state().deletedmodseq);
        drop(mailbox);
        let stale = stale_records(&ours, &theirs, last_uid, deletedmodseq).map_err(|why| {
            Error::new(Kind::NeedsFullSync, "update mailbox", name.to_string(), why).hint(FULL_SYNC)
        })?;
        if !stale.is_empty() {
            self.action(format!("EXPUNGE {name} ({} records)", stale.len()));
            let ticket = self.replica.submit(Verb::Apply, &mut |w| {
                commands::expunge(w, name, &work.entry.uniqueid, &stale)
            })?;
            self.replica.wait(ticket)?;
        }
        self.send_recomputed(work)
    }

    /// The second rung of the ladder: recomputed CRCs, the replica's state looked up anew, no
    /// condition. What fails here takes a full comparison.
    pub(super) fn send_recomputed(&mut self, work: &Work) -> Result<()> {
        let name = &work.entry.name;
        self.action(format!("MAILBOXES {name}"));
        let remote = self.get_mailboxes(std::slice::from_ref(name))?.into_iter().next();
        let mut mailbox = match self.store.open(name) {
            Ok(mailbox) => mailbox,
            Err(error) if error.kind() == Kind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        check_identity(mailbox.as_ref(), &work.entry)?;
        let snapshot = self.snapshot(mailbox.as_mut(), remote.as_ref(), Attempt::Recomputed)?;
        let Some(snapshot) = snapshot else { return Ok(()) };
        mailbox.unlock_index();
        self.action(format!("{} {name}", self.update_command()));
        let (uploads, failed) = self.upload(mailbox.as_ref(), &snapshot)?;
        drop(mailbox);
        self.wait_all(uploads)?;
        if let Some(error) = failed {
            return Err(error);
        }
        let command = self.update_command();
        let ticket =
            self.replica.submit(Verb::Apply, &mut |w| commands::mailbox(w, command, &snapshot))?;
        match self.replica.wait(ticket) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == Kind::ReplicaChecksum && !self.settings.no_copyback => {
                self.log(
                    Level::Error,
                    format!("CRC failure on sync for {name}, full update needed"),
                );
                Err(Error::new(
                    Kind::NeedsFullSync,
                    "update mailbox",
                    name.to_string(),
                    "the replica still differs after the update: it was written to",
                )
                .hint(FULL_SYNC)
                .caused_by(error))
            }
            Err(error) => Err(error),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn here(uid: Uid, modseq: Modseq) -> LocalRecord {
        LocalRecord { uid, modseq, guid: Guid([1; 20]), expunged: false }
    }

    fn there(uid: Uid, modseq: Modseq) -> RemoteRecord {
        RemoteRecord { uid, modseq, guid: Guid([1; 20]), expunged: false, flagged: false }
    }

    #[test]
    fn what_was_forgotten_is_expunged_on_the_replica() {
        let ours = [here(1, 1), here(3, 9), here(7, 12)];
        let theirs = [there(1, 1), there(2, 2), there(3, 3), there(4, 4)];
        assert_eq!(stale_records(&ours, &theirs, 7, 10), Ok(vec![2, 4]));
    }

    #[test]
    fn what_only_the_replica_has_and_nobody_forgot_is_left_to_a_repair() {
        assert!(
            stale_records(&[], &[there(2, 10)], 7, 10).is_err(),
            "newer than what is forgotten"
        );
        assert!(stale_records(&[], &[there(8, 2)], 7, 10).is_err(), "above our last UID");
        let changed = stale_records(&[here(1, 3)], &[there(1, 4)], 7, 10);
        assert_eq!(changed, Err("uid 1 was changed on the replica".into()));
        let mut other = there(1, 1);
        other.guid = Guid([2; 20]);
        assert!(stale_records(&[here(1, 3)], &[other], 7, 10).is_err(), "another message");
    }

    #[test]
    fn expunged_records_need_nothing() {
        let mut gone_there = there(2, 2);
        gone_there.expunged = true;
        let mut gone_here = here(2, 5);
        gone_here.expunged = true;
        assert_eq!(stale_records(&[], &[gone_there], 7, 10), Ok(vec![]));
        assert_eq!(stale_records(&[gone_here], &[gone_there], 7, 10), Ok(vec![]));
        assert!(stale_records(&[here(2, 5)], &[gone_there], 7, 10).is_err());
    }
}
