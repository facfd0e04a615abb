//! Decides whether a mailbox must be sent, and whether an update is enough.

use super::compare::{self, Difference, Known};
use crate::error::{Error, Kind, Result};
use crate::events::SyncEvent;
use crate::protocol::RemoteFolder;
use crate::store::{Crcs, Mailbox, ReadMailbox as _, UnlockedState};
use crate::sync::clock::unix_time;
use crate::sync::pass::Pass;
use crate::sync::repair::bounds::Measure;
use crate::types::{Annotation, MailboxEntry, MailboxState};

/// Returns whether the replica has values higher than the master's that an update cannot lower. In
/// that case another program has changed the replica.
pub(crate) fn is_outdone(
    pass: &Pass<'_>,
    state: &MailboxState,
    remote: Option<&RemoteFolder>,
) -> bool {
    let there = remote.filter(|_| !pass.settings.no_copyback);
    there.is_some_and(|there| state.outdone_by(there).next().is_some())
}

/// Checks the values that the replica reports of a mailbox. Fails if they are impossible.
fn believe(pass: &Pass<'_>, here: &MailboxState, there: &RemoteFolder) -> Result<()> {
    let mut measure = Measure { here, used_modseq: 0, now: unix_time() };
    if pass.settings.no_copyback {
        return measure.check_overruled(there);
    }
    if measure.check_folder(there).is_err() {
        // Read the highest modseq of the whole user only if it is needed, because it is in another
        // file.
        measure.used_modseq = pass.store.used_modseq(&here.name)?;
    }
    measure.check_folder(there)
}

/// Returns the first difference between an open mailbox and the replica's, or `None` if they are
/// equal.
pub(crate) fn difference(
    pass: &Pass<'_>,
    mailbox: &mut dyn Mailbox,
    annotations: &[Annotation],
    remote: Option<&RemoteFolder>,
) -> Result<Option<Difference>> {
    let Some(remote) = remote else { return Ok(Some(Difference::Missing)) };
    let state = mailbox.state();
    believe(pass, state, remote)?;
    let found = compare::mailbox(state, annotations, remote, Known::of(pass));
    // Missing stored CRCs would agree with any CRCs.
    let stored = mailbox.crcs(Crcs::Stored)?;
    if found.is_some() || (stored.basic.is_some() && stored.agrees(remote.crcs)) {
        return Ok(found);
    }
    let master = mailbox.crcs(Crcs::Recomputed)?;
    Ok((!master.agrees(remote.crcs)).then_some(Difference::Crcs { master, replica: remote.crcs }))
}

/// Returns whether a state that was read without locks is equal to the replica's. If this returns
/// `false`, the mailbox must be opened and compared under its locks.
pub(crate) fn is_same(pass: &Pass<'_>, unlocked: &UnlockedState, remote: &RemoteFolder) -> bool {
    let UnlockedState { state, annotations } = unlocked;
    let same = || compare::mailbox(state, annotations, remote, Known::of(pass)).is_none();
    state.crcs.basic.is_some()
        && state.crcs.agrees(remote.crcs)
        && same()
        && believe(pass, state, remote).is_ok()
}

/// Returns whether the master has forgotten expunged records that the replica may not know.
pub(crate) fn has_forgotten(
    pass: &Pass<'_>,
    state: &MailboxState,
    remote: Option<&RemoteFolder>,
) -> bool {
    let Some(remote) = remote.filter(|r| state.deletedmodseq > r.highestmodseq) else {
        return false;
    };
    pass.report(SyncEvent::Forgotten {
        mailbox: state.name.clone(),
        deletedmodseq: state.deletedmodseq,
        highestmodseq: remote.highestmodseq,
    });
    true
}

/// Fails unless an open mailbox belongs to this entry.
pub(crate) fn check_identity(mailbox: &dyn Mailbox, entry: &MailboxEntry) -> Result<()> {
    let state = mailbox.state();
    if state.uniqueid == entry.uniqueid && state.partition == entry.partition {
        return Ok(());
    }
    Err(moved_meanwhile(entry))
}

/// Makes the error for a mailbox that was renamed, recreated or moved after its entry was read.
pub(crate) fn moved_meanwhile(entry: &MailboxEntry) -> Error {
    let detail = "it was renamed, created again or moved to another partition during the run";
    Error::new(Kind::Moved, "update mailbox", &entry.name, detail)
}
