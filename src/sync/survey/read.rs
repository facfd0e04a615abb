//! Reads the data of an open mailbox for an update. The mailbox's index is read once for the whole
//! update.

use super::batch::Partial;
use super::compare::groups_to_send;
use super::difference::difference;
use super::records::{Read, Wanted, read_records};
use super::snapshot::{Attempt, Extent, Snapshot};
use crate::error::Result;
use crate::events::SyncEvent;
use crate::protocol::{RemoteFolder, Since};
use crate::store::Mailbox;
use crate::sync::pass::Pass;
use crate::types::{Annotation, MailboxHeader, MailboxState, SyncCrcs};

/// Compares an open mailbox with the replica's, and reads the data for an update. Returns `None` if
/// nothing differs.
pub(crate) fn snapshot(
    pass: &Pass<'_>,
    mailbox: &mut dyn Mailbox,
    remote: Option<&RemoteFolder>,
    attempt: Attempt,
    extent: Extent,
) -> Result<Option<Snapshot>> {
    let annotations = match (mailbox.annotations(), remote, extent) {
        // The update only creates the mailbox, so that the user's other mailboxes can follow. A
        // later update sends the annotations.
        (Err(_), None, Extent::Below(_)) => Vec::new(),
        (annotations, ..) => annotations?,
    };
    match difference(pass, mailbox, &annotations, remote)? {
        Some(why) => pass.report(SyncEvent::Sending { mailbox: mailbox.state().name.clone(), why }),
        None if attempt == Attempt::Repaired => {}
        None => return Ok(None),
    }
    read_differing(pass, mailbox, annotations, remote, attempt, extent).map(Some)
}

/// Reads the data for an update of an open mailbox that differs.
pub(super) fn read_differing(
    pass: &Pass<'_>,
    mailbox: &mut dyn Mailbox,
    annotations: Vec<Annotation>,
    remote: Option<&RemoteFolder>,
    attempt: Attempt,
    extent: Extent,
) -> Result<Snapshot> {
    let state = mailbox.state().clone();
    let batch_size = pass.settings.sync_batchsize;
    let thread_ids = pass.session.capabilities().thread_ids;
    let wanted = Wanted { remote, attempt, extent, batch_size, thread_ids };
    let Read { records, partial, stuck, crcs } = read_records(mailbox, &wanted)?;
    if let Some(partial) = partial {
        let (uid, modseq) = remote.map_or((0, 0), |r| (r.last_uid, r.highestmodseq));
        pass.report(SyncEvent::Partial {
            mailbox: state.name.clone(),
            uids: [uid, partial.last_uid, state.last_uid],
            modseqs: [modseq, partial.highestmodseq, state.highestmodseq],
        });
    }
    let since = remote
        .filter(|r| attempt != Attempt::Recomputed && r.highestmodseq != 0)
        .map(|r| Since { modseq: r.highestmodseq, crcs: r.crcs });
    let mut header = match partial {
        Some(partial) => part_header(&state, partial, extent, remote),
        None => whole_header(pass, &state, remote, crcs),
    };
    header.partition = pass.partition(&state.partition);
    Ok(Snapshot {
        header,
        whole: partial.is_none(),
        annotations,
        minor_version: state.minor_version,
        flags: state.flags,
        records,
        since,
        known_up_to: remote.map_or(0, |r| r.last_uid),
        replaces: remote.map(|r| r.crcs),
        stuck,
    })
}

/// Makes the header of an update to the complete state of the master.
fn whole_header(
    pass: &Pass<'_>,
    state: &MailboxState,
    remote: Option<&RemoteFolder>,
    crcs: SyncCrcs,
) -> MailboxHeader {
    let crcs = crcs.with(pass.session.capabilities().thread_ids);
    let mut header = MailboxHeader { crcs, ..state.header.clone() };
    header.usergroups = groups_to_send(header.usergroups.take(), remote);
    if pass.settings.no_copyback {
        // With `-O` (never change the master) the replica would accept a LAST_UID below the UIDs of
        // its messages, and its imapd would abort at the next new message. So never send a LAST_UID
        // below the replica's.
        header.last_uid = header.last_uid.max(remote.map_or(0, |r| r.last_uid));
        return header;
    }
    // The replica refuses an XCONVMODSEQ lower than its own, so leave the value out in that case.
    // With `-O` the replica would accept a lower value, and would treat a missing value as 0.
    let theirs = remote.and_then(|r| r.xconvmodseq);
    header.xconvmodseq = header.xconvmodseq.filter(|ours| theirs.is_none_or(|t| t <= *ours));
    header
}

/// Makes the header of a partial state.
fn part_header(
    state: &MailboxState,
    partial: Partial,
    extent: Extent,
    remote: Option<&RemoteFolder>,
) -> MailboxHeader {
    let none = MailboxHeader::default();
    let mut header = match extent {
        Extent::Batch => state.in_part(remote.map_or(&none, |r| &r.header)),
        Extent::Below(_) => {
            // The replica may stay in this state for long. So use all of the mailbox's values
            // except the UIDs and the modseq.
            let mut header = state.in_part(state);
            header.recentuid = header.recentuid.min(partial.last_uid);
            header
        }
    };
    header.last_uid = partial.last_uid;
    header.highestmodseq = partial.highestmodseq;
    header
}
