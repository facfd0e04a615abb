//! The steps to take if a plain update of a mailbox is not enough (`sync_do_update_mailbox` in
//! `imap/sync_support.c`):
//!
//! - If the replica has other CRCs than the master after an update, the CRCs are computed from the
//!   records, and the mailbox is sent again. If the CRCs in the master's cyrus.index are wrong,
//!   they are [corrected](crate::sync::repair::sums).
//! - If the replica's CRCs still differ, both sides are compared in full and
//!   [repaired](crate::sync::repair). This also happens if the master has forgotten expunged
//!   records that the replica may not know, or if the replica has a higher value than the master,
//!   for example of UIDVALIDITY.
//!
//! With `-O` a repair must not change the master, so there is no repair after the second attempt.
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

/// Sends a mailbox again after a CRC mismatch: requests the replica's state, computes the CRCs, and
/// sends the update without a condition. If the CRCs still differ, repairs the mailbox.
pub(crate) fn send_recomputed(pass: &mut Pass<'_>, entry: &MailboxEntry) -> Result<()> {
    let name = &entry.name;
    pass.report(Step::MailboxAgain { mailbox: name.clone() });
    let remote = pass.folders(std::slice::from_ref(name))?;
    let remote = remote.into_iter().find(|remote| remote.name == *name);
    if let Some(remote) = remote.as_ref().filter(|r| r.uniqueid != entry.uniqueid) {
        let detail = format!("the replica has another mailbox of this name ({})", remote.uniqueid);
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
                "the mailbox differs on the replica ({}), but this server must not be changed",
                error.detail()
            );
            Err(Error::new(Kind::ReplicaChecksum, "update mailbox", name, detail)
                .with_hint(WITH_COPYBACK)
                .with_source(error))
        }
        Err(error) => Err(error),
    }
}
