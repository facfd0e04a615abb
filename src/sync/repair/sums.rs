//! Corrects sync CRCs in the master's cyrus.index that do not match its records. Bugs in old
//! versions of Cyrus, or files from a backup, can leave such CRCs.

use super::master::{in_place, of_master};
use crate::error::{Kind, Result};
use crate::events::SyncEvent;
use crate::protocol::{Command, Since};
use crate::store::{Crcs, ReadMailbox as _};
use crate::sync::folders::identity::shared_id;
use crate::sync::pass::Pass;
use crate::sync::survey::difference::check_identity;
use crate::sync::survey::snapshot::Snapshot;
use crate::types::{MailboxEntry, MailboxState, SyncCrcs};

/// If the stored CRCs do not match the records, makes the master's own Cyrus correct them. Like
/// Cyrus's client, does so with `-O` too, because no message, flag or name changes.
///
/// The replica is up to date already, so an error is reported but is no failure.
pub(crate) fn mend_stored(pass: &mut Pass<'_>, entry: &MailboxEntry) {
    let mends = pass.master.as_ref().is_some_and(|master| master.mends_sums());
    if pass.session.is_dry() || !mends {
        return;
    }
    let mailbox = entry.name.clone();
    match mend(pass, entry) {
        Ok(None) => {}
        Ok(Some([stored, computed])) => {
            pass.report(SyncEvent::CrcsMended { mailbox, stored, computed });
        }
        Err(error) if error.kind() == Kind::Cancelled => {}
        Err(error) => pass.report(SyncEvent::CrcsStay { mailbox, error }),
    }
}

/// Corrects the CRCs of one mailbox. Returns the stored CRCs and the correct ones, or `None` if
/// they are the same.
fn mend(pass: &mut Pass<'_>, entry: &MailboxEntry) -> Result<Option<[SyncCrcs; 2]>> {
    let Some(first) = look(pass, entry)? else { return Ok(None) };
    if let Some(master) = pass.master.as_mut() {
        master.server(&first.state).map_err(|error| of_master(&first.state.name, error))?;
    }
    // Starting the server takes time. Read the mailbox again, because values without a modseq, such
    // as RECENTUID, may have changed meanwhile.
    let Some(wrong) = look(pass, entry)? else { return Ok(None) };
    let Some(master) = pass.master.as_mut() else { return Ok(None) };
    let Wrong { state, stored, computed, mut update } = wrong;
    let own = |error| of_master(&state.name, error);
    let server = master.server(&state).map_err(own)?;
    update.header.crcs = computed.with(server.capabilities().thread_ids);
    in_place(pass.store, &state)?;
    // The update contains the correct CRCs. The server sees that the stored ones differ, and
    // computes them again (`sync_apply_mailbox` in `imap/sync_support.c`).
    let ticket = server.submit(Command::Mailbox(update.update(false)));
    let applied = ticket.and_then(|ticket| server.wait(ticket));
    if let Err(error) = applied {
        let error = own(error);
        // If the update was refused because the mailbox has changed, the server can stay in use.
        if error.kind() == Kind::Changed {
            master.remember(&state.uniqueid, state.last_uid);
        } else {
            master.broken();
        }
        return Err(error);
    }
    Ok(Some([stored, computed]))
}

/// A mailbox whose index stores wrong CRCs.
struct Wrong {
    state: MailboxState,
    stored: SyncCrcs,
    computed: SyncCrcs,
    /// An update to the present state of the mailbox, on condition that the mailbox still has this
    /// state.
    update: Snapshot,
}

fn look(pass: &Pass<'_>, entry: &MailboxEntry) -> Result<Option<Wrong>> {
    let mut mailbox = match pass.store.open(&entry.name) {
        Ok(mailbox) => mailbox,
        Err(error) if error.kind() == Kind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    check_identity(mailbox.as_ref(), entry)?;
    let stored = mailbox.crcs(Crcs::Stored)?;
    let computed = mailbox.crcs(Crcs::Recomputed)?;
    // Missing CRCs are not wrong. A mailbox with other damage needs `reconstruct`.
    let is_right = stored.basic.is_none() || stored.agrees(computed);
    if is_right || mailbox.inconsistency().is_some() {
        return Ok(None);
    }
    let annotations = mailbox.annotations()?;
    let state = mailbox.state().clone();
    drop(mailbox);
    if shared_id(pass, entry)?.is_some() {
        return Ok(None);
    }
    let mut header = state.header.clone();
    // Do not send the user's groups, because the master may have changed them meanwhile.
    header.usergroups = None;
    let update = Snapshot {
        header,
        whole: true,
        annotations,
        flags: state.flags.clone(),
        minor_version: state.minor_version,
        records: Vec::new(),
        since: Some(Since { modseq: state.highestmodseq, crcs: stored }),
        known_up_to: state.last_uid,
        replaces: Some(stored),
        stuck: None,
    };
    Ok(Some(Wrong { state, stored, computed, update }))
}
