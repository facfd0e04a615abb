//! Whether a mailbox must be sent, and whether an update will do.

use super::compare::{self, Difference, Known};
use crate::error::{Error, Kind, Result};
use crate::events::SyncEvent;
use crate::protocol::RemoteFolder;
use crate::store::{Crcs, Glance, Mailbox};
use crate::sync::clock::unix_time;
use crate::sync::pass::Pass;
use crate::sync::repair::bounds::Measure;
use crate::types::{Annotation, MailboxEntry, MailboxState};

/// Whether the replica has higher values than the master where an update cannot lower them:
/// somebody wrote to it.
pub(crate) fn is_outdone(
    pass: &Pass<'_>,
    state: &MailboxState,
    remote: Option<&RemoteFolder>,
) -> bool {
    let there = remote.filter(|_| !pass.settings.no_copyback);
    there.is_some_and(|there| state.outdone_by(there).next().is_some())
}

/// Fails if the replica claims of a mailbox what cannot be.
fn believe(pass: &Pass<'_>, here: &MailboxState, there: &RemoteFolder) -> Result<()> {
    let mut measure = Measure { here, used_modseq: 0, now: unix_time() };
    if pass.settings.no_copyback {
        return measure.check_overruled(there);
    }
    if measure.check_folder(there).is_err() {
        // That of the whole user takes reading a file, and hardly ever matters.
        measure.used_modseq = pass.store.used_modseq(&here.name)?;
    }
    measure.check_folder(there)
}

/// The first difference between an open mailbox and the replica's, if any.
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
    // What is not stored would agree with everything.
    let stored = mailbox.crcs(Crcs::Stored)?;
    if found.is_some() || (stored.basic.is_some() && stored.agrees(remote.crcs)) {
        return Ok(found);
    }
    let master = mailbox.crcs(Crcs::Recomputed)?;
    Ok((!master.agrees(remote.crcs)).then_some(Difference::Crcs { master, replica: remote.crcs }))
}

/// Whether a glance at a mailbox shows that the replica has the same. If not it must be opened.
pub(crate) fn is_same(pass: &Pass<'_>, glance: &Glance, remote: &RemoteFolder) -> bool {
    let Glance { state, annotations } = glance;
    let same = || compare::mailbox(state, annotations, remote, Known::of(pass)).is_none();
    state.crcs.basic.is_some()
        && state.crcs.agrees(remote.crcs)
        && same()
        && believe(pass, state, remote).is_ok()
}

/// Whether the master has forgotten expunged records that the replica may not know of.
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

/// Fails unless an open mailbox is the one of an entry.
pub(crate) fn check_identity(mailbox: &dyn Mailbox, entry: &MailboxEntry) -> Result<()> {
    let state = mailbox.state();
    if state.uniqueid == entry.uniqueid && state.partition == entry.partition {
        return Ok(());
    }
    Err(Error::new(
        Kind::Moved,
        "update mailbox",
        &entry.name,
        "it was renamed, recreated or moved to another partition meanwhile",
    ))
}
