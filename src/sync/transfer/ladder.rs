//! The steps to take if a plain update of a mailbox is not enough (`sync_do_update_mailbox` in
//! `imap/sync_support.c`):
//!
//! - If the replica ended with other CRCs, the CRCs are computed again, and the mailbox is sent
//!   again. If the master stored wrong ones, they are [corrected](crate::sync::repair::sums).
//! - If it still has other CRCs, or does not know what the master has forgotten, or has a higher
//!   UIDVALIDITY, both sides are compared in full and [repaired](crate::sync::repair).
//!
//! With `-O` nothing else on the master is changed, so there is no repair after the second attempt.
//! Both sides are still compared if the master has forgotten expunged records.

use super::single::send_alone;
use super::upload::Base;
use crate::error::{Error, Kind, Result};
use crate::events::{Step, SyncEvent};
use crate::sync::pass::Pass;
use crate::sync::repair::run::{WITH_COPYBACK, repair};
use crate::sync::repair::sums::mend_stored;
use crate::sync::survey::snapshot::Attempt;
use crate::types::MailboxEntry;

/// Takes the first of these steps: computes the CRCs again, requests the replica's state again, and
/// sends without a condition. If the CRCs still differ, a full comparison follows.
pub(crate) fn send_recomputed(pass: &mut Pass<'_>, entry: &MailboxEntry) -> Result<()> {
    let name = &entry.name;
    pass.report(Step::MailboxAgain { mailbox: name.clone() });
    let remote = pass.folders(std::slice::from_ref(name))?;
    let remote = remote.into_iter().find(|remote| remote.name == *name);
    if let Some(remote) = remote.as_ref().filter(|r| r.uniqueid != entry.uniqueid) {
        let detail = format!("the replica has another one of this name ({})", remote.uniqueid);
        return Err(Error::new(Kind::ReplicaMoved, "update mailbox", name, detail));
    }
    let base = Base { entry, remote: remote.as_ref(), attempt: Attempt::Recomputed, expunge: &[] };
    match send_alone(pass, &base) {
        Ok(()) => {
            mend_stored(pass, entry);
            Ok(())
        }
        Err(error) if error.kind() == Kind::ReplicaChecksum && !pass.settings.no_copyback => {
            pass.report(SyncEvent::ChecksumDiffersAgain { mailbox: name.clone() });
            repair(pass, entry)
        }
        Err(error) if error.kind() == Kind::ReplicaChecksum => {
            let detail = format!(
                "the replica holds something else ({}), and this server must not be changed",
                error.detail()
            );
            Err(Error::new(Kind::ReplicaChecksum, "update mailbox", name, detail)
                .hint(WITH_COPYBACK)
                .caused_by(error))
        }
        Err(error) => Err(error),
    }
}
