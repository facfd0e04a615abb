//! Changes the master according to a plan: fetches the messages that the master lacks, and sends
//! one update to the master's own replication server.

use std::path::Path;

use super::fetch;
use super::plan::Plan;
use super::sides;
use crate::error::{Error, Kind, Mark, Result};
use crate::events::{Observer, Step, SyncEvent};
use crate::protocol::{Command, RemoteFolder, Reserve, Since};
use crate::replica::Replica;
use crate::store::Store;
use crate::sync::master::Master;
use crate::sync::pass::Pass;
use crate::sync::survey::snapshot::Snapshot;
use crate::types::{MailboxEntry, MailboxState, MboxName, SyncCrcs};

/// Changes the master to the planned state. Closes the server if this fails.
pub(crate) fn write_master(
    pass: &mut Pass<'_>,
    state: &MailboxState,
    remote: &RemoteFolder,
    plan: &Plan,
) -> Result<()> {
    let name = &state.name;
    let Some(master) = pass.master.as_mut() else {
        let detail = "the master would have to be changed, but this is not possible here";
        return Err(Error::new(Kind::NeedsFullSync, "repair mailbox", name, detail)
            .with_hint("run Cyrus's own sync_client on this mailbox once"));
    };
    let scratch = &pass.settings.temp_path;
    let work = Through { state, remote, plan, store: pass.store, scratch };
    let staged = stage(pass.session, &mut **master, &work);
    let result = staged.and_then(|update| {
        let applied = apply(&mut **master, &work, &update, pass.observer);
        // Log the change for other channels even if the server's reply was lost or a later step
        // failed, because the next comparison may find nothing to change. One entry too many is
        // harmless.
        let is_unchanged = |error: &Error| matches!(error.kind(), Kind::Changed | Kind::Moved);
        if !applied.as_ref().is_err_and(is_unchanged) {
            master.changed(name)?;
        }
        applied
    });
    let Err(error) = result else { return Ok(()) };
    // Close the server, because its staged files must not be used by the next attempt.
    master.broken();
    if matches!(error.kind(), Kind::Changed | Kind::ReplicaChanged) {
        return Err(error);
    }
    let mailbox = name.clone();
    pass.report(SyncEvent::MasterFailed { mailbox, error: error.clone() });
    Err(error.marked(Mark::Reported))
}

/// A plan, with the objects that are needed to carry it out on the master.
struct Through<'t> {
    state: &'t MailboxState,
    remote: &'t RemoteFolder,
    plan: &'t Plan,
    /// The master's data.
    store: &'t dyn Store,
    /// The directory for files of long messages.
    scratch: &'t Path,
}

/// Fetches the messages that the plan needs from the replica to the master's own server. Returns the
/// update that adds them.
fn stage(
    replica: &mut dyn Replica,
    master: &mut dyn Master,
    work: &Through<'_>,
) -> Result<Snapshot> {
    let Through { state, remote, plan, scratch, .. } = work;
    let name = &state.name;
    // Fails if the plan is impossible. So do this before anything is fetched.
    let snapshot = for_master(state, plan)?;
    let own = |error: Error| of_master(name, error);
    let server = master.server(state).map_err(own)?;
    if !plan.own.is_empty() {
        // The server finds the files of these messages in the mailbox itself.
        let among = std::slice::from_ref(name);
        let reserve = Reserve { partition: &state.partition, among, guids: &plan.own };
        let ticket = server.submit(Command::Reserve(reserve));
        let reply = server.wait(ticket.map_err(own)?).map_err(own)?;
        let missing = reply.missing().map_err(own)?;
        if let Some(guid) = missing.first() {
            let detail = format!("the message with GUID {guid} cannot be found");
            return Err(Error::new(Kind::Corrupt, "repair mailbox", name, detail)
                .with_hint("run reconstruct on the mailbox"));
        }
    }
    let mut rest = plan.fetch.as_slice();
    while !rest.is_empty() {
        let fetched = fetch::fetch(replica, remote, scratch, &mut rest)?;
        fetch::upload(server, &state.partition, fetched).map_err(own)?;
    }
    Ok(snapshot)
}

/// Writes the plan to the master. Fails with [`Kind::Changed`] or [`Kind::Moved`] if the mailbox is
/// no longer in the state on which the plan is based, and therefore was not changed.
fn apply(
    master: &mut dyn Master,
    work: &Through<'_>,
    update: &Snapshot,
    observer: &dyn Observer,
) -> Result<()> {
    let Through { state, store, .. } = work;
    let own = |error: Error| of_master(&state.name, error);
    let server = master.server(state).map_err(own)?;
    observer.event(&Step::MasterMailbox { mailbox: state.name.clone() }.into());
    // The update has no condition that includes the partition, but staged files are on one
    // partition. If the mailbox was moved to another one, Cyrus would start the update and not find
    // the messages. If the mailbox was deleted, Cyrus would create it again before it checks the
    // conditions. So look at the last moment.
    in_place(*store, state)?;
    let ticket = server.submit(Command::Mailbox(update.update(false))).map_err(own)?;
    server.wait(ticket).map_err(own)?;
    let ticket = server.submit(Command::Restart).map_err(own)?;
    server.wait(ticket).map(drop).map_err(own)
}

/// Fails with [`Kind::Changed`] if the mailbox was moved or recreated since it was read.
pub(super) fn in_place(store: &dyn Store, state: &MailboxState) -> Result<()> {
    let is_same = |entry: &MailboxEntry| {
        let same_id = entry.uniqueid.is_empty() || entry.uniqueid == state.uniqueid;
        same_id && entry.partition == state.partition
    };
    if store.lookup(&state.name)?.as_ref().is_some_and(is_same) {
        return Ok(());
    }
    Err(Error::new(Kind::Changed, "repair mailbox", &state.name, "it was moved during the repair"))
}

/// Converts an error of the session with the master's own server, because such errors normally
/// refer to the replica. In particular, a lost connection becomes [`Kind::OwnServer`].
pub(super) fn of_master(name: &MboxName, error: Error) -> Error {
    let refused = error.is_refusal();
    let kind = match error.kind() {
        // A mailbox that was removed meanwhile also counts as changed.
        Kind::ReplicaChanged | Kind::ReplicaNoMailbox => Kind::Changed,
        Kind::ReplicaMoved => Kind::Moved,
        Kind::ReplicaLocked => Kind::Locked,
        Kind::Cancelled => Kind::Cancelled,
        _ if error.is_connection() => Kind::OwnServer,
        Kind::ReplicaNoUser
        | Kind::ReplicaNotSupported
        | Kind::ReplicaChecksum
        | Kind::ReplicaBadSieve
        | Kind::ReplicaProtocol
        | Kind::ReplicaBadParameters
        | Kind::ReplicaDenied => Kind::OwnServer,
        kind => kind,
    };
    let detail = if refused {
        format!("this server's own Cyrus refused {}: {}", error.subject(), error.detail())
    } else {
        format!("{} {}: {}", error.op(), error.subject(), error.detail())
    };
    let hint = match (refused || error.is_connection(), error.hint()) {
        (false, hint) if !hint.is_empty() => hint.to_owned(),
        _ => "see this server's log".to_owned(),
    };
    let reported = Error::new(kind, "change mailbox", name, detail).with_hint(hint);
    match error.peer().cloned() {
        Some(peer) => reported.with_peer(peer).with_source(error),
        None => reported.with_source(error),
    }
}

fn for_master(state: &MailboxState, plan: &Plan) -> Result<Snapshot> {
    let mut header = plan.header.clone();
    // Send this value only if the master has conversations.
    header.xconvmodseq = state.xconvmodseq.and(header.xconvmodseq);
    // Do not send the user's groups, because the master may have changed them meanwhile.
    header.usergroups = None;
    // Send no CRCs. They would have to be those of the new state, which are not computed here.
    header.crcs = SyncCrcs::UNKNOWN;
    let mut flags = state.flags.clone();
    let records = sides::updates(&plan.master, &state.name, &mut flags)?;
    let since = Since { modseq: state.highestmodseq, crcs: state.crcs };
    Ok(Snapshot {
        header,
        whole: true,
        annotations: plan.annotations.clone(),
        flags,
        minor_version: state.minor_version,
        records,
        since: (since.modseq != 0).then_some(since),
        known_up_to: state.last_uid,
        replaces: Some(state.crcs),
        stuck: None,
    })
}
