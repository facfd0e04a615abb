//! Puts right what the master's index stores of its own records: a sync CRC that is not theirs, as
//! an old fault of some Cyrus or a file from a backup leaves it.

use super::master::{in_place, of_master};
use crate::error::{Kind, Result};
use crate::events::SyncEvent;
use crate::protocol::{Command, Since};
use crate::store::Crcs;
use crate::sync::folders::identity::shared_id;
use crate::sync::pass::Pass;
use crate::sync::survey::difference::check_identity;
use crate::sync::survey::snapshot::Snapshot;
use crate::types::{MailboxEntry, MailboxState, SyncCrcs};

/// Has the master's own Cyrus put the stored CRCs right, if they are not those of the records. With
/// `-O` too, like Cyrus's client: no message, flag or name of the account changes.
///
/// The replica has what it must already, so what fails here is reported and fails nothing.
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

/// Returns what was stored and what belongs to the records; `None` if these are the same.
fn mend(pass: &mut Pass<'_>, entry: &MailboxEntry) -> Result<Option<[SyncCrcs; 2]>> {
    let Some(first) = look(pass, entry)? else { return Ok(None) };
    if let Some(master) = pass.master.as_mut() {
        master.server(&first.state).map_err(|error| of_master(&first.state.name, error))?;
    }
    // Starting the server takes time. What has no modseq, such as RECENTUID, may have changed.
    let Some(wrong) = look(pass, entry)? else { return Ok(None) };
    let Some(master) = pass.master.as_mut() else { return Ok(None) };
    let Wrong { state, stored, computed, mut update } = wrong;
    let own = |error| of_master(&state.name, error);
    let server = master.server(&state).map_err(own)?;
    update.header.crcs = computed.with(server.capabilities().thread_ids);
    in_place(pass.store, &state)?;
    // If the mailbox has other CRCs after the update than the update names, the server computes
    // them again (`sync_apply_mailbox` in `imap/sync_support.c`).
    let ticket = server.submit(Command::Mailbox(update.update(false)));
    let applied = ticket.and_then(|ticket| server.wait(ticket));
    if let Err(error) = applied {
        // A refusal because the mailbox has changed is no fault of the server.
        if error.kind() != Kind::Changed {
            master.broken();
        }
        return Err(own(error));
    }
    Ok(Some([stored, computed]))
}

/// A mailbox whose index stores wrong CRCs.
struct Wrong {
    state: MailboxState,
    stored: SyncCrcs,
    computed: SyncCrcs,
    /// The mailbox as it is, on condition that it still is.
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
    // CRCs that are not stored are not wrong. Other damage of the mailbox is left to `reconstruct`.
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
    // The groups belong to the user on the master, and may have changed since.
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
